"""What a member takes away, and what is forgotten of them."""

from typing import Any
from uuid import UUID

from integrations.ivep import service
from integrations.ivep.models import IvepEvent, IvepRelation
from roost import Context


def erase(ctx: Context, member: UUID) -> None:
    """Forget a member. The numbers stay, so that IVEP telling them again brings nobody back."""
    relations, mine = IvepRelation.scoped(ctx), IvepRelation.member == member
    numbers = relations.select(IvepRelation.number).where(mine)
    IvepEvent.scoped(ctx).update(body=None, member=None).where(IvepEvent.number.in_(numbers)).execute()
    relations.update(member=None, state="erased", note="", since=None, changed_at=ctx.now()).where(mine).execute()


def export(ctx: Context, member: UUID) -> dict[str, Any] | None:
    """Return the member's coaches, then and now; None without any."""
    rows = list(IvepRelation.scoped(ctx).select().where(IvepRelation.member == member).order_by(IvepRelation.id))
    names = service.names_of(ctx, [row.coach for row in rows if row.coach])
    coaches = [
        {
            "coach": names.get(row.coach, ""),
            "assigned": row.assigned,
            "since": row.since.isoformat() if row.since else None,
            "told_at": row.told_at.isoformat() if row.told_at else None,
        }
        for row in rows
    ]
    return {"coaches": coaches} if coaches else None
