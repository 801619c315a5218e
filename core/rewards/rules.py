"""Rules as data: saved with a version each time, checked against the kinds that exist."""

from uuid import UUID

from core.contract.context import Context
from core.errors import Invalid
from core.ids import new_id
from core.rewards import kinds
from core.rewards.models import RewardRule, RewardRuleVersion
from core.rewards.specs import RewardSpec, RuleSpec, RuleView

EARLIEST, LATEST = 2000, 2200  # years of a rule's window


def check_rewards(ctx: Context, rewards: list[RewardSpec], path: str = "rewards") -> int:
    """Check that each reward can be given; return the points they mint. Raises Invalid or Conflict."""
    minted = 0
    for place, wanted in enumerate(rewards):
        _, kind = kinds.reward(ctx, wanted.kind)
        minted += kind.points(kinds.read_spec(kind.spec, wanted.spec, f"{path}.{place}.spec"))
    return minted


def check_rule(ctx: Context, spec: RuleSpec) -> None:
    """Check a rule before it is saved. Raises Invalid with paths, or Conflict for a kind that is missing or
    off.
    """
    check_rewards(ctx, spec.rewards)
    kinds.check_conditions(ctx, spec.conditions)
    for name in ("starts_at", "ends_at"):
        value = getattr(spec, name)
        if value is not None and value.tzinfo is None:
            raise Invalid(
                f"{name} needs an offset, as in 2026-11-22T10:00:00+08:00",
                "时间需带时区",
                fields=[{"path": name, "message": "no offset"}],
            )
        if value is not None and not EARLIEST <= value.year <= LATEST:
            raise Invalid(
                f"{name} is in the year {value.year}; it must be between {EARLIEST} and {LATEST}",
                f"年份须在 {EARLIEST} 至 {LATEST} 之间",
                fields=[{"path": name, "message": "out of range"}],
            )
    if spec.starts_at and spec.ends_at and spec.ends_at <= spec.starts_at:
        raise Invalid(
            "a rule ends after it starts",
            "结束时间须晚于开始时间",
            fields=[{"path": "ends_at", "message": "too early"}],
        )


def _view(row: RewardRule) -> RuleView:
    return RuleView(row.id, row.version, row.plugin, RuleSpec.model_validate(row.spec))


def save_rule(ctx: Context, spec: RuleSpec, rule_id: UUID | None = None) -> RuleView:
    """Save a rule of `ctx.plugin`; each save is a new version. Audited.

    Raises Invalid for what a kind refuses, Conflict for a kind that is missing or off, NotFound for another
    plugin's.
    """
    with ctx.transaction():
        check_rule(ctx, spec)
        stored = spec.model_dump(mode="json")
        values = {
            "name": spec.name,
            "trigger": spec.trigger,
            "active": spec.active,
            "starts_at": spec.starts_at,
            "ends_at": spec.ends_at,
            "spec": stored,
            "updated_at": ctx.now(),
        }
        if rule_id is None:
            rule_id, version = new_id(), 1
            RewardRule.scoped(ctx).create(id=rule_id, plugin=ctx.plugin, version=version, **values)
        else:
            row = RewardRule.scoped(ctx).lock(RewardRule.id == rule_id, RewardRule.plugin == ctx.plugin)
            version = row.version + 1
            RewardRule.scoped(ctx).update(version=version, **values).where(RewardRule.id == rule_id).execute()
        RewardRuleVersion.scoped(ctx).create(
            rule=rule_id, version=version, spec=stored, saved_at=ctx.now(), saved_by=str(ctx.actor)
        )
        ctx.audit(
            "rewards.rule_saved",
            str(rule_id),
            {
                "version": version,
                "name": spec.name,
                "conditions": stored["conditions"],
                "rewards": stored["rewards"],
            },
        )
        return RuleView(rule_id, version, ctx.plugin, spec)


def rules(ctx: Context, trigger: str) -> list[RuleView]:
    """Return the rules of `ctx.plugin` for a trigger that are on and in their window now, by name."""
    now = ctx.now()
    rows = (
        RewardRule.scoped(ctx)
        .select()
        .where(
            RewardRule.plugin == ctx.plugin,
            RewardRule.trigger == trigger,
            RewardRule.active == True,  # noqa: E712 -- a query expression
            (RewardRule.starts_at.is_null()) | (RewardRule.starts_at <= now),
            (RewardRule.ends_at.is_null()) | (RewardRule.ends_at > now),
        )
        .order_by(RewardRule.name, RewardRule.id)
    )
    return [_view(row) for row in rows]


def rule(ctx: Context, rule_id: UUID) -> RuleView:
    """Return a rule of `ctx.plugin` as it stands, on or off. Raises NotFound."""
    return _view(RewardRule.scoped(ctx).get(RewardRule.id == rule_id, RewardRule.plugin == ctx.plugin))


def all_rules(ctx: Context) -> list[RuleView]:
    """Return every rule of `ctx.plugin`, on or off, by name."""
    rows = RewardRule.scoped(ctx).select().where(RewardRule.plugin == ctx.plugin)
    return [_view(row) for row in rows.order_by(RewardRule.name, RewardRule.id)]


def rule_versions(ctx: Context, rule_id: UUID) -> list[RuleView]:
    """Return what a rule of `ctx.plugin` ever said, oldest first. Raises NotFound."""
    held = rule(ctx, rule_id)
    rows = RewardRuleVersion.scoped(ctx).select().where(RewardRuleVersion.rule == rule_id)
    return [
        RuleView(rule_id, row.version, held.plugin, RuleSpec.model_validate(row.spec))
        for row in rows.order_by(RewardRuleVersion.version)
    ]
