"""What becomes of messages and replies when a member is erased, merged or exported, and when they are old."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from integrations.sms import limits, messages
from integrations.sms.models import SmsDay, SmsMessage, SmsMeter, SmsOptOut, SmsPush, SmsReply
from integrations.sms.schemas import SmsSettings
from roost import Context, blinds, delete_some, unseal

PUSHES_KEPT = timedelta(days=30)  # a provider gives up pushing long before


def erase(ctx: Context, member: UUID) -> None:
    """Forget a member's phone wherever it stands, and what they wrote. That they want no marketing is not forgotten."""
    for model in (SmsMessage, SmsReply):
        mine = _of(ctx, model, member)
        gone: dict[str, Any] = {"phone": None, "phone_blind": None, "member": None}
        gone |= {"content": None, "address": None, "address_blind": None} if model is SmsMessage else {"text": None}
        model.scoped(ctx).update(**gone).where(mine).execute()
    SmsOptOut.scoped(ctx).update(phone=None, member=None).where(_of(ctx, SmsOptOut, member)).execute()


def _of(ctx: Context, model: Any, member: UUID) -> Any:  # Any: one of three tables, and an expression of peewee's
    phone = messages.phone_of(ctx, member)
    mine = model.member == member
    return mine | model.phone_blind.in_(blinds(ctx, "phone", phone)) if phone else mine


def merge(ctx: Context, member: UUID, merged: UUID) -> None:
    """Make the merged member's messages and replies the member's."""
    for model in (SmsMessage, SmsReply, SmsOptOut):
        model.scoped(ctx).update(member=member).where(model.member == merged).execute()


def export(ctx: Context, member: UUID) -> dict[str, Any] | None:
    """Return which messages went to a member and what they answered; None without any."""
    sent = SmsMessage.scoped(ctx).select().where(SmsMessage.member == member).order_by(SmsMessage.id)
    answered = SmsReply.scoped(ctx).select().where(SmsReply.member == member).order_by(SmsReply.id)
    out = SmsOptOut.scoped(ctx).first(SmsOptOut.member == member)
    told: dict[str, Any] = {
        "messages": [{"at": m.created_at.isoformat(), "purpose": m.purpose, "state": m.state} for m in sent],
        "replies": [
            {"at": r.received_at.isoformat(), "text": unseal(ctx, "text", r.text) if r.text is not None else ""}
            for r in answered
        ],
    }
    if out is not None:
        told["no_marketing_since"] = out.since.isoformat()
    return told if any(told.values()) else None


def purge(ctx: Context) -> None:
    """Delete all that is kept for this tenant."""
    for model in (SmsMessage, SmsDay, SmsMeter, SmsPush, SmsReply, SmsOptOut):
        model.scoped(ctx).delete().execute()


def clean(ctx: Context) -> bool:
    """Delete some messages and replies past their keeping, pushes that cannot come again, and locks out of use.

    Tells whether more may be left.
    """
    before = ctx.now() - timedelta(days=ctx.settings(SmsSettings).keep_days)
    more = (
        delete_some(ctx, SmsMessage, SmsMessage.created_at < before),
        delete_some(ctx, SmsReply, SmsReply.received_at < before),
        delete_some(ctx, SmsPush, SmsPush.received_at < ctx.now() - PUSHES_KEPT),
        limits.forget(ctx),
    )
    return any(more)
