"""Record visits. Every function runs in the caller's transaction."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from peewee import fn

from plugins.visits.hookspecs import MemberReturned, VisitRecorded
from plugins.visits.models import VisitsPresence as Presence
from plugins.visits.models import VisitsVisit as Visit
from plugins.visits.schemas import VisitSettings, VisitView
from roost import (
    Content,
    Context,
    Invalid,
    PageQuery,
    Text,
    keyset,
    local_date,
    members,
    new_id,
    points,
)

SLUG = "visits"
VISIT = Content("visit", Text(zh="到店", en="visit"), ("member", "venue", "occurred_at"))
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)  # how far a source's clock may be in front of ours


def record(
    ctx: Context, member: UUID, venue: UUID | None, occurred_at: datetime | None, source: str, source_key: str
) -> tuple[VisitView, bool]:
    """Record one visit; return it and whether it is new.

    The first visit of a day, the tenant's day of `occurred_at`, earns points. The same `(source, source_key)`
    again returns the first. Raises NotFound for an unknown member, KeyReused when the key comes with other
    content (a time that was not told, `occurred_at` None for now, is none), Invalid for an instant
    before 1970 or in the future.
    """
    ctx = ctx.for_plugin(SLUG)
    at_told, occurred_at = occurred_at, occurred_at or ctx.now()
    if not EARLIEST <= occurred_at <= ctx.now() + AHEAD:
        fields = [{"path": "body.occurred_at", "message": "before 1970 or in the future"}]
        raise Invalid(f"a visit cannot be of {occurred_at.isoformat()}", "到店时间有误", fields=fields)
    person = members.get(ctx, member)
    presence = _lock_presence(ctx, person.id, occurred_at)
    told = Visit.scoped(ctx).first(Visit.source == source, Visit.source_key == source_key)
    if told is not None:
        return _as_told(ctx, told, person.id, venue, at_told), False
    day = local_date(occurred_at, ctx.tenant.zone)
    first = Visit.scoped(ctx).first(Visit.member == person.id, Visit.day == day) is None
    gain = _gain(ctx, person.state, day) if first else 0
    row_id = new_id()
    new = (
        Visit.scoped(ctx)
        .insert(
            id=row_id,
            member=person.id,
            venue=venue,
            source=source,
            source_key=source_key,
            day=day,
            points=gain,
            origin=ctx.origin,
            occurred_at=occurred_at,
            recorded_at=ctx.now(),
        )
        .on_conflict_ignore()
        .returning(Visit.id)
        .execute()
    )
    if not list(new):  # told for another member at this very moment
        told = Visit.scoped(ctx).get(Visit.source == source, Visit.source_key == source_key)
        return _as_told(ctx, told, person.id, venue, at_told), False
    if gain:
        points.credit(
            ctx,
            person.id,
            "points",
            gain,
            key=f"gate:{person.id.hex}:{day.isoformat()}",
            reason="visit",
            occurred_at=occurred_at,
            venue=venue,
        )
    ctx.publish(
        VisitRecorded(
            visit=row_id,
            member=person.id,
            venue=venue,
            source=source,
            day=day,
            first_of_day=first,
            points=gain,
            occurred_at=occurred_at,
        )
    )
    _note(ctx, presence, row_id, venue, occurred_at)
    return get(ctx, row_id), True


def _as_told(ctx: Context, row: Any, member: UUID, venue: UUID | None, at: datetime | None) -> VisitView:
    VISIT.check(
        row.source_key,
        {"member": members.resolve(ctx, row.member), "venue": row.venue, "occurred_at": row.occurred_at},
        {"member": member, "venue": venue} | ({} if at is None else {"occurred_at": at}),
        visible=not ctx.actor.venues or row.venue in ctx.actor.venues,
    )
    return view(row)


def _gain(ctx: Context, state: str, day: date) -> int:
    rules = ctx.settings(VisitSettings)
    late = day < ctx.today() - timedelta(days=rules.earn_within_days)
    return 0 if late or state not in rules.earning_states else rules.points


def _lock_presence(ctx: Context, member: UUID, occurred_at: datetime) -> Any:
    """Return the member's presence row, locked; made by the first visit."""
    Presence.scoped(ctx).insert(member=member, since=occurred_at).on_conflict_ignore().execute()
    return Presence.scoped(ctx).lock(Presence.member == member)


def _note(ctx: Context, presence: Any, visit: UUID, venue: UUID | None, occurred_at: datetime) -> None:
    """Move the member's presence on; a visit after the silence was found is a return.

    A visit from before it, told late, only shows that there was no silence.
    """
    if presence.silent_at is not None and occurred_at >= presence.silent_at:
        ctx.publish(
            MemberReturned(
                member=presence.member,
                venue=venue,
                visit=visit,
                silent_since=presence.since,
                occurred_at=occurred_at,
            )
        )
    changes: dict[str, Any] = {}
    if occurred_at >= presence.since:
        changes |= {"since": occurred_at, "silent_at": None}
    if presence.last_visit_at is None or occurred_at > presence.last_visit_at:
        changes["last_visit_at"] = occurred_at
    if changes:
        Presence.scoped(ctx).update(**changes).where(Presence.id == presence.id).execute()


# --- reading ---


def get(ctx: Context, visit: UUID) -> VisitView:
    """Return a visit, or raise NotFound."""
    return view(Visit.scoped(ctx).get(Visit.id == visit))


def find(ctx: Context, source: str, source_key: str) -> VisitView | None:
    """Return the visit that a source calls so, or None."""
    row = Visit.scoped(ctx).first(Visit.source == source, Visit.source_key == source_key)
    return view(row) if row else None


def of_member(ctx: Context, member: UUID, page: PageQuery) -> tuple[list[VisitView], str | None]:
    """Return a page of a member's visits, the latest recorded first, and the next cursor."""
    query = Visit.scoped(ctx).select().where(Visit.member == members.resolve(ctx, member))
    rows, cursor = keyset(query, Visit.id, page)
    return [view(row) for row in rows], cursor


def day_figures(ctx: Context, day: date, venues: list[UUID]) -> tuple[int, int]:
    """Return (visits, members who came) on a day of the tenant's calendar; no `venues` means all."""
    query = Visit.scoped(ctx).select(fn.COUNT(Visit.id), fn.COUNT(fn.DISTINCT(Visit.member))).where(Visit.day == day)
    if venues:
        query = query.where(Visit.venue.in_(venues))
    visits, people = query.tuples().first()
    return int(visits), int(people)


def silent_members(ctx: Context) -> int:
    """Return how many members are silent now."""
    return int(Presence.scoped(ctx).select().where(Presence.silent_at.is_null(False)).count())


def view(row: Any) -> VisitView:
    """Return a row as a frozen value."""
    return VisitView(**{name: getattr(row, name) for name in VisitView.__slots__})
