"""Rules as data: who, when, what, how often; and the answer to "why not"."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core import members, points, rewards
from core.clock import ManualClock
from core.contract.context import Context
from core.errors import Conflict, Invalid, KeyReused, NotFound
from core.members import MemberView
from core.rewards import ConditionSpec, Limits, RewardSpec, RuleSpec

Make = Callable[..., MemberView]


def points_of(amount: int) -> RewardSpec:
    return RewardSpec(kind="points", spec={"amount": amount})


def rule_of(ctx: Context, *, amount: int = 100, **more: Any) -> rewards.RuleView:
    with ctx.transaction():
        return rewards.save_rule(
            ctx, RuleSpec(**{"name": "Welcome", "trigger": "test", "rewards": [points_of(amount)], **more})
        )


def grant(ctx: Context, rule: rewards.RuleView, member: MemberView, key: str) -> rewards.GrantView | None:
    with ctx.transaction():
        return rewards.grant(ctx, rule, member.id, key=key)


def balance(ctx: Context, member: MemberView, asset: str = "points") -> int:
    with ctx.transaction():
        return points.balance(ctx, member.id, asset).available


def test_a_rule_gives_points_and_growth_once_for_a_key(tenant: Context, member: Make) -> None:
    li = member()
    growth = RewardSpec(kind="growth", spec={"amount": 7})
    rule = rule_of(tenant, rewards=[points_of(100), growth])
    first = grant(tenant, rule, li, "a")
    again = grant(tenant, rule, li, "a")
    assert first is not None
    assert again == first
    assert (balance(tenant, li), balance(tenant, li, "growth")) == (100, 7)
    assert [(g.kind, g.state) for g in first.rewards] == [("points", "given"), ("growth", "given")]


def test_the_same_key_for_another_member_is_refused(tenant: Context, member: Make) -> None:
    rule = rule_of(tenant)
    grant(tenant, rule, member(), "a")
    with pytest.raises(KeyReused):
        grant(tenant, rule, member(), "a")


def test_a_condition_that_is_not_met_gives_nothing_and_why_tells_the_value_read(tenant: Context, member: Make) -> None:
    lead = member()
    rule = rule_of(tenant, conditions=[ConditionSpec(kind="state", spec={"values": ["member"]})])
    assert grant(tenant, rule, lead, "a") is None
    assert balance(tenant, lead) == 0
    [row] = rewards.why(tenant, lead.id, 10)
    assert (row.outcome, row.reason, row.rule_version) == ("refused", "condition:state", 1)
    assert row.evidence["conditions"][0]["value"] == "lead"


def test_what_was_refused_may_be_asked_again_with_the_same_key(tenant: Context, member: Make) -> None:
    li = member()
    rule = rule_of(tenant, conditions=[ConditionSpec(kind="state", spec={"values": ["member"]})])
    assert grant(tenant, rule, li, "a") is None
    with tenant.transaction():
        members.set_membership(tenant, li.id, state="member")
    assert grant(tenant, rule, li, "a") is not None
    assert [row.outcome for row in rewards.why(tenant, li.id, 10)] == ["given", "refused"]


def test_a_negated_condition_turns_the_answer_round(tenant: Context, member: Make) -> None:
    rule = rule_of(tenant, conditions=[ConditionSpec(kind="state", spec={"values": ["member"]}, negate=True)])
    assert grant(tenant, rule, member(), "lead") is not None
    assert grant(tenant, rule, member(state="member"), "member") is None


@pytest.mark.parametrize(
    ("kind", "spec", "meets"),
    [
        ("level", {"values": ["gold"]}, True),
        ("level", {"values": ["silver"]}, False),
        ("class", {"values": ["ordinary"]}, True),
        ("class", {"values": ["vip"]}, False),
        ("registered_within_days", {"days": 3}, False),
        ("registered_within_days", {"days": 4}, True),
    ],
)
def test_core_asks_about_level_class_and_age_of_registration(
    tenant: Context, member: Make, clock: ManualClock, kind: str, spec: dict[str, Any], meets: bool
) -> None:
    li = member()
    clock.advance(days=4, hours=1)
    with tenant.transaction():
        members.set_level(tenant, li.id, "gold", up=True)
    rule = rule_of(tenant, conditions=[ConditionSpec(kind=kind, spec=spec)])
    assert (grant(tenant, rule, li, "a") is not None) is meets


def test_a_venue_is_a_condition(tenant: Context, member: Make) -> None:
    from core import tenants
    from core.ids import new_id

    with tenant.transaction():
        shop = tenants.add_venue(tenant, "001", "Centre")
    here = member(venue=shop.id)
    rule = rule_of(tenant, conditions=[ConditionSpec(kind="venue", spec={"values": [str(shop.id)]})])
    other = rule_of(tenant, conditions=[ConditionSpec(kind="venue", spec={"values": [str(new_id())]})])
    assert grant(tenant, rule, here, "a") is not None
    assert grant(tenant, other, here, "b") is None


def test_each_save_is_a_version_and_a_grant_keeps_its_own(tenant: Context, member: Make) -> None:
    li = member()
    rule = rule_of(tenant, amount=100)
    grant(tenant, rule, li, "first")
    with tenant.transaction():
        richer = rewards.save_rule(tenant, rule.spec.model_copy(update={"rewards": [points_of(300)]}), rule.id)
    grant(tenant, richer, li, "second")
    assert richer.version == 2
    assert [row.rule_version for row in rewards.why(tenant, li.id, 10)] == [2, 1]
    assert [v.rewards[0].spec["amount"] for v in rewards.rule_versions(tenant, rule.id)] == [100, 300]
    entries = points.statement(tenant, li.id, "points", limit=10, cursor="").items
    assert {(e.amount, e.rule_version) for e in entries} == {(100, 1), (300, 2)}


def test_only_rules_that_are_on_and_in_their_window_are_found(tenant: Context, clock: ManualClock) -> None:
    now = clock.now()
    rule_of(tenant, name="on")
    rule_of(tenant, name="off", active=False)
    rule_of(tenant, name="later", starts_at=now + timedelta(hours=1))
    rule_of(tenant, name="over", ends_at=now)
    rule_of(tenant, name="other moment", trigger="elsewhere")
    assert [r.name for r in rewards.rules(tenant, "test")] == ["on"]
    assert rewards.rules(tenant.for_plugin("gifts"), "test") == []
    clock.advance(hours=2)
    assert [r.name for r in rewards.rules(tenant, "test")] == ["later", "on"]


def test_a_rule_that_went_out_of_its_window_meanwhile_gives_nothing(
    tenant: Context, member: Make, clock: ManualClock
) -> None:
    li = member()
    rule = rule_of(tenant, ends_at=clock.now() + timedelta(hours=1))
    clock.advance(hours=1)
    assert grant(tenant, rule, li, "a") is None
    assert rewards.why(tenant, li.id, 10)[0].reason == "rule_not_active"


def test_another_plugins_rule_cannot_be_saved_over(tenant: Context) -> None:
    rule = rule_of(tenant)
    with pytest.raises(NotFound), tenant.transaction():
        rewards.save_rule(tenant.for_plugin("gifts"), rule.spec, rule.id)


def test_a_wrong_spec_is_refused_with_its_path(tenant: Context) -> None:
    with pytest.raises(Invalid) as caught:
        rule_of(tenant, rewards=[points_of(100), RewardSpec(kind="points", spec={"amount": -1})])
    assert caught.value.fields[0]["path"] == "rewards.1.spec.amount"
    with pytest.raises(Invalid) as caught:
        rule_of(tenant, conditions=[ConditionSpec(kind="level", spec={})])
    assert caught.value.fields[0]["path"] == "conditions.0.spec.values"


def test_a_rule_must_end_after_it_starts(tenant: Context, clock: ManualClock) -> None:
    with pytest.raises(Invalid):
        rule_of(tenant, starts_at=clock.now(), ends_at=clock.now())


def test_a_kind_nobody_provides_cannot_be_saved(tenant: Context) -> None:
    with pytest.raises(Conflict, match="unicorn"):
        rule_of(tenant, rewards=[RewardSpec(kind="unicorn")])


def test_a_kind_whose_plugin_is_off_is_a_conflict_and_gives_nothing(
    tenant: Context, member: Make, enable_plugin: Callable[..., None]
) -> None:
    from core import tenants

    enable_plugin("gifts")
    li = member()
    voucher = RewardSpec(kind="voucher", spec={"name": "Coupon", "amount_fen": 5000})
    rule = rule_of(tenant, rewards=[points_of(100), voucher])
    tenants.disable_plugin(tenant, "gifts")
    object.__setattr__(tenant, "tenant", tenants.by_id(tenant.tenant.id))
    with pytest.raises(Conflict, match="gifts"):
        grant(tenant, rule, li, "a")
    assert balance(tenant, li) == 0
    assert rewards.find_grant(tenant, "a") is None


@pytest.mark.parametrize(("period", "moves"), [("day", {"days": 1}), ("month", {"days": 9}), ("year", {"days": 40})])
def test_a_members_own_limit_holds_for_a_calendar_period(
    tenant: Context, member: Make, clock: ManualClock, period: Any, moves: dict[str, float]
) -> None:
    li, han = member(), member()
    rule = rule_of(tenant, limits=Limits(per_member=1, per_member_period=period))
    assert grant(tenant, rule, li, "1") is not None
    assert grant(tenant, rule, li, "2") is None
    assert grant(tenant, rule, han, "3") is not None
    assert rewards.why(tenant, li.id, 1)[0].reason == "limit_per_member"
    clock.advance(**moves)
    assert grant(tenant, rule, li, "4") is not None
    assert balance(tenant, li) == 200


def test_a_total_and_a_budget_end_the_giving(tenant: Context, member: Make) -> None:
    one, two, three = member(), member(), member()
    few = rule_of(tenant, limits=Limits(total=2))
    assert [grant(tenant, few, m, f"t{n}") is not None for n, m in enumerate((one, two, three))] == [
        True,
        True,
        False,
    ]
    poor = rule_of(tenant, amount=60, limits=Limits(budget_points=150))
    assert [grant(tenant, poor, m, f"b{n}") is not None for n, m in enumerate((one, two, three))] == [
        True,
        True,
        False,
    ]
    assert balance(tenant, three) == 0
    assert [row.reason for row in rewards.why(tenant, three.id, 10)] == ["budget_used_up", "limit_total"]


def test_records_that_were_merged_share_one_limit(tenant: Context, member: Make) -> None:
    keeps, goes = member(), member()
    rule = rule_of(tenant, limits=Limits(per_member=1))
    grant(tenant, rule, goes, "before")
    with tenant.transaction():
        members.merge(tenant, keeps.id, goes.id, "one person")
    assert grant(tenant, rule, keeps, "after") is None
    assert [row.outcome for row in rewards.why(tenant, keeps.id, 10)] == ["refused", "given"]


def test_a_grant_publishes_one_fact_for_each_reward(tenant: Context, member: Make) -> None:
    from core.events.models import Event

    rule = rule_of(tenant, rewards=[points_of(10), RewardSpec(kind="growth", spec={"amount": 1})])
    grant(tenant, rule, member(), "a")
    assert Event.scoped(tenant).select().where(Event.name == "reward_granted").count() == 2
