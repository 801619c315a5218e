"""Take over who coaches whom, once, whatever the order it is told in; and say who a member's coach is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import structlog

from integrations import qinniao
from integrations.ivep import wire
from integrations.ivep.hookspecs import CoachAssigned, CoachReleased
from integrations.ivep.models import IvepCoach, IvepEvent, IvepRelation
from integrations.ivep.schemas import CoachView, IvepSettings
from roost import Context, NotFound, members, tenants

SLUG = "ivep"
log = structlog.get_logger("roost.ivep")
NOTE_LENGTH = 300

State = Literal["done", "known", "stale", "waiting", "ignored", "stored", "failed"]
Source = Literal["ivep", "saas"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of news. `known`: told before. `stale`: later news is here. `ignored`: the member was erased."""

    state: State
    member: UUID | None = None
    note: str = ""
    unnamed: bool = False  # of a coach whom no list has told


def venue_of(ctx: Context, store: str | None) -> UUID | None:
    """Return the venue of a store, None when none has its code."""
    if not store:
        return None
    try:
        found: UUID = tenants.venue(ctx, store).id
    except NotFound:
        return None
    return found


# --- coaches ----------------------------------------------------------------------------------------------


def take_coach(ctx: Context, item: wire.IvepCoach) -> Outcome:
    """Take over what a coach is called, and whether they are still there."""
    row = _coach_row(ctx, item.id, lock=True)
    if (settled := _settled(row, item.version, item.updated_at)) is not None:
        return _coach_again(ctx, row, item) if settled.state == "known" else settled
    IvepCoach.scoped(ctx).update(
        name=item.name, title=item.title, picture=item.picture or "", venue=venue_of(ctx, item.store_id),
        gone=item.deleted, version=item.version, told_at=item.updated_at, changed_at=ctx.now(),
    ).where(IvepCoach.id == row.id).execute()  # fmt: skip
    ctx = ctx.for_plugin(SLUG)
    if item.deleted:
        members.take_off_list(ctx, item.id)
    else:
        members.put_on_list(ctx, item.id, item.phone, "coach")
    return Outcome("done")


def _coach_again(ctx: Context, row: Any, item: wire.IvepCoach) -> Outcome:
    """Return what became of a coach's version that was told before; what the repeat leaves out is not compared."""
    was = {"name": row.name, "title": row.title, "picture": row.picture, "deleted": row.gone}
    now = {"name": item.name, "title": item.title, "picture": item.picture or "", "deleted": item.deleted}
    told = item.model_fields_set
    note = _contradiction(item.version, {name: value for name, value in was.items() if name in told}, now)
    if not note:
        return Outcome("known")
    log.warning("coach_conflict", coach=item.id, version=item.version)
    return Outcome("failed", None, note)


def _contradiction(version: int, was: Mapping[str, object], now: Mapping[str, object]) -> str:
    """Return how a version says something else than before, with both sides; "" where it says the same."""
    both = "; ".join(f"{name} was {was[name]}, is now {now[name]}" for name in was if was[name] != now[name])
    return f"version {version} was told before with other content: {both}"[:NOTE_LENGTH] if both else ""


def _coach_row(ctx: Context, number: str, *, lock: bool = False) -> Any:
    coaches = IvepCoach.scoped(ctx)
    coaches.insert(number=number, changed_at=ctx.now()).on_conflict_ignore().execute()
    return coaches.lock(IvepCoach.number == number) if lock else coaches.get(IvepCoach.number == number)


def _settled(row: Any, version: int, told_at: datetime) -> Outcome | None:
    """Return what became of news that is none. The version decides, then the time."""
    if row.version < 0 or (version, told_at) > (row.version, row.told_at):
        return None
    if (version, told_at) == (row.version, row.told_at):
        return Outcome("known", getattr(row, "member", None))
    return Outcome("stale", getattr(row, "member", None), f"version {row.version} is here already")


# --- relations --------------------------------------------------------------------------------------------


def take_relation(ctx: Context, item: wire.IvepRelation, source: Source) -> Outcome:
    """Take over a relation; publish what changed for its member. One of somebody we do not know waits for them."""
    ctx = ctx.for_plugin(SLUG)
    relations = IvepRelation.scoped(ctx)
    relations.insert(number=item.id, changed_at=ctx.now()).on_conflict_ignore().execute()
    row = relations.lock(IvepRelation.number == item.id)
    if (settled := _settled(row, item.version, item.updated_at)) is not None:
        return _differing(ctx, row, item, source) if settled.state == "known" else settled
    coach = _coach_row(ctx, item.coach_id)
    person = qinniao.member_of(ctx, item.member_id)
    gone = person is None and row.state == "erased" and row.member_number == item.member_id
    after = {
        "member_number": item.member_id, "member": person.id if person is not None else None, "coach": coach.id,
        "assigned": item.assigned, "since": item.since, "venue": venue_of(ctx, item.store_id) or coach.venue,
        "state": "erased" if gone else "waiting" if person is None else "matched", "note": "", "source": source,
        "version": item.version, "told_at": item.updated_at, "changed_at": ctx.now(),
    }  # fmt: skip
    relations.update(**after).where(IvepRelation.id == row.id).execute()
    _tell(ctx, row, relations.get(IvepRelation.id == row.id))
    unnamed = coach.version < 0 and item.assigned
    if gone:
        return Outcome("ignored", None, "this person was erased here")
    if person is None:
        return Outcome("waiting", None, "member", unnamed)
    _settle_events(ctx, item.id, person.id)
    return Outcome("done", person.id, "", unnamed)


