"""What WeChat pushes: verified, stored and answered at once; processed by a job, with one effect."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import JsonValue

from integrations.wechat import checks, people, subscriptions
from integrations.wechat.envelope import BadPush, Secrets, handshake, open_push
from integrations.wechat.models import WechatPush
from integrations.wechat.schemas import RowJob, WechatSettings
from roost import (
    Answer,
    Conflict,
    Context,
    Handled,
    Inbox,
    Invalid,
    Next,
    NotFound,
    Push,
    Text,
    Unauthorized,
    Verdict,
    Words,
    seal,
    unseal,
)

WINDOW = timedelta(minutes=10)  # how far a push's timestamp may be from our clock
MOST_TRIES = 6
FIRST_RETRY = timedelta(seconds=5)
NAME_LENGTH = 60
SUCCESS = Answer(200, "success", "text/plain")


def receive(ctx: Context, push: Push) -> Answer:
    """Answer a handshake; verify and store a push, and put its processing in the table.

    The same push again is answered the same way and changes nothing. Raises Unauthorized for one that is not
    proved, Invalid for one without sense, NotFound while the plugin is off.
    """
    ctx = ctx.for_plugin("wechat")
    shared = _secrets(ctx)
    try:
        if push.method == "GET":
            return Answer(200, handshake(push.query, shared.token), "text/plain")
        content, proof = open_push(push.query, push.body, shared)
    except BadPush as ex:
        if ex.reason == "malformed":
            raise Invalid(f"the push is refused: {ex}", "推送内容无法识别", code=ex.reason) from None
        raise Unauthorized(f"the push is refused: {ex}", "签名校验失败", code=ex.reason) from None
    _check_time(ctx, push.query["timestamp"])
    key, proof = _key_of(content), proof.lower()
    pushes = WechatPush.scoped(ctx)
    if pushes.first(WechatPush.proof == proof, WechatPush.key != key) is not None:
        # A plain push's signature does not cover the body: whoever saw one could say anything with it.
        raise Unauthorized("the push is refused: its signature was used before", "签名已被使用", code="signature_used")
    made = pushes.insert_once(
        key=key,
        proof=proof,
        kind=_kind(content)[:NAME_LENGTH],
        openid=_text(content, "FromUserName")[:64],
        body=seal(ctx, "push", json.dumps(content, ensure_ascii=False)),
        received_at=ctx.now(),
    )
    if made is not None:
        ctx.enqueue("wechat.push", RowJob(id=made))
    return SUCCESS


def _secrets(ctx: Context) -> Secrets:
    if not ctx.enabled("wechat"):
        raise NotFound("nothing is connected here", "未启用微信")
    settings = ctx.settings(WechatSettings)
    token = settings.push_token.get_secret_value()
    if not token or not settings.appid:
        raise Unauthorized(
            "no push token is set here: nothing can be verified", "未配置消息推送 Token", code="not_configured"
        )
    return Secrets(token, settings.push_aes_key.get_secret_value(), settings.appid)


def _check_time(ctx: Context, timestamp: str) -> None:
    try:
        sent = datetime.fromtimestamp(int(timestamp), UTC)
    except (ValueError, OverflowError, OSError):
        raise Unauthorized("the push is refused: its timestamp is no number", "时间戳无效", code="malformed") from None
    if abs(ctx.now() - sent) > WINDOW:
        raise Unauthorized(
            f"the push is refused: its timestamp is more than {WINDOW.seconds // 60} minutes from our clock",
            "推送时间与本机相差过大", code="outside_window",
        )  # fmt: skip


def _key_of(content: Mapping[str, JsonValue]) -> str:
    """Return what is the same for a repeated push and no other.

    A message has a number; of an event WeChat names sender and second, and what it says tells two of one second apart.
    """
    number = _text(content, "MsgId")
    said = number or json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).replace("\x00", "")  # which no column takes


def _kind(content: Mapping[str, JsonValue]) -> str:
    kind = _text(content, "MsgType")
    return _text(content, "Event") if kind == "event" else f"message.{kind or 'unknown'}"


# --- processing ------------------------------------------------------------------------------------------------------


def process(ctx: Context, job: RowJob) -> Next | None:
    """Process one stored push. Nothing happens to one that is done; one that is too early is tried again."""
    if INBOX.process(ctx, job.id) != "waiting":
        return None
    if job.tries + 1 < MOST_TRIES:
        return Next(RowJob(id=job.id, tries=job.tries + 1), after=FIRST_RETRY * (1 << job.tries))
    WechatPush.scoped(ctx).update(state="ignored").where(
        WechatPush.id == job.id, WechatPush.body.is_null(False)
    ).execute()
    return None


def _handle(ctx: Context, row: Any) -> Handled:
    state, note = _act(ctx, row.kind, json.loads(unseal(ctx, "push", row.body)))
    return Handled(state, note, people.person_of(ctx, row.openid) if row.openid else None)


INBOX = Inbox("wechat", WechatPush, _handle, lambda ctx: ctx.settings(WechatSettings).keep_days)


def _act(ctx: Context, kind: str, content: dict[str, Any]) -> tuple[str, Words]:
    """Return the state of a push, and a note for staff."""
    openid = _text(content, "FromUserName")
    if kind == "subscribe_msg_popup_event":
        for item in _items(content, "SubscribeMsgPopupEvent"):
            yes = _text(item, "SubscribeStatusString") == "accept"
            (subscriptions.accepted if yes else subscriptions.rejected)(ctx, openid, _text(item, "TemplateId"))
        return "done", ""
    if kind == "subscribe_msg_change_event":
        for item in _items(content, "SubscribeMsgChangeEvent"):
            if _text(item, "SubscribeStatusString") == "reject":  # yeses are told by the dialogue's event
                subscriptions.cancelled(ctx, openid, _text(item, "TemplateId"))
        return "done", ""
    if kind == "subscribe_msg_sent_event":
        for item in _items(content, "SubscribeMsgSentEvent"):
            subscriptions.delivered(ctx, openid, _text(item, "TemplateId"), _text(item, "ErrorCode"))
        return "done", ""
    if kind == "wxa_media_check":
        return _media_judged(ctx, content)
    return "stored", ""


def _items(content: Mapping[str, Any], wrapper: str) -> Iterator[Mapping[str, Any]]:
    """Yield what an event lists: one is an object, several are an array; XML has them below the event's own name."""
    inner = content.get(wrapper)
    found = content.get("List", inner.get("List") if isinstance(inner, dict) else None)
    for item in found if isinstance(found, list) else [found]:
        if isinstance(item, dict) and _text(item, "TemplateId"):
            yield item


