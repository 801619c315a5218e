"""What the mini-program calls: the login, and which messages a member agreed to. Staff fetch pictures of codes."""

from uuid import UUID

from integrations.wechat import codes, service, subscriptions
from integrations.wechat.schemas import LoginIn, LoginOut, SubscriptionsIn, SubscriptionsOut
from roost import Answer, Context, Endpoints, Remote

public = Endpoints("public")
member = Endpoints("member")
staff = Endpoints("staff")


@public.post("/login", rate="60/minute")
class Login(Remote):
    """Log in with WeChat; one tap with the phone number makes a new person known.

    Send the code of `wx.login`. When the reply says `needs_phone`, show the quick-phone button and call
    again with a new code and the button's `phone_code`.
    """

    def prepare(self, ctx: Context, body: LoginIn) -> service.Asked:  # type: ignore[override]  # the endpoint's body
        return service.prepare(ctx, body)

    def call(self, prepared: service.Asked) -> service.Told:
        return service.ask(prepared)

    def complete(self, ctx: Context, prepared: service.Asked, answer: service.Told) -> LoginOut:
        """Find or register the person and open a session."""
        return service.sign_in(ctx, prepared, answer)


@member.get("/subscriptions")
def list_subscriptions(ctx: Context) -> SubscriptionsOut:
    """List the subscribe messages I may be asked about, and how often each may still be sent to me."""
    return subscriptions.standing(ctx, ctx.member)


@member.post("/subscriptions", rate="30/minute")
def report_subscriptions(ctx: Context, body: SubscriptionsIn) -> SubscriptionsOut:
    """Record what I answered in WeChat's dialogue, as `wx.requestSubscribeMessage` told it.

    Where the brand has message push, WeChat's own event counts instead. Nothing depends on the answer.
    """
    return subscriptions.report(ctx, ctx.member, body.results)


@staff.get("/codes/{row_id}/image", permission="wechat.view")
def code_picture(ctx: Context, row_id: UUID) -> Answer:
    """Return the picture of a mini-program code, PNG or JPEG; 404 until it is drawn."""
    return codes.picture(ctx, row_id)
