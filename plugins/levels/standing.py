"""Standings and history: what was decided about members, kept many at a time."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from plugins.levels.ladder import Ladder
from plugins.levels.models import LevelsHistory, LevelsStanding
from plugins.levels.schemas import LevelSettings
from roost import Context, Text, add_months, insert_rows, local_date, local_midnight, members, new_id, points, rewards

INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was decided about one member, and from which growth. `manual_until` is the last day of a level by staff;
    `since` is when the period of the new level began, if not now.
    """

    member: UUID
    old: str
    new: str
    reason: str  # growth, kept, requalified, refunded, manual, manual_ended
    growth: int | None = None
    words: str = ""
    manual_until: date | None = None
    since: datetime | None = None


def ladder_of(ctx: Context) -> tuple[LevelSettings, Ladder]:
    """Return the tenant's settings and ladder."""
    settings = ctx.settings(LevelSettings)
    return settings, Ladder(settings.levels)


def growth_of(ctx: Context, settings: LevelSettings, ids: Iterable[UUID]) -> dict[UUID, int]:
    """Return the growth earned within the qualification window, by the day it was *recorded*: imported history counts
    from the day of the import.
    """
    since = local_midnight(add_months(ctx.today(), -settings.qualification_months), ctx.tenant.zone)
    return earned_of(ctx, ids, "growth", since)


def growth_since(ctx: Context, begun: Mapping[UUID, datetime]) -> dict[UUID, int]:
    """Return the growth that each member earned in their period: after the instant at which it began.

    What raised a member does not keep them another year. Members whose periods began together, as those of an import
    do, are read together.
    """
    together: dict[datetime, list[UUID]] = defaultdict(list)
    for member, since in begun.items():
        together[since].append(member)
    growth: dict[UUID, int] = {}
    for since, ids in together.items():
        growth.update(earned_of(ctx, ids, "growth", since + INSTANT))
    return growth


def earned_of(ctx: Context, ids: Iterable[UUID], asset: str, since: datetime) -> dict[UUID, int]:
    """Return what each member earned since, also under records that were merged into them."""
    wanted = list(ids)
    merged = members.merged_into(ctx, wanted)
    earned = points.earned(ctx, [*wanted, *merged], asset, since)
    total = {member: earned[member] for member in wanted}
    for record, member in merged.items():
        total[member] += earned[record]
    return total


def keep(ctx: Context, judged: Sequence[Judgement]) -> None:
    """Write standings as they are from now on, history, and a line for "why" where a level moved."""
    if not judged:
        return
    settings, ladder = ladder_of(ctx)
    now = ctx.now()
    standings = [
        {
            "id": new_id(),
            "member": j.member,
            "level": j.new,
            "since": j.since or now,
            "period_end": None
            if j.manual_until or ladder.rank(j.new) <= 0
            else period_end(ctx, settings, j.since or now),
            "manual_until": j.manual_until,
            "noticed_for": None,
        }
        for j in judged
    ]
    history = [
        {
            "id": new_id(),
            "member": j.member,
            "old": j.old,
            "new": j.new,
            "reason": j.reason,
            "growth": j.growth,
            "threshold": ladder.level(j.new).threshold,
            "words": j.words,
            "actor": str(ctx.actor)[:100],
            "at": now,
        }
        for j in judged
    ]
    insert_rows(ctx, LevelsStanding, standings, replace=("member",))
    insert_rows(ctx, LevelsHistory, history)
    if ctx.origin != "import":  # of an import's thousands the history tells enough
        rewards.note(ctx, [_note(j, ladder) for j in judged if j.old != j.new])


def period_end(ctx: Context, settings: LevelSettings, since: datetime) -> date:
    """Return the tenant's day on which a period that began then is judged."""
    return add_months(local_date(since, ctx.tenant.zone), settings.qualification_months)


def _note(judged: Judgement, ladder: Ladder) -> rewards.Note:
    return rewards.Note(
        judged.member,
        Text("等级", "level"),
        f"{judged.reason}: {judged.old or '-'} → {judged.new}" + (f" ({judged.words})" if judged.words else ""),
        {"growth": judged.growth, "threshold": ladder.level(judged.new).threshold},
    )


def standing_of(ctx: Context, member: UUID) -> LevelsStanding | None:
    """Return a member's standing, or None for one who stands on the lowest level."""
    return LevelsStanding.scoped(ctx).first(LevelsStanding.member == member)  # type: ignore[no-any-return]  # peewee


def set_level(ctx: Context, judged: Judgement, *, passed: tuple[str, ...] = ()) -> bool:
    """Move one member through core; False when the level is no longer what was judged."""
    _, ladder = ladder_of(ctx)
    up = ladder.rank(judged.new) > ladder.rank(judged.old)
    change = members.LevelChange(judged.member, judged.old, judged.new, up, passed if up else ())
    return bool(members.set_levels(ctx, [change]))
