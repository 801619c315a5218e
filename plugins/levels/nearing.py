"""Who is near the next level: told once, by the very credit that brought them there."""

from collections import Counter
from collections.abc import Mapping
from uuid import UUID

from plugins.levels.hookspecs import LevelWithinReach
from plugins.levels.standing import ladder_of
from roost import Context, PointsCredited


def tell(ctx: Context, fact: PointsCredited, levels: Mapping[UUID, str], growth: Mapping[UUID, int]) -> None:
    """Publish `level_within_reach` for members whose growth, by what was just credited, passed the set share of what
    the next level needs. Nothing is kept: the growth before the credit was below it.
    """
    settings, ladder = ladder_of(ctx)
    credited: Counter[UUID] = Counter()
    for movement in fact.movements:
        if movement.asset == "growth":
            credited[movement.member] += movement.amount
    for member, level in sorted(levels.items()):
        above = ladder.above(level)
        if above is None:
            continue
        near, now = above.threshold * settings.near_percent, growth.get(member, 0)
        if (now - credited[member]) * 100 < near <= now * 100 and now < above.threshold:
            ctx.publish(LevelWithinReach(member=member, level=above.code, missing=above.threshold - now))
