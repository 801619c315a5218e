"""Find, every night, the members in good standing who have stayed away too long: a chain of small steps."""

from datetime import datetime, timedelta
from uuid import UUID

from plugins.visits.hookspecs import MemberWentSilent
from plugins.visits.models import VisitsPresence as Presence
from plugins.visits.schemas import AdoptStep, SilenceStep, VisitSettings
from roost import (
    Context,
    MemberConverted,
    MemberUpdated,
    Next,
    PageQuery,
    local_date,
    local_midnight,
    members,
)

BATCH = 200  # members of one step
ADOPTED = 100  # members of one step of `adopt`
STANDING = frozenset(("state", "frozen"))  # what of a profile may bring a membership back into force


def begin(ctx: Context, slot: str) -> None:
    """Start the chain for the tenant's date `slot`; once a date."""
    ctx.enqueue("visits.silence", SilenceStep.model_validate({"day": slot}), dedupe=slot)
    ctx.enqueue("visits.adopt", AdoptStep(), dedupe="adopt")  # again once the finished job was cleaned away: weekly


def step(ctx: Context, payload: SilenceStep) -> Next | None:
    """Look at the next members, by id, whose silence is long enough; tell of those with a valid membership.

    The lapsed and the frozen (停卡) are not silent until their membership is in force again.
    """
    days = ctx.settings(VisitSettings).silent_days
    before = local_midnight(payload.day - timedelta(days=days), ctx.tenant.zone)
    query = Presence.scoped(ctx).select().where(Presence.silent_at.is_null(), Presence.since < before)
    if payload.after is not None:
        query = query.where(Presence.member > payload.after)
    rows = list(query.order_by(Presence.member).limit(BATCH))
    people = members.get_many(ctx, [row.member for row in rows])
    facts = []
    for row in rows:
        person = people.get(row.member)
        if person is None or person.id != row.member or person.state != "member" or person.frozen:
            continue
        changed = (
            Presence.scoped(ctx)
            .update(silent_at=ctx.now())
            .where(Presence.id == row.id, Presence.since == row.since, Presence.silent_at.is_null())
            .execute()
        )
        if changed:  # no visit came in between
            away = (payload.day - local_date(row.since, ctx.tenant.zone)).days
            facts.append(MemberWentSilent(member=row.member, since=row.since, days=max(away, days)))
    if facts:
        ctx.publish(*facts)
    if len(rows) < BATCH:
        return None
    return Next(SilenceStep(day=payload.day, after=rows[-1].member))


def adopt(ctx: Context, payload: AdoptStep) -> Next | None:
    """Begin to count for members who hold a membership from before this plugin was on.

    Nothing is known of their visits, so their silence is counted from now: switching on tells of nobody at
    once.
    """
    page = members.find(ctx, members.MemberFilter(state="member"), PageQuery(limit=ADOPTED, cursor=payload.cursor))
    rows = [{"member": person.id, "since": ctx.now()} for person in page.items]
    if rows:
        Presence.scoped(ctx).insert_many(rows).on_conflict_ignore().execute()
    return Next(AdoptStep(cursor=page.next_cursor)) if page.next_cursor else None


def count_from(ctx: Context, member: UUID, instant: datetime) -> None:
    """Count a silence from `instant` on, unless the member came later; one that was told of is over."""
    Presence.scoped(ctx).insert(member=member, since=instant).on_conflict_ignore().execute()
    Presence.scoped(ctx).update(since=instant, silent_at=None).where(
        Presence.member == member, Presence.since < instant
    ).execute()


def converted(ctx: Context, fact: MemberConverted) -> None:
    """Count from the first day of the membership: who never comes is silent too."""
    count_from(ctx, members.resolve(ctx, fact.member), fact.occurred_at or ctx.now())


def updated(ctx: Context, fact: MemberUpdated) -> None:
    """Count anew when a membership comes back into force, after a freeze or a lapse; while it is not, nobody is
    silent.
    """
    if not STANDING & set(fact.changed):
        return
    person = members.get(ctx, fact.member)
    if person.state == "member" and not person.frozen:
        count_from(ctx, person.id, fact.occurred_at or ctx.now())
    else:  # the lapsed and the frozen are not silent
        Presence.scoped(ctx).update(silent_at=None).where(Presence.member == person.id).execute()
