"""Who rises: judged after growth was credited, many members at a time."""

from collections.abc import Iterable
from uuid import UUID

from plugins.levels import nearing
from plugins.levels.ladder import Ladder
from plugins.levels.standing import Judgement, growth_of, keep, ladder_of
from roost import Context, PointsCredited, members

SETTLED_AT_ONCE = 2000  # members who get their first level in one go


def judge(ctx: Context, ids: Iterable[UUID], *, fact: PointsCredited | None = None) -> int:
    """Raise every member whose growth reached a higher level; return how many rose. Nobody falls here.

    Two reads tell who may rise; only those are locked, read again and moved, in a handful of statements
    however many they are. Passing two levels at once names both. A member without a level gets the lowest,
    which is no rise. With the `fact` that credited them, whom it brought near the next level is told too.
    """
    settings, ladder = ladder_of(ctx)
    held = members.levels_of(ctx, ids)
    growth = growth_of(ctx, settings, held)
    rising = {m for m, level in held.items() if _rises(ladder, level, growth.get(m, 0))}
    if fact is not None and fact.origin == "live":
        nearing.tell(ctx, fact, {m: level for m, level in held.items() if m not in rising}, growth)
    begin = [m for m, level in held.items() if level == "" and m not in rising]
    members.set_levels(ctx, [_first(m, ladder) for m in begin])
    if not rising:
        return 0
    held = members.levels_of(ctx, rising, lock=True)  # what others did meanwhile is seen from here on
    growth = growth_of(ctx, settings, held)
    changes: list[members.LevelChange] = []
    for member, old in held.items():
        new = ladder.reached_by(growth.get(member, 0)).code
        if _rises(ladder, old, growth.get(member, 0)):
            changes.append(members.LevelChange(member, old, new, up=True, passed=ladder.passed(old, new)))
    done = members.set_levels(ctx, changes)
    keep(ctx, [Judgement(c.member, c.old, c.new, "growth", growth.get(c.member, 0)) for c in done])
    return len(done)


def _rises(ladder: Ladder, level: str, growth: int) -> bool:
    reached = ladder.rank(ladder.reached_by(growth).code)
    return reached > max(ladder.rank(level), 0)


def _first(member: UUID, ladder: Ladder) -> members.LevelChange:
    return members.LevelChange(member, "", ladder.base, up=True, silent=True)


def begin(ctx: Context, member: UUID) -> None:
    """Give a member who has none the lowest level. Growth is not looked at: that is for its own fact,
    whose origin
    decides whether a rise is news or history."""
    _, ladder = ladder_of(ctx)
    if members.levels_of(ctx, [member]).get(member) == "":
        members.set_levels(ctx, [_first(member, ladder)])


def settle(ctx: Context) -> int:
    """Give the lowest level to members who have none yet; return to how many. It is no rise: nothing is
    published.
    """
    _, ladder = ladder_of(ctx)
    waiting = members.without_level(ctx, SETTLED_AT_ONCE)
    return len(members.set_levels(ctx, [_first(m, ladder) for m in waiting])) if waiting else 0
