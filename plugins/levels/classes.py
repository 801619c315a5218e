"""Classes: who moves from one to another by themselves. Another thing than the level, with rules of its own."""

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from plugins.levels.models import LevelsClassRule
from plugins.levels.schemas import ClassRuleIn, LevelSettings, PointsEarned
from plugins.levels.standing import earned_of
from roost import ConditionKind, Conflict, Context, Text, add_months, local_midnight, members, new_id, rewards

EVER = datetime(2000, 1, 1, tzinfo=UTC)  # before anything was recorded


def change(ctx: Context, ids: Iterable[UUID]) -> int:
    """Move members whom the rule of the settings, or a rule of staff, puts in another class; return how many moved."""
    wanted = list(ids)
    return _by_points(ctx, wanted) + _by_rules(ctx, wanted)


def _by_points(ctx: Context, ids: list[UUID]) -> int:
    settings = ctx.settings(LevelSettings)
    if not settings.class_change or settings.class_from == settings.class_to:
        return 0
    earned = earned_of(ctx, members.levels_of(ctx, ids), "points", _since(ctx, settings.class_months))
    enough = [m for m, total in earned.items() if total >= settings.class_points]
    moved = 0
    for asked, member in members.get_many(ctx, enough).items():
        if member.class_ == settings.class_from:
            members.set_class(
                ctx,
                member.id,
                settings.class_to,
                Text(f"累计 {earned[asked]} 积分", f"{earned[asked]} points earned"),
            )
            moved += 1
    return moved


def _by_rules(ctx: Context, ids: list[UUID]) -> int:
    """Ask the rules of each member's class; one move at a time, so that two rules cannot chase each other."""
    query = LevelsClassRule.scoped(ctx).select().where(LevelsClassRule.active == True)  # noqa: E712 -- a query
    rules = list(query.order_by(LevelsClassRule.position, LevelsClassRule.id)) if ids else []
    if not rules:
        return 0
    moved = 0
    for member in {view.id: view for view in members.get_many(ctx, ids).values()}.values():
        for rule in (rule for rule in rules if rule.from_class == member.class_ and not member.erased):
            conditions = [rewards.ConditionSpec.model_validate(one) for one in rule.conditions]
            try:
                refused, read = rewards.ask(ctx, conditions, member.id)
            except Conflict:  # the plugin of a condition is off since: the rule waits, and no level waits with it
                continue
            if refused:
                continue
            members.set_class(ctx, member.id, rule.to_class, rule.name)
            why = f"{rule.from_class} → {rule.to_class}: {rule.name}"
            rewards.note(ctx, [rewards.Note(member.id, Text("会员类别", "class"), why, {"conditions": read})])
            moved += 1
            break
    return moved


def _since(ctx: Context, months: int) -> datetime:
    return local_midnight(add_months(ctx.today(), -months), ctx.tenant.zone) if months else EVER


# --- the rules of staff -----------------------------------------------------------------------------------------------


def create(ctx: Context, body: ClassRuleIn) -> LevelsClassRule:
    """Save a new rule. Raises Invalid or Conflict for what cannot be asked."""
    rewards.check_conditions(ctx, body.conditions)
    values = body.model_dump(mode="json")
    return LevelsClassRule.scoped(ctx).create(id=new_id(), created_at=ctx.now(), **values)  # type: ignore[no-any-return]  # peewee


def edit(ctx: Context, rule_id: UUID, body: ClassRuleIn) -> None:
    """Change a rule; members who moved by it stay where they are."""
    if body.active:
        rewards.check_conditions(ctx, body.conditions)
    LevelsClassRule.scoped(ctx).update(**body.model_dump(mode="json")).where(LevelsClassRule.id == rule_id).execute()


# --- a question for rules of any plugin -------------------------------------------------------------------------------


def _earned(ctx: Context, member: UUID, spec: PointsEarned) -> tuple[bool, int]:
    total = earned_of(ctx, [member], "points", _since(ctx, spec.months))[member]
    return total >= spec.least, total


def _say(spec: PointsEarned, locale: str) -> str:
    if locale.startswith("en"):
        return f"earned {spec.least} points" + (f" in {spec.months} months" if spec.months else "")
    return (f"最近 {spec.months} 个月" if spec.months else "") + f"累计获得 {spec.least} 积分"


POINTS_EARNED = ConditionKind("points_earned", Text("累计积分", "Points earned"), PointsEarned, _earned, _say)