def _media_judged(ctx: Context, content: Mapping[str, Any]) -> tuple[str, Words]:
    appid, trace = _text(content, "appid"), _text(content, "trace_id")
    if appid and appid != people.appid_of(ctx):
        return "ignored", Text("其他小程序的审核结果", "the verdict is of another app")
    if not trace:
        return "failed", Text("审核结果缺少追踪号", "the verdict has no trace_id")
    taken = checks.judged(ctx, trace, _verdict(content, trace))
    if taken is None:
        return "waiting", Text("尚无对应的审核请求", "nobody asked under this trace yet")
    return "done", "" if taken else Text("此前已收到", "told before")


def _verdict(content: Mapping[str, Any], trace: str) -> Verdict:
    code = _text(content, "errcode") or "0"
    result = content.get("result")
    suggested = _text(result, "suggest") if isinstance(result, dict) else ""
    if code != "0" or suggested not in checks.SUGGESTED:  # -1008: WeChat could not fetch the picture
        return Verdict("unknown", code, trace)
    label = _text(result, "label") if isinstance(result, dict) else ""
    return Verdict(checks.SUGGESTED[suggested], label, trace)


# --- staff -----------------------------------------------------------------------------------------------------------


def may_retry(row: Any) -> bool:
    """Tell whether staff may have a push processed again: also one whose question never came."""
    return row.state in (*INBOX.open, "ignored") and row.body is not None


def retry(ctx: Context, row_id: UUID, body: None = None) -> None:
    """Process a push again, for staff. Raises Conflict for one that is done."""
    row = WechatPush.scoped(ctx).lock(WechatPush.id == row_id)
    if not may_retry(row):
        raise Conflict(f"this push is {row.state}: there is nothing to do", "该推送已处理，无需重试")
    WechatPush.scoped(ctx).update(state="received").where(WechatPush.id == row.id).execute()
    ctx.enqueue("wechat.push", RowJob(id=row.id))
