"""Record visits. Every function runs in the caller's transaction."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from peewee import fn

from plugins.visits import why
from plugins.visits.hookspecs import MemberReturned, VisitRecorded
from plugins.visits.models import VisitsPresence as Presence
from plugins.visits.models import VisitsVisit as Visit
from plugins.visits.schemas import VisitSettings, VisitView
from roost import (
    Content,
    Context,
    Invalid,
    NumberScope,
    PageQuery,
    Text,
    keyset,
    local_date,
    members,
    new_id,
    number_scopes,
    points,
    rewards,
    scope_text,
)

SLUG = "visits"
VISIT = Content("visit", Text("到店", "visit"), ("member", "venue", "occurred_at"))
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)  # how far a source's clock may be in front of ours


def record(
    ctx: Context,
    member: UUID,
    venue: UUID | None,
    occurred_at: datetime | None,
    source: str,
    source_key: str,
    *,
    scope: NumberScope | None = None,
) -> tuple[VisitView, bool]:
    """Record one visit; return it and whether it is new.

    The first visit of a day, the tenant's day of `occurred_at`, earns points and growth. The same number of a
    source, within its scope, returns the first; `scope` None is as the tenant sets it for the source, say "brand"
    of numbers that are unique by themselves. Raises NotFound for an unknown member, KeyReused when the number
    comes with other content (a time that was not told, `occurred_at` None for now, is none), Invalid for an
    instant before 1970 or in the future.
    """
    ctx = ctx.for_plugin(SLUG)
    at_told, occurred_at = occurred_at, occurred_at or ctx.now()
    if not EARLIEST <= occurred_at <= ctx.now() + AHEAD:
        fields = [{"path": "body.occurred_at", "message": "before 1970 or in the future"}]
        raise Invalid(f"a visit cannot be of {occurred_at.isoformat()}", "到店时间有误", fields=fields)
    person = members.get(ctx, member)
    presence = _lock_presence(ctx, person.id, occurred_at)
    scopes = _scopes(ctx, source, scope, venue, at_told)
    sent: dict[str, Any] = {"member": person.id, "venue": venue} | ({} if at_told is None else {"occurred_at": at_told})
    if (held := _known(ctx, source, source_key, scopes, sent)) is not None:
        return held, False
    rules, day = ctx.settings(VisitSettings), local_date(occurred_at, ctx.tenant.zone)
    first = Visit.scoped(ctx).first(Visit.member == person.id, Visit.day == day) is None
    cause = _nothing(ctx, rules, person.state, day, first)
    gained, grown = (0, 0) if cause else (rules.points, rules.growth)
    row_id = new_id()
    new = (
        Visit.scoped(ctx)
        .insert(
            id=row_id,
            member=person.id,
            venue=venue,
            source=source,
            scope=scopes[0],
            source_key=source_key,
            day=day,
            points=gained,
            growth=grown,
            origin=ctx.origin,
            cause=ctx.cause[:100],
            occurred_at=occurred_at,
            recorded_at=ctx.now(),
        )
        .on_conflict_ignore()
        .returning(Visit.id)
        .execute()
    )
    if not list(new):  # told for another member at this very moment
        held = _known(ctx, source, source_key, scopes, sent)
        assert held is not None, "the insert met a committed row"
        return held, False
    for asset, amount, tail in (("points", gained, ""), ("growth", grown, ":growth")):
        if amount:
            points.credit(
                ctx,
                person.id,
                asset,
                amount,
                key=f"gate:{person.id.hex}:{day.isoformat()}{tail}",
                reason="visit",
                occurred_at=occurred_at,
                venue=venue,
                rule=SLUG,
            )
    if ctx.origin == "live":
        told = why.of_visit(person.id, row_id, day.isoformat(), person.state, rules, cause, gained, grown)
        rewards.note(ctx, [told])
    ctx.publish(
        VisitRecorded(
            visit=row_id,
            member=person.id,
            venue=venue,
            source=source,
            day=day,
            first_of_day=first,
            points=gained,
            growth=grown,
            occurred_at=occurred_at,
        )
    )
    _note(ctx, presence, row_id, venue, occurred_at)
    return VisitView.model_validate(Visit.scoped(ctx).get(Visit.id == row_id)), True


def _scopes(
    ctx: Context, source: str, scope: NumberScope | None, venue: UUID | None, occurred_at: datetime | None
) -> list[str]:
    """Return the text of a number's scope, and then of the others in which it may have been recorded before."""
    if scope is not None:
        return [scope_text(ctx, scope, venue, occurred_at)]
    rules = ctx.settings(VisitSettings)
    return number_scopes(ctx, rules.number_scopes.get(source, rules.number_scope), venue, occurred_at)


def _known(
    ctx: Context, source: str, source_key: str, scopes: Sequence[str], sent: Mapping[str, Any]
) -> VisitView | None:
    """Return the visit that a number names already, or None. Raises KeyReused for one of other content."""
    named = (Visit.source == source) & (Visit.source_key == source_key)
    rows = {row.scope: row for row in Visit.scoped(ctx).select().where(named, Visit.scope.in_(list(scopes)))}
    for scope in scopes:
        row = rows.get(scope)
        if row is None:
            continue
        kept = {"member": members.resolve(ctx, row.member), "venue": row.venue, "occurred_at": row.occurred_at}
        if scope == scopes[0]:
            visible = ctx.covers(row.venue)
            VISIT.check(source_key, kept, sent, visible=visible)
        if not VISIT.differing(kept, sent):
            return VisitView.model_validate(row)
    return None


def _nothing(ctx: Context, rules: VisitSettings, state: str, day: date, first: bool) -> why.Cause:
    """Return why a visit earns nothing, or "" when it earns."""
    if not first:
        return "not_first_of_day"
    if day < ctx.today() - timedelta(days=rules.earn_within_days):
        return "told_too_late"
    return "" if state in rules.earning_states else "state_earns_nothing"


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


def find(ctx: Context, source: str, source_key: str) -> VisitView | None:
    """Return the visit that a source calls so, or None; of sources whose numbers are unique for the brand."""
    row = Visit.scoped(ctx).first(Visit.source == source, Visit.source_key == source_key, Visit.scope == "")
    return VisitView.model_validate(row) if row else None


def of_member(ctx: Context, page: PageQuery) -> tuple[list[Any], str | None]:
    """Return a page of the acting member's visits, the latest recorded first, and the next cursor."""
    mine = Visit.scoped(ctx).select().where(Visit.member == members.resolve(ctx, ctx.member))
    return keyset(mine, Visit.id, page)


def figures_of_today(ctx: Context) -> tuple[int, int]:
    """Return (visits, members who came) on the tenant's date of now, in the venues of the account."""
    query = Visit.scoped(ctx).select(fn.COUNT(Visit.id), fn.COUNT(fn.DISTINCT(Visit.member)))
    visits, people = query.where(Visit.day == ctx.today(), ctx.within(Visit.venue)).tuples().first()
    return int(visits), int(people)


def silent_members(ctx: Context) -> int:
    return int(Presence.scoped(ctx).select().where(Presence.silent_at.is_null(False)).count())
