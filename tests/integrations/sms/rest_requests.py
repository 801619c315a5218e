"""Working requests of text messages. What they answer tells no code, so the codes are issued here."""

from datetime import timedelta
from typing import Any

from core import identity, tenants
from integrations.fake_server import Running
from integrations.sms.fake import APP_ID, KEY_ID, KEY_SECRET, TencentFake
from integrations.sms.models import SmsDay, SmsMessage, SmsOptOut, SmsReply
from roost import blind, seal
from tests.hosts.rest.working import Call, Maker, Stage


def _phone(stage: Stage) -> str:
    return f"135{int(stage.unique('')):08d}"


def _set_up(stage: Stage) -> None:
    running = stage.once("sms", lambda: Running(TencentFake(clock=stage.clock.now)))
    for side in (stage.near, stage.far):
        values = {
            "tencent_key_id": KEY_ID, "tencent_key_secret": KEY_SECRET, "tencent_app_id": APP_ID,
            "tencent_sign": "归巢", "tencent_url": running.url, "templates": {"login": {"tencent": "1"}},
            "confirm_old_phone": False, "address_hour": 10_000, "member_day": 500, "phone_minute": 10,
        }  # fmt: skip
        tenants.save_settings(side.ctx, "sms", values)


def ask(stage: Stage) -> Call:
    """Ask for a code to a phone of nobody's."""
    _set_up(stage)
    return Call(body={"phone": _phone(stage)})


def log_in(stage: Stage) -> Call:
    """Log in with a code that was issued."""
    _set_up(stage)
    phone = _phone(stage)
    with stage.ctx.transaction():
        code = identity.issue_code(stage.ctx, "sms.login", f"+86{phone}")
    return Call(body={"phone": phone, "code": code})


def change(stage: Stage) -> Call:
    """Change the owner's phone with a code that was issued to them."""
    _set_up(stage)
    phone = _phone(stage)
    with stage.ctx.transaction():
        code = identity.issue_code(stage.ctx, "sms.change_phone", f"{stage.owner.id}:+86{phone}")
    return Call(body={"phone": phone, "code": code})


def _row(stage: Stage, model: Any, **values: Any) -> Call:
    """Make a row with a phone and return the call that reads it."""
    ctx, phone = stage.ctx.for_plugin("sms"), f"+86{_phone(stage)}"
    with ctx.transaction():
        row = model.scoped(ctx).create(
            phone=seal(ctx, "phone", phone), phone_blind=blind(ctx, "phone", phone), **values
        )
    return Call(path={"row_id": row.id})


def message(stage: Stage) -> Call:
    """Read a message."""
    more = {"kind": "code", "purpose": "login", "template": "login", "day": stage.ctx.today()}
    return _row(stage, SmsMessage, key=stage.unique(), created_at=stage.ctx.now(), **more)


def reply(stage: Stage) -> Call:
    """Read a reply."""
    digest = stage.unique().encode()
    text = seal(stage.ctx.for_plugin("sms"), "text", "TD")
    return _row(stage, SmsReply, digest=digest, text=text, received_at=stage.ctx.now())


def opt_out(stage: Stage) -> Call:
    """Read an opt-out."""
    return _row(stage, SmsOptOut, since=stage.ctx.now())


def day(stage: Stage) -> Call:
    """Read a day."""
    with stage.ctx.transaction():
        row = SmsDay.scoped(stage.ctx).create(day=stage.ctx.today() - timedelta(days=int(stage.unique(""))))
    return Call(path={"row_id": row.id})


def lift(stage: Stage) -> Call:
    """Lift an opt-out."""
    return Call(path=opt_out(stage).path, body={"reason": "asked at the counter"})


WORKING: dict[str, Maker] = {
    "POST /v1/sms/codes": ask,
    "POST /v1/sms/login": log_in,
    "POST /v1/sms/phone/codes": ask,
    "POST /v1/sms/phone": change,
    "GET /admin/v1/sms/messages/{row_id}": message,
    "GET /admin/v1/sms/replies/{row_id}": reply,
    "GET /admin/v1/sms/opt-outs/{row_id}": opt_out,
    "GET /admin/v1/sms/days/{row_id}": day,
    "POST /admin/v1/sms/opt-outs/{row_id}/lift": lift,
}
