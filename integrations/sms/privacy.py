"""What is forgotten of a member beside their own rows, what they take away beside these, and what is old."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from integrations.sms import limits, messages
from integrations.sms.models import SmsMessage, SmsOptOut, SmsPush, SmsReply
from integrations.sms.schemas import SmsSettings
from roost import Context, Next, Slot, blinds, delete_some

PUSHES_KEPT = timedelta(days=30)  # a provider gives up pushing long before


def erase(ctx: Context, member: UUID) -> None:
    """Take what bears a member's phone for theirs, so that the phone is forgotten wherever it stands."""
    phone = messages.phone_of(ctx, member)
    if phone:
        for model in (SmsMessage, SmsReply, SmsOptOut):
            mine = model.phone_blind.in_(blinds(ctx, "phone", phone))
            model.scoped(ctx).update(member=member).where(mine).execute()


def export(ctx: Context, member: UUID) -> dict[str, Any] | None:
    """Return since when a member wants no marketing; None when they never said so."""
    out = SmsOptOut.scoped(ctx).first(SmsOptOut.member == member)
    return {"no_marketing_since": out.since.isoformat()} if out is not None else None


def clean(ctx: Context, slot: str) -> Next | None:
    """Delete some messages and replies past their keeping, pushes that cannot come again, and locks out of use."""
    before = ctx.now() - timedelta(days=ctx.settings(SmsSettings).keep_days)
    more = (
        delete_some(ctx, SmsMessage, SmsMessage.created_at < before),
        delete_some(ctx, SmsReply, SmsReply.received_at < before),
        delete_some(ctx, SmsPush, SmsPush.received_at < ctx.now() - PUSHES_KEPT),
        limits.forget(ctx),
    )
    return Next(Slot(slot=slot)) if any(more) else None
