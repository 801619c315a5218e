"""Callbacks: verified, stored and answered at once; settled by a job.

A callback that is not proved, or is not for this merchant and brand, is answered 4xx with `{"code":"FAIL"}` and leaves
nothing. The same notification again is answered the same way and changes nothing. While the plugin is off it works as
ever: money that was paid is paid.
"""

import json
from typing import Any

import structlog
from pydantic import ValidationError

from integrations.wechat_pay import merchant, settling, signing
from integrations.wechat_pay.models import WechatPayPush
from integrations.wechat_pay.schemas import PushJob, WechatPaySettings
from integrations.wechat_pay.signing import BadResource, BadSignature
from integrations.wechat_pay.wire import (
    REFUND_EVENTS,
    SUCCESS_EVENT,
    Notification,
    RefundState,
    Transaction,
    wrong_fields,
)
from roost import Answer, Content, Context, Handled, Inbox, Next, Push, Slot, Text, insert_rows, new_id

log = structlog.get_logger("roost.wechat_pay")
TAKEN = Answer(204)
PUSH = Content("callback", Text("回调", "callback"), ("event_type", "number", "refund", "told"))
AGAIN = "pushed again with other content, which was refused"


def receive(ctx: Context, push: Push) -> Answer:
    """Verify and store a callback, and put its processing in the table."""
    ctx = ctx.for_plugin(merchant.SLUG)
    settings = ctx.settings(WechatPaySettings)
    if not merchant.is_ready(ctx):
        return _refused(ctx, 401, "not_configured", "no merchant is set up here")
    credentials = merchant.credentials_of(settings)
    try:
        serial = signing.verify(credentials.platform, push.headers, push.body, now=ctx.now())
    except BadSignature as ex:
        return _refused(ctx, 401, ex.reason, str(ex))
    try:
        told = Notification.model_validate_json(push.body)
        plain = json.loads(signing.open_resource(credentials.api_v3_key, told.resource))
        kept, number, refund, wrong = _read(ctx, told.event_type, plain)
    except BadResource as ex:
        return _refused(ctx, 400, "bad_resource", str(ex))
    except ValidationError as ex:
        return _refused(ctx, 400, "bad_body", wrong_fields(ex))
    except ValueError:
        return _refused(ctx, 400, "bad_body", "the resource is no JSON")
    if wrong:
        return _refused(ctx, 403, "not_ours", wrong)
    row: dict[str, Any] = {
        "id": new_id(), "event_id": told.id, "event_type": told.event_type, "number": number, "refund": refund,
        "serial": serial, "told": kept, "received_at": ctx.now(),
    }  # fmt: skip
    if insert_rows(ctx, WechatPayPush, [row], ignore_conflicts=True):  # no model, no query: this is a burst's way
        ctx.enqueue("wechat_pay.push", PushJob(push=row["id"]))
    elif PUSH.differing(held := _content(WechatPayPush.scoped(ctx).get(WechatPayPush.event_id == told.id)), row):
        WechatPayPush.scoped(ctx).update(note=AGAIN).where(WechatPayPush.event_id == told.id).execute()
        return _refused(ctx, 409, "key_reused", PUSH.conflict(told.id, held, row, PUSH.differing(held, row)).message)
    return TAKEN


def _content(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in PUSH.fields}


def _read(ctx: Context, event_type: str, plain: Any) -> tuple[dict[str, Any], str, str, str]:
    """Return what is kept of a resource, the charge's and the refund's number, and why it is not ours."""
    told: Transaction | RefundState
    mchid = ctx.settings(WechatPaySettings).mchid
    if event_type == SUCCESS_EVENT:
        told = Transaction.model_validate(plain)
        if told.appid and told.appid != merchant.appid_of(ctx):
            return {}, "", "", f"it is of app {told.appid[:40]}"
        if told.attach and told.attach != ctx.tenant.slug:
            return {}, "", "", "it is of another brand"
        number, refund = told.out_trade_no, ""
    elif event_type in REFUND_EVENTS:
        told = RefundState.read(plain)
        number, refund = told.out_trade_no, told.out_refund_no
    else:  # kept by name only: nobody here knows what is in it
        return {}, "", "", ""
    if told.mchid != mchid:
        return {}, "", "", f"it is of merchant {told.mchid[:40]}"
    return told.model_dump(mode="json"), number, refund, ""


def _refused(ctx: Context, status: int, reason: str, detail: str) -> Answer:
    log.warning("wechat_pay_push_refused", tenant=ctx.tenant.slug, reason=reason, detail=detail)
    return Answer(status, json.dumps({"code": "FAIL", "message": reason}))


def _handle(ctx: Context, row: Any) -> Handled:
    if row.event_type == SUCCESS_EVENT:
        outcome = settling.charge_told(ctx, Transaction.model_validate(row.told), "push")
    elif row.event_type in REFUND_EVENTS:
        outcome = settling.refund_told(ctx, RefundState.read(row.told), "push")
    else:
        return Handled("ignored", "nothing here hears this kind of event")
    if outcome.state == "refused":
        log.error("wechat_pay_push_contradicts", tenant=ctx.tenant.slug, push=str(row.id), note=outcome.note)
    return Handled(outcome.state if outcome.state in ("refused", "waiting") else "done", outcome.note)


INBOX = Inbox(
    merchant.SLUG,
    WechatPayPush,
    _handle,
    lambda ctx: ctx.settings(WechatPaySettings).keep_days,
    open=("received", "waiting", "refused"),
    ended=("done", "ignored"),
)


def clean(ctx: Context, slot: str) -> Next | None:
    """Delete some processed callbacks past their keeping. The book stays."""
    return Next(Slot(slot=slot)) if INBOX.clean(ctx) else None
