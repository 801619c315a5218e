"""What becomes of visits when a member is erased, merged or exported, and when a tenant leaves."""

from typing import Any
from uuid import UUID

from plugins.visits.models import VisitsPresence as Presence
from plugins.visits.models import VisitsVisit as Visit
from roost import Context


def forget(ctx: Context, member: UUID) -> None:
    """Delete a member's visits: where somebody was, and when, is theirs."""
    Visit.scoped(ctx).delete().where(Visit.member == member).execute()
    Presence.scoped(ctx).delete().where(Presence.member == member).execute()


def move(ctx: Context, member: UUID, merged: UUID) -> None:
    """Give `merged`'s visits to `member`; of the two presences the later one counts."""
    Visit.scoped(ctx).update(member=member).where(Visit.member == merged).execute()
    theirs = Presence.scoped(ctx).first(Presence.member == merged)
    if theirs is None:
        return
    mine = Presence.scoped(ctx).first(Presence.member == member)
    if mine is None:
        Presence.scoped(ctx).update(member=member).where(Presence.id == theirs.id).execute()
        return
    came = [at for at in (mine.last_visit_at, theirs.last_visit_at) if at is not None]
    later = max(mine, theirs, key=lambda row: row.since)
    Presence.scoped(ctx).delete().where(Presence.id == theirs.id).execute()
    Presence.scoped(ctx).update(
        since=later.since, silent_at=later.silent_at, last_visit_at=max(came, default=None)
    ).where(Presence.id == mine.id).execute()


def export(ctx: Context, member: UUID) -> dict[str, Any] | None:
    """Return a member's visits, oldest first; None without any."""
    rows = list(Visit.scoped(ctx).select().where(Visit.member == member).order_by(Visit.occurred_at, Visit.id))
    if not rows:
        return None
    return {
        "visits": [
            {
                "occurred_at": row.occurred_at.isoformat(),
                "day": row.day.isoformat(),
                "venue": str(row.venue) if row.venue else None,
                "source": row.source,
                "number": row.source_key,
                "points": row.points,
                "growth": row.growth,
            }
            for row in rows
        ]
    }


def purge(ctx: Context) -> None:
    """Delete all that is kept for this tenant."""
    Visit.scoped(ctx).delete().execute()
    Presence.scoped(ctx).delete().execute()
