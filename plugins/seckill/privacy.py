"""A member's claims when the member leaves, merges, or asks for a copy."""

from typing import Any
from uuid import UUID

from plugins.seckill import service
from plugins.seckill.models import SeckillClaim
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
        service.cancel(ctx, member, row.id)
    SeckillClaim.scoped(ctx).update(code=None).where(SeckillClaim.member == member).execute()


def merge(ctx: Context, member: UUID, merged: UUID) -> None:
    """Make the merged member's claims the member's."""
    SeckillClaim.scoped(ctx).update(member=member).where(SeckillClaim.member == merged).execute()


def export(ctx: Context, member: UUID) -> dict[str, Any]:
    """Return the member's claims as JSON values."""
    rows = SeckillClaim.scoped(ctx).select().where(SeckillClaim.member == member).order_by(SeckillClaim.id)
    return {"claims": [ClaimOut.model_validate(r, from_attributes=True).model_dump(mode="json") for r in rows]}
