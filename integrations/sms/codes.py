"""Codes by text message: log in with one, and change one's phone with one."""

from datetime import timedelta
from uuid import UUID

from integrations.sms import limits, messages, routing
from integrations.sms.schemas import (
    CodeIn,
    CodeOut,
    LoginIn,
    LoginOut,
    MemberOut,
    PhoneCodeIn,
    PhoneIn,
    PhoneOut,
    SendJob,
    SmsSettings,
)
from roost import (
    Actor,
    Context,
    Invalid,
    RoostError,
    Unavailable,
    identity,
    members,
    new_id,
    normalise_phone,
    savepoint,
)

LOGIN, CHANGE, PRESENT = "login", "change_phone", "present_phone"
FALL_BACK = {CHANGE: LOGIN, PRESENT: CHANGE}  # whose template serves a purpose that has none of its own
NO_ADDRESS = "unknown"  # all whom the host gives no address share one limit
AGAIN_IN = 60  # seconds; core issues no second code sooner
Proof = tuple[str, str, str]  # purpose, subject, code


def _purpose(purpose: str) -> str:
    return f"sms.{purpose}"


def _phone(text: str) -> str:
    """Return a phone in E.164; Invalid names the field of the body."""
    try:
        return normalise_phone(text)
    except Invalid as ex:
        fields = [{"path": "body.phone", "message": one["message"]} for one in ex.fields]
        raise Invalid(ex.message, ex.message_zh, code=ex.code, fields=fields) from None


def _template(settings: SmsSettings, purpose: str) -> str:
    while purpose not in settings.templates and purpose in FALL_BACK:
        purpose = FALL_BACK[purpose]
    return purpose


def issue(ctx: Context, purpose: str, phone: str, subject: str, member: UUID | None = None) -> CodeOut:
    """Send a code to a phone (E.164), in the open transaction; a job carries it out.

    Raises TooManyRequests by the limits, Unavailable when no provider is set up.
    """
    settings = ctx.settings(SmsSettings)
    template = _template(settings, purpose)
    routes = routing.routes_of(ctx, settings, template, {}) if template in settings.templates else ()
    if not routes:
        raise Unavailable(
            f"no text messages can be sent for {purpose}: an administrator enters a provider and its template",
            "短信服务尚未配置，请联系管理员",
            code="sms_not_configured",
        )
    address = ctx.address or NO_ADDRESS
    limits.pass_code(ctx, settings, limits.asker_of(ctx, phone, address, member))
    price = max(route.price for route in routes)
    day = limits.book(ctx, settings, price)
    if day is None:
        raise limits.used_up(ctx)
    lasts = timedelta(minutes=settings.code_minutes)
    code = identity.issue_code(ctx, _purpose(purpose), subject, ttl=int(lasts.total_seconds()))
    new = messages.New(
        key=f"code:{new_id().hex}",
        kind="code",
        purpose=purpose,
        phone=phone,
        template=template,
        params={"code": code, "minutes": str(settings.code_minutes)},
        member=member,
        address=address,
        expires_at=ctx.now() + lasts,
    )
    row = messages.write(ctx, new, day, price)
    ctx.enqueue("sms.send", SendJob(message=row.id), dedupe=f"send:{row.id}")
    return CodeOut(expires_in=int(lasts.total_seconds()), again_in=AGAIN_IN)


# --- log in -----------------------------------------------------------------------------------------------------------


def ask_to_log_in(ctx: Context, body: CodeIn) -> CodeOut:
    """Send a code to whoever has the phone, known or not: nothing here looks for a member."""
    phone = _phone(body.phone)
    return issue(ctx, LOGIN, phone, phone)


def log_in(ctx: Context, body: LoginIn) -> LoginOut:
    """Open a session for who has the phone; an unknown person becomes a lead.

    Raises Invalid (`bad_code`) for a code that is wrong, used or too old, and after five tries.
    """
    phone = _phone(body.phone)
    identity.check_code(ctx, _purpose(LOGIN), phone, body.code)
    channel = f"sms:{body.channel}" if body.channel else "sms"
    found, registered = members.register(ctx, channel=channel, phone=phone, invitation=body.invitation)
    messages.claim(ctx, phone, found.id)
    mine = members.get(ctx.acting(Actor("member", found.id)), found.id)
    token = identity.open_session(ctx, "member", found.id, device="sms")
    return LoginOut(token=token, member=MemberOut.model_validate(mine), registered=registered)


# --- change the phone -------------------------------------------------------------------------------------------------


def ask_to_change(ctx: Context, member: UUID, body: PhoneCodeIn) -> CodeOut:
    """Send a signed-in member a code, to the new phone, or to the present one when none is named.

    Whether somebody else has the new one is not told before its owner has shown the code. Raises Invalid when there is
    no present phone.
    """
    member = members.resolve(ctx, member)
    if body.phone is not None:
        phone = _phone(body.phone)
        return issue(ctx, CHANGE, phone, _of(member, phone), member)
    present = messages.phone_of(ctx, member)
    if not present:
        raise Invalid(
            "you have no phone yet: name the new one", "尚未绑定手机号，请填写新手机号",
            code="no_phone", fields=[{"path": "body.phone", "message": "the new number"}],
        )  # fmt: skip
    return issue(ctx, PRESENT, present, _of(member, present), member)


def change(ctx: Context, member: UUID, body: PhoneIn) -> PhoneOut:
    """Give a signed-in member another phone, on proof of the new one and of the present one.

    A wrong code costs a try of that code only; the other stays good. Raises Invalid (`bad_code`,
    `present_code_needed`), Conflict (`phone_taken`).
    """
    member = members.resolve(ctx, member)
    phone = _phone(body.phone)
    present = messages.phone_of(ctx, member)
    proofs: list[Proof] = [(_purpose(CHANGE), _of(member, phone), body.code)]
    if present and ctx.settings(SmsSettings).confirm_old_phone:
        if body.present_code is None:
            raise Invalid(
                "a code from the present phone is needed too", "请同时填写原手机号收到的验证码",
                code="present_code_needed",
                fields=[{"path": "body.present_code", "message": "ask for one at /v1/sms/phone/codes"}],
            )  # fmt: skip
        proofs.append((_purpose(PRESENT), _of(member, present), body.present_code))
    for proof in proofs:
        if not _holds(ctx, proof):
            identity.check_code(ctx, *proof)  # raises, and counts the try
    for proof in proofs:
        identity.check_code(ctx, *proof)
    view = members.change_phone(ctx.acting(Actor("member", member)), member, phone)
    messages.claim(ctx, phone, member)
    return PhoneOut(phone_masked=view.phone_masked)


def _of(member: UUID, phone: str) -> str:
    """Return whose code it is: nobody else's session can use it."""
    return f"{member}:{phone}"


class _Undo(Exception):
    """Leave a savepoint without a trace."""


def _holds(ctx: Context, proof: Proof) -> bool:
    """Tell whether a code is good without using it up."""
    try:
        with savepoint():
            identity.check_code(ctx, *proof)
            raise _Undo
    except _Undo:
        return True
    except RoostError:
        return False
