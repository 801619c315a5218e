"""Reward and condition kinds: core's own, and the way to those that plugins contribute."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core import members, points
from core.contract.console import Choice
from core.contract.context import Context
from core.contract.facts import Asset
from core.contract.rewards import ConditionKind, RewardKind
from core.errors import Conflict, Invalid
from core.rewards.specs import ConditionSpec
from core.words import Text


class Amount(BaseModel):
    """How many points or how much growth; how long points live is the tenant's policy, by who gives them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: int = Field(ge=1, le=1_000_000_000, description="数量 / how many")
    reason: str = Field("", max_length=60, description="流水说明 / what the statement says; empty: the rule's name")


class OneOf(BaseModel):
    """Codes of which the member's must be one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    values: list[str] = Field(min_length=1, max_length=100, description="任一 / one of these")


class States(OneOf):
    """States of which the member's must be one."""

    values: Annotated[list[str], Choice("states")] = Field(
        min_length=1, max_length=100, description="会员状态 / states"
    )


class Levels(OneOf):
    """Levels of which the member's must be one."""

    values: Annotated[list[str], Choice("levels")] = Field(min_length=1, max_length=100, description="等级 / levels")


class Classes(OneOf):
    """Classes of which the member's must be one."""

    values: Annotated[list[str], Choice("classes")] = Field(min_length=1, max_length=100, description="类别 / classes")


class Venues(BaseModel):
    """Venues of which the member's home must be one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    values: Annotated[list[UUID], Choice("venues")] = Field(
        min_length=1, max_length=1000, description="任一门店 / one of these"
    )


class Days(BaseModel):
    """A number of days."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: int = Field(ge=0, le=36_500, description="注册后多少天内 / days since the registration")


def credit(
    ctx: Context,
    member: UUID,
    asset: Asset,
    amount: int,
    reason: str,
    key: str,
    rule: UUID | None,
    version: int | None,
) -> dict[str, Any]:
    """Credit an asset with a rule's provenance; return the receipt that taking it back needs."""
    done = points.credit(
        ctx.for_plugin("core"),
        member,
        asset,
        amount,
        key=key,
        reason=reason,
        source=ctx.plugin,
        rule=rule,
        rule_version=version,
        cause=ctx.cause or None,
    )
    return {"operation": str(done.id), "amount": amount}


def _reverse(ctx: Context, member: UUID, spec: Amount, receipt: dict[str, Any]) -> str | None:
    operation = receipt["operation"]
    undone = points.reverse(ctx.for_plugin("core"), UUID(operation), key=f"revoke:{operation}", reason="revoked")
    if not undone.shortfall:
        return None
    return f"{undone.shortfall} 已使用" if ctx.locale == "zh" else f"{undone.shortfall} spent already"


def _amount_kind(asset: Asset, zh: str, en: str) -> RewardKind:
    return RewardKind(
        name=asset,
        title=Text(zh, en),
        spec=Amount,
        grant=lambda ctx, member, spec, key: credit(
            ctx, member, asset, spec.amount, spec.reason or "reward", key, None, None
        ),
        revoke=_reverse,
        describe=lambda spec, locale: f"{spec.amount} {en.lower() if locale.startswith('en') else zh}",
        points=(lambda spec: int(spec.amount)) if asset == "points" else (lambda spec: 0),
    )


REWARDS = {
    kind.name: kind for kind in (_amount_kind("points", "积分", "Points"), _amount_kind("growth", "成长值", "Growth"))
}


def _one_of(spec: OneOf | Venues, locale: str, zh: str, en: str) -> str:
    english = locale.startswith("en")
    words = (", " if english else "、").join(map(str, spec.values))
    return f"{en}: {words}" if english else f"{zh}为{words}"


def _registered_within(ctx: Context, member: UUID, spec: Days) -> tuple[bool, Any]:
    since = members.get(ctx, member).registered_at
    days = (ctx.now() - since).days
    return days <= spec.days, days


def _field(name: str, field: str, zh: str, en: str, spec: type[OneOf]) -> ConditionKind:
    def evaluate(ctx: Context, member: UUID, spec: OneOf) -> tuple[bool, Any]:
        value = getattr(members.get(ctx, member), field)
        return value in spec.values, value

    return ConditionKind(name, Text(zh, en), spec, evaluate, lambda spec, locale: _one_of(spec, locale, zh, en))


def _at_venue(ctx: Context, member: UUID, spec: Venues) -> tuple[bool, Any]:
    home = members.get(ctx, member).venue
    return home in spec.values, str(home) if home else None


