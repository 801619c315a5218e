"""The end of a period: kept, or one level down at most, and the notice before it: every day, in chunks."""

from datetime import timedelta
from uuid import UUID

from pydantic import BaseModel

from plugins.levels.hookspecs import LevelAtRisk, ManualLevelEnded, ManualLevelEnding
from plugins.levels.ladder import Ladder
from plugins.levels.models import LevelsStanding
from plugins.levels.schemas import LevelSettings
from plugins.levels.standing import Judgement, growth_of, growth_since, keep, ladder_of
from roost import Context, Next, members

CHUNK = 500
NOWHERE = UUID(int=0)


class Turn(BaseModel):
    """What a step of the chain carries: members whose id is above `after` are next."""

    after: UUID = NOWHERE


def requalify(ctx: Context, turn: Turn) -> Next | None:
    """Judge the next members whose period, or whose level by staff, is over: one step of the chain `requalify`."""
    settings, ladder = ladder_of(ctx)
    today = ctx.today()
    due = list(
        LevelsStanding.scoped(ctx)
        .select()
        .where(
            LevelsStanding.member > turn.after,
            (LevelsStanding.period_end <= today) | (LevelsStanding.manual_until < today),
        )
        .order_by(LevelsStanding.member)
        .limit(CHUNK)
    )
    if not due:
        return None
    held = members.levels_of(ctx, [row.member for row in due], lock=True)
    rows = [row for row in due if row.member in held]
    growth = _growth(ctx, settings, rows)
    judged = [_judge(settings, ladder, row, held[row.member], growth.get(row.member, 0)) for row in rows]
    members.set_levels(
        ctx,
        [
            members.LevelChange(
                j.member, j.old, j.new, up=ladder.rank(j.new) > ladder.rank(j.old), passed=ladder.passed(j.old, j.new)
            )
            for j in judged
            if j.old != j.new
        ],
    )
    keep(ctx, judged)
    ctx.publish(
        *(ManualLevelEnded(member=j.member, old=j.old, new=j.new) for j in judged if j.reason == "manual_ended")
    )
    if gone := [row.id for row in due if row.member not in held]:  # merged or erased since
        LevelsStanding.scoped(ctx).delete().where(LevelsStanding.id.in_(gone)).execute()
    return Next(Turn(after=due[-1].member)) if len(due) == CHUNK else None


def _growth(ctx: Context, settings: LevelSettings, rows: list[LevelsStanding]) -> dict[UUID, int]:
    """Return what each standing is judged by: the growth of its own period, or after a level by hand that of the
    qualification window.
    """
    by_hand = [row.member for row in rows if row.manual_until is not None]
    begun = {row.member: row.since for row in rows if row.manual_until is None}
    return {**growth_of(ctx, settings, by_hand), **growth_since(ctx, begun)}


def _judge(settings: LevelSettings, ladder: Ladder, row: LevelsStanding, level: str, growth: int) -> Judgement:
    if row.manual_until is not None:
        return Judgement(row.member, level, ladder.reached_by(growth).code, "manual_ended", growth)
    new = ladder.after_period(level, growth, settings.levels_down_at_most)
    return Judgement(row.member, level, new.code, "kept" if new.code == level else "requalified", growth)


def give_notice(ctx: Context, turn: Turn) -> Next | None:
    """Tell the next members whose level ends soon and is not earned again yet, or was given by hand: one step of the
    chain `notice`.
    """
    settings, ladder = ladder_of(ctx)
    today, last = ctx.today(), ctx.today() + timedelta(days=settings.notice_days)
    by_growth = (LevelsStanding.period_end > today) & (LevelsStanding.period_end <= last)
    by_hand = (LevelsStanding.manual_until >= today) & (LevelsStanding.manual_until <= last)
    soon = list(
        LevelsStanding.scoped(ctx)
        .select()
        .where(LevelsStanding.member > turn.after, by_growth | by_hand, LevelsStanding.noticed_for.is_null())
        .order_by(LevelsStanding.member)
        .limit(CHUNK)
    )
    if not soon:
        return None
    held = members.levels_of(ctx, [row.member for row in soon])
    rows = [row for row in soon if row.member in held]
    growth = _growth(ctx, settings, rows)
    for row in rows:
        level, earned = held[row.member], growth.get(row.member, 0)
        follows = _judge(settings, ladder, row, level, earned).new
        if ladder.rank(follows) >= ladder.rank(level):
            continue
        ends_on = row.manual_until or row.period_end
        if row.manual_until is not None:
            ctx.publish(ManualLevelEnding(member=row.member, level=level, falls_to=follows, ends_on=ends_on))
        else:
            missing = ladder.level(level).threshold - earned
            ctx.publish(LevelAtRisk(member=row.member, level=level, falls_to=follows, missing=missing, ends_on=ends_on))
        LevelsStanding.scoped(ctx).update(noticed_for=ends_on).where(LevelsStanding.id == row.id).execute()
    return Next(Turn(after=soon[-1].member)) if len(soon) == CHUNK else None
