"""What the mini-program and the app call: log in by a code, change one's phone."""

from uuid import UUID

from integrations.sms import codes
from integrations.sms.schemas import CodeIn, CodeOut, LoginIn, LoginOut, PhoneCodeIn, PhoneIn, PhoneOut
from roost import Context, Endpoints, Forbidden

public = Endpoints("public")
member = Endpoints("member")


@public.post("/codes", status=202, rate="120/minute")
def ask_for_code(ctx: Context, body: CodeIn) -> CodeOut:
    """Send a code to a phone, to log in with. It is the same for a phone that is known and one that is not.

    429 `sms_too_often` with Retry-After past the limits of a phone or an address, `sms_used_up` past the brand's own.
    """
    return codes.ask_to_log_in(ctx, body)


@public.post("/login", rate="60/minute")
def log_in(ctx: Context, body: LoginIn) -> LoginOut:
    """Log in with the code that was sent to a phone; an unknown person becomes known.

    A code works once, for five tries; then ask for another.
    """
    return codes.log_in(ctx, body)


@member.post("/phone/codes", status=202, rate="30/minute")
def ask_for_phone_code(ctx: Context, body: PhoneCodeIn) -> CodeOut:
    """Send a code to the phone you want to have, or, without one, to the phone you have now."""
    return codes.ask_to_change(ctx, _own(ctx), body)


@member.post("/phone", rate="30/minute")
def change_phone(ctx: Context, body: PhoneIn) -> PhoneOut:
    """Change your phone, with the code sent to the new one and, unless the brand waives it, one sent to the present."""
    return codes.change(ctx, _own(ctx), body)


def _own(ctx: Context) -> UUID:
    if ctx.member is None:
        raise Forbidden("this is for members", "该接口仅供会员使用")
    return ctx.member