CONDITIONS = {
    kind.name: kind
    for kind in (
        _field("state", "state", "会员状态", "State", States),
        _field("level", "level", "等级", "Level", Levels),
        _field("class", "class_", "类别", "Class", Classes),
        ConditionKind(
            "venue",
            Text("所属门店", "Home venue"),
            Venues,
            _at_venue,
            lambda spec, locale: _one_of(spec, locale, "所属门店", "Home venue"),
        ),
        ConditionKind(
            "registered_within_days",
            Text("注册天数内", "Registered within days"),
            Days,
            _registered_within,
            lambda spec, locale: (
                f"registered within {spec.days} days" if locale.startswith("en") else f"注册 {spec.days} 天内"
            ),
        ),
    )
}


def installed_reward(ctx: Context, name: str) -> tuple[str, RewardKind]:
    """Return (owner, kind) of a reward, on or off for this tenant. Raises Conflict when nothing provides
    it.
    """
    if name in REWARDS:
        return "core", REWARDS[name]
    found = next((one for one in ctx.providers(RewardKind, installed=True) if one[1].name == name), None)
    if found is None:
        raise Conflict(
            f"no installed plugin gives the reward {name!r}: install it, or change the rule",
            f"没有插件提供奖励类型 {name}，请安装插件或修改规则",
            code="reward_kind_missing",
            kind=name,
        )
    return found


def reward(ctx: Context, name: str) -> tuple[str, RewardKind]:
    """Return (owner, kind) of a reward that can be given now. Raises Conflict also when its plugin is off."""
    slug, kind = installed_reward(ctx, name)
    if slug != "core" and not ctx.enabled(slug):
        raise Conflict(
            f"the reward {name!r} belongs to the plugin {slug}, which is off; switch it on",
            f"奖励类型 {name} 由插件 {slug} 提供，该插件已停用，请启用或修改规则",
            code="reward_kind_off",
            kind=name,
            plugin=slug,
        )
    return slug, kind


def condition(ctx: Context, name: str) -> tuple[str, ConditionKind]:
    """Return (owner, kind) of a condition that can be asked now. Raises Conflict when it is missing or
    off.
    """
    if name in CONDITIONS:
        return "core", CONDITIONS[name]
    found = next((one for one in ctx.providers(ConditionKind) if one[1].name == name), None)
    if found is None:
        raise Conflict(
            f"the condition {name!r} cannot be asked: its plugin is off or not installed",
            f"条件类型 {name} 不可用：其插件未启用或未安装",
            code="condition_kind_missing",
            kind=name,
        )
    return found


def check_conditions(ctx: Context, conditions: Sequence[ConditionSpec]) -> None:
    """Check that each condition can be asked. Raises Invalid with paths, or Conflict for a kind that is missing or
    off.
    """
    for place, asked in enumerate(conditions):
        _, kind = condition(ctx, asked.kind)
        read_spec(kind.spec, asked.spec, f"conditions.{place}.spec")


def ask(ctx: Context, conditions: Sequence[ConditionSpec], member: UUID) -> tuple[str, list[dict[str, Any]]]:
    """Ask conditions in their order up to the first that says no; return its kind, or "" when all are met, and the
    values that were read. Raises Conflict for a kind that is missing or off.
    """
    read: list[dict[str, Any]] = []
    for place, asked in enumerate(conditions):
        slug, kind = condition(ctx, asked.kind)
        wanted = read_spec(kind.spec, asked.spec, f"conditions.{place}.spec")
        met, value = kind.evaluate(ctx.for_plugin(slug), member, wanted)
        read.append({"condition": asked.kind, "spec": asked.spec, "negate": asked.negate, "value": value})
        if met == asked.negate:
            return asked.kind, read
    return "", read


def read_spec(model: type[BaseModel], values: dict[str, Any], path: str) -> Any:  # Any: an instance of `model`
    """Validate what a rule says for a kind. Raises Invalid with the path of each wrong value."""
    try:
        return model.model_validate(values)
    except ValidationError as ex:
        raise Invalid(
            f"{path} cannot be used",
            "奖励或条件的参数有误",
            fields=[{"path": ".".join([path, *map(str, e["loc"])]), "message": e["msg"]} for e in ex.errors()],
        ) from None


def rewards_on(ctx: Context) -> list[RewardKind]:
    """Return the kinds that a rule of this tenant may give, core's first."""
    return [*REWARDS.values(), *(kind for _, kind in ctx.providers(RewardKind))]


def conditions_on(ctx: Context) -> list[ConditionKind]:
    """Return the kinds that a rule of this tenant may ask, core's first."""
    return [*CONDITIONS.values(), *(kind for _, kind in ctx.providers(ConditionKind))]
