"""What the mini-program calls before anybody is signed in."""

from integrations.wechat import service
from integrations.wechat.schemas import LoginIn, LoginOut
from roost import Context, Endpoints, Remote

public = Endpoints("public")


@public.post("/login", rate="60/minute")
class Login(Remote):
    """Log in with WeChat; one tap with the phone number makes a new person known.

    Send the code of `wx.login`. When the reply says `needs_phone`, show the quick-phone button and call
    again with a new code and the button's `phone_code`.
    """

    def prepare(self, ctx: Context, body: LoginIn) -> service.Asked:  # type: ignore[override]  # the endpoint's body
        """Read the app's settings."""
        return service.prepare(ctx, body)

    def call(self, prepared: service.Asked) -> service.Told:
        """Ask WeChat."""
        return service.ask(prepared)

    def complete(self, ctx: Context, prepared: service.Asked, answer: service.Told) -> LoginOut:
        """Find or register the person and open a session."""
        return service.sign_in(ctx, prepared, answer)
