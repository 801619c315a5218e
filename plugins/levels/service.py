"""What members see of their level, and what staff may do to it by hand."""

from datetime import date
from typing import Any
from uuid import UUID

from plugins.levels.hookspecs import ManualLevelEnded
from plugins.levels.ladder import Ladder
from plugins.levels.models import LevelsStanding
from plugins.levels.schemas import (
    EndManualLevel,
    LadderOut,
    Level,
    LevelOut,
    LevelSettings,
    ManualLevel,
    MyLevelOut,
    NewManualLevel,
)
from plugins.levels.standing import Judgement, growth_of, growth_since, keep, ladder_of, set_level, standing_of
from roost import Context, Invalid, Text, members


def public(ctx: Context, level: Level) -> LevelOut:
    english = ctx.locale.startswith("en")
    return LevelOut(
        code=level.code,
        name=level.name_en if english else level.name_zh,
        threshold=level.threshold,
        benefits=level.benefits_en if english else level.benefits_zh,
    )


def named_levels(ctx: Context) -> list[tuple[str, Text]]:
    """Return the levels by code with their names, lowest first: what staff choose from."""
    return [(level.code, Text(level.name_zh, level.name_en)) for level in ctx.settings(LevelSettings).levels]


def all_levels(ctx: Context) -> LadderOut:
    settings = ctx.settings(LevelSettings)
    return LadderOut(
        items=[public(ctx, level) for level in settings.levels],
        qualification_months=settings.qualification_months,
    )


def mine(ctx: Context, member: UUID) -> MyLevelOut:
    """Return where a member stands, what is missing for the next level, and when the present one is judged
    again.
    """
    settings, ladder = ladder_of(ctx)
    level = ladder.level(members.get(ctx, member).level)
    growth = growth_of(ctx, settings, [member]).get(member, 0)
    above, standing = ladder.above(level.code), standing_of(ctx, member)
    end = standing.period_end if standing else None
    kept = growth_since(ctx, {member: standing.since}).get(member, 0) if standing and end else 0
    return MyLevelOut(
        level=public(ctx, level),
        growth=growth,
        next=public(ctx, above) if above else None,
        missing=max(above.threshold - growth, 0) if above else 0,
        period_end=end,
        keep_missing=max(level.threshold - kept, 0) if end else 0,
        manual_until=standing.manual_until if standing else None,
    )


def set_by_hand(ctx: Context, member: UUID, level: str, until: date, reason: str) -> LevelsStanding:
    """Give a member a level until a day; it then becomes what growth has earned. It brings no growth gift.

    Raises Invalid for an unknown level or a last day in the past, NotFound for an unknown member.
    """
    _, ladder = ladder_of(ctx)
    member = members.resolve(ctx, member)
    _check(ctx, ladder, level, until)
    with ctx.transaction():
        old = members.levels_of(ctx, [member], lock=True).get(member, "")
        judged = Judgement(member, old, level, "manual", None, reason[:200], until)
        if old != level:
            set_level(ctx, judged)
        keep(ctx, [judged])
        standing = standing_of(ctx, member)
        assert standing is not None, "just kept"
        return standing


def _check(ctx: Context, ladder: Ladder, level: str, until: date) -> None:
    if not ladder.knows(level):
        known = ", ".join(step.code for step in ladder.levels)
        raise Invalid(
            f"there is no level {level!r}; the levels are {known}",
            f"没有等级 {level}，可选：{known}",
            fields=[{"path": "level", "message": f"one of {known}"}],
        )
    if until < ctx.today():
        raise Invalid(
            "a level by hand ends today or later",
            "人工等级的截止日期不能早于今天",
            fields=[{"path": "until", "message": "in the past"}],
        )


def give_by_hand(ctx: Context, body: NewManualLevel) -> LevelsStanding:
    """Give any member a level, from the console's form."""
    return set_by_hand(ctx, body.member, body.level, body.until, body.reason)


def change_by_hand(ctx: Context, standing_id: UUID, body: ManualLevel) -> LevelsStanding:
    """Change the level of a member who has a standing, from the console."""
    row = LevelsStanding.scoped(ctx).get(LevelsStanding.id == standing_id)
    return set_by_hand(ctx, row.member, body.level, body.until, body.reason)


def end_by_hand(ctx: Context, standing_id: UUID, body: EndManualLevel) -> LevelsStanding:
    """End a level by hand now: the member has the level that growth earned."""
    settings, ladder = ladder_of(ctx)
    with ctx.transaction():
        row = LevelsStanding.scoped(ctx).lock(LevelsStanding.id == standing_id)
        if row.manual_until is None:
            raise Invalid("this level was not given by hand", "该等级不是人工设置的")
        old = members.levels_of(ctx, [row.member], lock=True).get(row.member, "")
        growth = growth_of(ctx, settings, [row.member]).get(row.member, 0)
        judged = Judgement(row.member, old, ladder.reached_by(growth).code, "manual_ended", growth, body.reason)
        if old != judged.new:
            set_level(ctx, judged, passed=ladder.passed(old, judged.new))
        keep(ctx, [judged])
        ctx.publish(ManualLevelEnded(member=row.member, old=old, new=judged.new))
        return LevelsStanding.scoped(ctx).get(LevelsStanding.id == standing_id)  # type: ignore[no-any-return]  # peewee


def summary(ctx: Context, member: UUID) -> dict[str, Any]:
    """Return what `/v1/me` and the console's member page show of the level."""
    now = mine(ctx, member)
    return {
        "level": now.level.code,
        "name": now.level.name,
        "growth": now.growth,
        "next": now.next.code if now.next else None,
        "missing": now.missing,
        "period_end": now.period_end.isoformat() if now.period_end else None,
    }
