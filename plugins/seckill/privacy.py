"""A member's claims and reminders when the member leaves, merges, or asks for a copy."""

from typing import Any
from uuid import UUID

from plugins.seckill import service
from plugins.seckill.models import SeckillClaim, SeckillReminder
from plugins.seckill.schemas import ClaimOut
from roost import Context


def erase(ctx: Context, member: UUID) -> None:
    """Give back what is held and drop the codes; the rows stay as evidence of the sale."""
    held = (
        SeckillClaim.scoped(ctx)
        .select(SeckillClaim.id)
        .where(SeckillClaim.member == member, SeckillClaim.state == "held")
    )
    for row in list(held):
        service.cancel(ctx, member, row.id, counts=False)
    SeckillClaim.scoped(ctx).update(code=None).where(SeckillClaim.member == member).execute()
    SeckillReminder.scoped(ctx).delete().where(SeckillReminder.member == member).execute()


def merge(ctx: Context, member: UUID, merged: UUID) -> None:
    """Make the merged member's claims and reminders the member's; of two reminders of a session one stays."""
    SeckillClaim.scoped(ctx).update(member=member).where(SeckillClaim.member == merged).execute()
    mine = SeckillReminder.scoped(ctx).select(SeckillReminder.session).where(SeckillReminder.member == member)
    theirs = SeckillReminder.member == merged
    SeckillReminder.scoped(ctx).delete().where(
        theirs, SeckillReminder.session.in_([row.session for row in mine])
    ).execute()
    SeckillReminder.scoped(ctx).update(member=member).where(theirs).execute()


def export(ctx: Context, member: UUID) -> dict[str, Any]:
    """Return the member's claims and reminders as JSON values."""
    rows = SeckillClaim.scoped(ctx).select().where(SeckillClaim.member == member).order_by(SeckillClaim.id)
    asked = SeckillReminder.scoped(ctx).select().where(SeckillReminder.member == member).order_by(SeckillReminder.id)
    return {
        "claims": [ClaimOut.model_validate(r, from_attributes=True).model_dump(mode="json") for r in rows],
        "reminders": [{"session": str(r.session), "asked_at": r.created_at.isoformat()} for r in asked],
    }
