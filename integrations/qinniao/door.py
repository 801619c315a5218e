"""The door for pushes: nobody comes in unverified, and nobody twice with the same nonce."""

import json
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from integrations.qinniao.connection import ServerSettings, scheme_of
from integrations.qinniao.models import QinniaoNonce
from integrations.qinniao.signing import NONCE_SECONDS, BadSignature
from integrations.qinniao.wire import PushedEvent, wrong_fields
from roost import Answer, Content, Context, Invalid, NotFound, Push, TenantModel, Text, Unauthorized, unseal

PUSH = Content(
    "push",
    Text("推送", "push"),
    ("event_type", "occurred_at", "store_id", "body"),
    private=frozenset({"body"}),  # it has personal data
)
AGAIN = "pushed again with other content, which was refused"


def admit(ctx: Context, push: Push, settings: ServerSettings) -> tuple[PushedEvent, str]:
    """Verify a push to the plugin `ctx.plugin` and return the event, read and as it came.

    Raises Unauthorized for a signature, timestamp or nonce that is not good, Invalid for a body that is no event,
    NotFound while the plugin is off.
    """
    secret = settings.secret.get_secret_value()
    if not ctx.enabled(ctx.plugin):
        raise NotFound("nothing is connected here", "未启用对接")
    if not settings.app_id or not secret:
        raise Unauthorized(
            "no app id and secret are set here: nothing can be verified",
            "未配置签名密钥",
            code="not_configured",
        )
    scheme = scheme_of(ctx, settings.scheme)
    try:
        sender = scheme.verify(
            settings.app_id, secret, push.method, push.path, push.headers, push.body, ctx.now()
        )  # fmt: skip
    except BadSignature as ex:
        raise Unauthorized(f"the push is refused: {ex}", "签名校验失败", code=ex.reason) from None
    _use(ctx, sender.nonce)
    body = push.body if sender.body is None else sender.body
    try:
        return PushedEvent.model_validate_json(body), body.decode()
    except ValidationError as ex:
        raise Invalid(f"this is no event: {wrong_fields(ex)}", "推送内容无法识别", code="bad_event") from None


def _use(ctx: Context, nonce: str) -> None:
    nonces, now = QinniaoNonce.scoped(ctx), ctx.now()
    nonces.delete().where(QinniaoNonce.seen_at < now - timedelta(seconds=NONCE_SECONDS)).execute()
    if nonces.insert_once(nonce=nonce, seen_at=now) is None:
        raise Unauthorized("the push is refused: this nonce was used before", "请求重复", code="nonce_used")


def check_same(ctx: Context, model: type[TenantModel], event: PushedEvent) -> None:
    """Raise KeyReused when an event that is in `model` already came again with other content; its row says so.

    One whose body is gone, by an erasure, is the same.
    """
    events: Any = model  # the columns that the tables of events share
    row = events.scoped(ctx).get(events.event_id == event.event_id)
    if row.body is None:
        return
    kept = _content(PushedEvent.model_validate_json(unseal(ctx, "event", row.body)))
    sent = _content(event)
    if PUSH.differing(kept, sent):
        events.scoped(ctx).update(note=AGAIN).where(events.id == row.id).execute()
        refusal = PUSH.conflict(event.event_id, kept, sent, PUSH.differing(kept, sent))
        refusal.kept = True  # with the note
        raise refusal


def _content(event: PushedEvent) -> dict[str, Any]:
    return event.model_dump(include={"event_type", "occurred_at", "store_id"}) | {"body": event.data}


def received(ctx: Context) -> Answer:
    """Answer a push that was taken, in the protocol's envelope."""
    return Answer(200, json.dumps({"code": 0, "msg": "ok", "data": None, "request_id": ctx.request_id}))
