"""What becomes of relations when a member is erased, merged or exported, or a tenant leaves."""

from typing import Any
from uuid import UUID

from integrations.ivep import service
from integrations.ivep.models import IvepCoach, IvepCursor, IvepEvent, IvepRelation
from roost import Context


def erase(ctx: Context, member: UUID) -> None:
    """Forget a member. The numbers stay, so that IVEP telling them again brings nobody back."""
    relations, events = IvepRelation.scoped(ctx), IvepEvent.scoped(ctx)
    mine = [row.number for row in relations.select().where(IvepRelation.member == member)]
    about = IvepEvent.member == member
    if mine:
        about |= IvepEvent.number.in_(mine)
    events.update(body=None, member=None).where(about).execute()
    relations.update(member=None, state="erased", note="", since=None, changed_at=ctx.now()).where(
        IvepRelation.member == member
    ).execute()


def merge(ctx: Context, member: UUID, merged: UUID) -> None:
    """Move the merged member's relations; the coach who was assigned last is the survivor's."""
    for model in (IvepRelation, IvepEvent):
        model.scoped(ctx).update(member=member).where(model.member == merged).execute()


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


def purge(ctx: Context) -> None:
    """Delete all that is kept for this tenant."""
    for model in (IvepRelation, IvepCoach, IvepEvent, IvepCursor):
        model.scoped(ctx).delete().execute()