def _differing(ctx: Context, row: Any, item: wire.IvepRelation, source: Source) -> Outcome:
    """Return what became of a version told before: known, or refused where it now says something else.

    The SaaS and IVEP count their versions apart: only one that contradicts itself is wrong.
    """
    coach = IvepCoach.scoped(ctx).first(IvepCoach.id == row.coach)
    was = {
        "member_id": row.member_number, "coach_id": coach.number if coach is not None else "",
        "status": "assigned" if row.assigned else "released", "since": row.since,
    }  # fmt: skip
    now = {
        "member_id": item.member_id, "coach_id": item.coach_id,
        "status": "assigned" if item.assigned else "released", "since": item.since,
    }  # fmt: skip
    note = _contradiction(item.version, was, now)
    if not note or row.source != source or row.state == "erased":
        return Outcome("known", row.member)
    log.warning("relation_conflict", relation=item.id, version=item.version)
    IvepRelation.scoped(ctx).update(note=note).where(IvepRelation.id == row.id).execute()
    return Outcome("failed", row.member, note)


def note_unreadable(ctx: Context, number: str, reason: str) -> None:
    """Keep that a relation of the list could not be read, for staff; news of a readable one replaces it."""
    relations = IvepRelation.scoped(ctx)
    relations.insert(number=number, changed_at=ctx.now()).on_conflict_ignore().execute()
    relations.update(state="failed", note=reason[:NOTE_LENGTH], changed_at=ctx.now()).where(
        IvepRelation.number == number, IvepRelation.version < 0
    ).execute()


def resolve(ctx: Context, number: str) -> int:
    """Match what waited for the person whom the SaaS means by `number`; return how much it was."""
    ctx = ctx.for_plugin(SLUG)
    person = qinniao.member_of(ctx, number)
    if person is None:
        return 0
    relations = IvepRelation.scoped(ctx)
    waiting = list(
        relations.select()
        .where(IvepRelation.member_number == number, IvepRelation.state.in_(("waiting", "erased")))
        .order_by(IvepRelation.id)
    )
    for row in waiting:
        before = relations.lock(IvepRelation.id == row.id)
        relations.update(member=person.id, state="matched", note="", changed_at=ctx.now()).where(
            IvepRelation.id == row.id
        ).execute()
        _tell(ctx, before, relations.get(IvepRelation.id == row.id))
        _settle_events(ctx, row.number, person.id)
    return len(waiting)


def _settle_events(ctx: Context, number: str, member: UUID) -> None:
    """Note on the events of a relation that whom they waited for is here."""
    IvepEvent.scoped(ctx).update(state="done", note="", member=member, processed_at=ctx.now()).where(
        IvepEvent.number == number, IvepEvent.state == "waiting"
    ).execute()


def _tell(ctx: Context, before: Any, after: Any) -> None:
    """Publish how a relation's news changes whose coach somebody is."""
    was = (before.member, before.coach) if before.assigned and before.member else None
    now = (after.member, after.coach) if after.assigned and after.member else None
    if was == now:
        return
    if was is not None:
        ctx.publish(CoachReleased(member=was[0], coach=was[1], relation=after.id))
    if now is not None:
        told_as = ctx.imported() if _history(ctx, now[0], after.since or after.told_at) else ctx
        told_as.publish(CoachAssigned(member=now[0], coach=now[1], relation=after.id, since=after.since))


def _history(ctx: Context, member: UUID, since: datetime) -> bool:
    """Tell whether a relation began before the person was known here, or long ago."""
    days = timedelta(days=ctx.settings(IvepSettings).live_days)
    registered: datetime = members.get(ctx, member).registered_at
    return since < registered or ctx.now() - since > days


# --- who ---------------------------------------------------------------------------------------------------


def coach(ctx: Context, coach_id: UUID) -> CoachView:
    return _view(ctx, IvepCoach.scoped(ctx).get(IvepCoach.id == coach_id))


def coach_of(ctx: Context, member: UUID) -> CoachView | None:
    """Return a member's coach, the one assigned last; None without one who is still there."""
    person = members.resolve(ctx, member)
    rows = list(
        IvepRelation.scoped(ctx).select().where(IvepRelation.member == person, IvepRelation.assigned)
    )  # fmt: skip
    rows.sort(key=lambda row: (row.since or row.told_at, row.told_at), reverse=True)
    for row in rows:
        found = IvepCoach.scoped(ctx).get(IvepCoach.id == row.coach)
        if not found.gone:
            return _view(ctx, found)
    return None


def members_of(ctx: Context, coach_id: UUID) -> list[UUID]:
    """Return the members whose coach somebody is."""
    rows = (
        IvepRelation.scoped(ctx)
        .select(IvepRelation.member)
        .where(IvepRelation.coach == coach_id, IvepRelation.assigned, IvepRelation.member.is_null(False))
        .order_by(IvepRelation.id)
    )
    return list(dict.fromkeys(row.member for row in rows))


def names_of(ctx: Context, coaches: Sequence[UUID]) -> dict[UUID, str]:
    """Return the names of coaches by our ids, for lists."""
    if not coaches:
        return {}
    rows = IvepCoach.scoped(ctx).select().where(IvepCoach.id.in_(list(set(coaches))))
    return {row.id: _view(ctx, row).name or row.number for row in rows}


def _view(ctx: Context, row: Any) -> CoachView:
    name, venue, title = row.name, row.venue, row.title
    if row.version < 0:  # no list of IVEP's has told of them: the SaaS may know them as one of its staff
        known = qinniao.staff_of(ctx, row.number)
        if known is not None:
            name, venue, title = known.name, known.venue, known.role
    return CoachView(row.id, row.number, name, title, row.picture, venue, row.gone)
