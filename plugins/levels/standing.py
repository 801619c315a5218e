"""Standings and history: what was decided about members, kept many at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from plugins.levels.ladder import Ladder, add_months
from plugins.levels.models import LevelsHistory, LevelsStanding
from plugins.levels.schemas import LevelSettings
from roost import Context, insert_rows, local_midnight, members, new_id, points, rewards


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was decided about one member, and from which growth. `manual_until` is the last day of a level by staff."""

    member: UUID
    old: str
    new: str
    reason: str  # growth, kept, requalified, manual, manual_ended
    growth: int | None = None
    words: str = ""
    manual_until: date | None = None


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
    now, today = ctx.now(), ctx.today()
    end = add_months(today, settings.qualification_months)
    standings = [
        {
            "id": new_id(),
            "member": j.member,
            "level": j.new,
            "since": now,
            "period_end": None if j.manual_until or ladder.rank(j.new) <= 0 else end,
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


def _note(judged: Judgement, ladder: Ladder) -> rewards.Note:
    return rewards.Note(
        judged.member,
        "等级 / level",
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
