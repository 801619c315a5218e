"""What providers push: verified, stored and answered at once; a job takes receipts and replies over, each once."""

import hashlib
import hmac
import json
import unicodedata
from datetime import timedelta
from typing import Any
from uuid import UUID

from integrations.sms import limits, messages, wire
from integrations.sms.hookspecs import SmsDelivered, SmsReplied
from integrations.sms.messages import SLUG
from integrations.sms.models import SmsMessage, SmsPush, SmsReply
from integrations.sms.schemas import Company, PushJob, SmsSettings
from integrations.sms.wire import Receipt, Reply
from roost import Answer, Context, Next, NotFound, Push, Unauthorized, blind, blinds, members, seal, unseal

ANSWERS: dict[Company, dict[str, int | str]] = {
    "tencent": {"result": 0, "errmsg": "OK"},
    "aliyun": {"code": 0, "msg": "成功"},
}
FIRST_RETRY = timedelta(seconds=15)  # a receipt may come before the answer that names its message is stored
MOST_TRIES = 7  # about half an hour
RECENT = timedelta(days=3)  # how long a receipt may take
SETTLED = {True: "delivered", False: "failed"}


def receive(ctx: Context, push: Push) -> Answer:
    """Verify and store a push, and put its processing in the table; the same push again changes nothing.

    Raises Unauthorized for a wrong key or when none is set, Invalid for what is no push, NotFound while the plugin is
    off.
    """
    ctx = ctx.for_plugin(SLUG)
    if not ctx.enabled(SLUG):
        raise NotFound("nothing is connected here", "未启用短信")
    key = ctx.settings(SmsSettings).callback_key.get_secret_value()
    if not key:
        raise Unauthorized("no callback key is set: nothing can be verified", "未配置回调密钥", code="not_configured")
    if not hmac.compare_digest(push.query.get("key", "").encode(), key.encode()):
        raise Unauthorized("the push is refused: wrong key in its address", "回调密钥错误", code="wrong_key")
    company, _ = wire.read(push.body)
    made = SmsPush.scoped(ctx).insert_once(
        digest=hashlib.sha256(push.body).digest(),
        body=seal(ctx, "body", push.body.decode()),
        received_at=ctx.now(),
    )
    if made is not None:
        ctx.enqueue("sms.push", PushJob(push=made))
    return Answer(200, json.dumps(ANSWERS[company], ensure_ascii=False))


def process(ctx: Context, payload: PushJob) -> Next | None:
    """Take one push over; come back for receipts whose message is not known yet."""
    ctx = ctx.for_plugin(SLUG)
    row = SmsPush.scoped(ctx).lock(SmsPush.id == payload.push)
    if row.state != "received" or row.body is None:
        return None
    _, items = wire.read(unseal(ctx, "body", row.body).encode())
    waiting = [item for item in items if not _take_over(ctx, item)]
    if waiting and payload.tries + 1 < MOST_TRIES:
        return Next(PushJob(push=row.id, tries=payload.tries + 1), after=FIRST_RETRY * (1 << payload.tries))
    SmsPush.scoped(ctx).update(state="unmatched" if waiting else "done", body=None).where(
        SmsPush.id == row.id
    ).execute()
    return None


def _take_over(ctx: Context, item: Receipt | Reply) -> bool:
    return _settle(ctx, item) if isinstance(item, Receipt) else _answered(ctx, item)


# --- receipts ---------------------------------------------------------------------------------------------------------


def _settle(ctx: Context, item: Receipt) -> bool:
    """Settle the message of a receipt; False when no message is known by it (yet)."""
    found = _message_of(ctx, item)
    if found is None:
        return False
    row = SmsMessage.scoped(ctx).lock(SmsMessage.id == found)
    if row.state not in ("sending", "sent", "unknown"):
        return True  # settled before
    values: dict[str, Any] = {}
    if item.segments > row.segments > 0:  # it was longer than one message, which Aliyun tells only now
        more = row.cost_fen // row.segments * (item.segments - row.segments)
        limits.correct(ctx, row.day, 0, more)
        values = {"segments": item.segments, "cost_fen": row.cost_fen + more}
    state = SETTLED[item.delivered]
    SmsMessage.scoped(ctx).update(
        state=state,
        code=item.code,
        provider=item.company,
        receipt=item.receipt,
        settled_at=ctx.now(),
        content=None,
        **values,
    ).where(SmsMessage.id == row.id).execute()
    ctx.publish(
        SmsDelivered(
            message=row.id,
            receipt=row.id.hex,
            member=row.member,
            state="delivered" if item.delivered else "failed",
            code=item.code,
        )
    )
    return True


def _message_of(ctx: Context, item: Receipt) -> UUID | None:
    """Return the message of a receipt: by our key, by the provider's number, else the one unknown one to the phone."""
    if not item.phone:
        return None
    mine = SmsMessage.scoped(ctx).select(SmsMessage.id, SmsMessage.state, SmsMessage.receipt)
    mine = mine.where(SmsMessage.phone_blind.in_(blinds(ctx, "phone", item.phone)))
    key = _as_id(item.key)
    if key is not None:
        rows = list(mine.where(SmsMessage.id == key))
        if rows:
            return UUID(str(rows[0].id))
    rows = list(mine.where(SmsMessage.provider == item.company, SmsMessage.receipt == item.receipt))
    if not rows:  # its answer was lost, and the number with it
        rows = list(
            mine.where(
                SmsMessage.state == "unknown", SmsMessage.receipt == "", SmsMessage.created_at > ctx.now() - RECENT,
                SmsMessage.provider.in_((item.company, "")),
            )
        )  # fmt: skip
    return UUID(str(rows[0].id)) if len(rows) == 1 else None


def _as_id(key: str) -> UUID | None:
    try:
        return UUID(hex=key) if len(key) == 32 else None
    except ValueError:
        return None


# --- replies ----------------------------------------------------------------------------------------------------------


def _answered(ctx: Context, item: Reply) -> bool:
    """Keep a reply, and end marketing when it asks for that. A number from abroad cannot be anybody's here."""
    if not item.phone:
        return True
    known = members.find_by_phone(ctx, item.phone)
    member = known.id if known is not None else None
    last = (
        SmsMessage.scoped(ctx)
        .select(SmsMessage.id)
        .where(SmsMessage.phone_blind.in_(blinds(ctx, "phone", item.phone)))
        .order_by(SmsMessage.created_at.desc())
        .first()
    )
    leaves = wants_out(item.text, ctx.settings(SmsSettings).unsubscribe_words)
    made = SmsReply.scoped(ctx).insert_once(
        digest=item.digest,
        phone=seal(ctx, "phone", item.phone),
        phone_blind=blind(ctx, "phone", item.phone),
        text=seal(ctx, "text", item.text),
        member=member,
        venue=known.venue if known is not None else None,
        message=last.id if last is not None else None,
        unsubscribe=leaves,
        received_at=ctx.now(),
    )
    if made is None:
        return True
    if leaves:
        messages.opt_out(ctx, item.phone, member, how="reply")
    ctx.publish(
        SmsReplied(reply=made, member=member, message=last.id if last is not None else None, unsubscribe=leaves)
    )
    return True


def wants_out(text: str, words: list[str]) -> bool:
    """Tell whether a reply is one of the words that end marketing, however it is typed: `td`, `ＴＤ`, `回复TD。`."""
    said = _plain(text).removeprefix("回复")
    return said in {_plain(word) for word in words}


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).upper()
    return "".join(letter for letter in folded if letter.isalnum())
