"""Rewards that a plugin's own logic decided, and what taking them back comes to."""

from collections.abc import Callable

import pytest

from core import points, rewards
from core.contract.context import Context
from core.errors import Invalid, KeyReused, NotFound
from core.members import MemberView
from core.rewards import Limits, Note, RewardSpec, RuleSpec

Make = Callable[..., MemberView]
HUNDRED = [RewardSpec(kind="points", spec={"amount": 100})]


def give(ctx: Context, member: MemberView, key: str = "k", specs: list[RewardSpec] = HUNDRED) -> rewards.GrantView:
    with ctx.transaction():
        return rewards.give(ctx, member.id, specs, key=key, reason="thanks", evidence={"seen": 3})


def revoke(ctx: Context, grant: rewards.GrantView) -> rewards.Revocation:
    with ctx.transaction():
        return rewards.revoke(ctx, grant.id, reason="mistake")


def available(ctx: Context, member: MemberView) -> int:
    with ctx.transaction():
        return points.balance(ctx, member.id).available


def test_a_key_gives_once_and_other_content_is_refused(tenant: Context, member: Make) -> None:
    li = member()
    assert give(tenant, li) == give(tenant, li)
    assert available(tenant, li) == 100
    with pytest.raises(KeyReused):
        give(tenant, li, specs=[RewardSpec(kind="points", spec={"amount": 101})])


def test_keys_of_two_plugins_are_apart(tenant: Context, member: Make) -> None:
    li = member()
    give(tenant, li)
    give(tenant.for_plugin("gifts"), li)
    assert available(tenant, li) == 200


def test_what_was_given_keeps_its_reason_and_the_values_read(tenant: Context, member: Make) -> None:
    li = member()
    give(tenant.caused_by("fact:42"), li)
    [row] = rewards.why(tenant, li.id, 10)
    assert (row.outcome, row.reason, row.evidence, row.cause) == ("given", "thanks", {"seen": 3}, "fact:42")
    assert row.rewards == ("100 积分",)


def test_revoking_takes_the_points_back_once(tenant: Context, member: Make) -> None:
    li = member()
    done = give(tenant, li)
    first = revoke(tenant, done)
    assert (first.taken, first.spent) == (1, [])
    assert revoke(tenant, done) == first
    assert available(tenant, li) == 0
    assert rewards.why(tenant, li.id, 1)[0].outcome == "revoked"


def test_what_was_spent_is_listed_and_the_rest_comes_back(tenant: Context, member: Make) -> None:
    li = member()
    done = give(tenant, li)
    with tenant.transaction():
        points.debit(tenant, li.id, "points", 70, key="spend", reason="tea")
    back = revoke(tenant, done)
    assert back.taken == 0
    assert "70" in back.spent[0]
    assert available(tenant, li) == 0
    assert rewards.why(tenant, li.id, 1)[0].outcome == "partly"


def test_another_plugin_cannot_revoke_but_core_can(tenant: Context, member: Make) -> None:
    done = give(tenant.for_plugin("gifts"), member())
    with pytest.raises(NotFound):
        revoke(tenant.for_plugin("referrals"), done)
    assert revoke(tenant, done).taken == 1


def test_a_revoked_grant_gives_its_part_of_the_total_back_but_not_the_members_turn(
    tenant: Context, member: Make
) -> None:
    li, han = member(), member()
    with tenant.transaction():
        rule = rewards.save_rule(
            tenant,
            RuleSpec(
                name="First",
                trigger="t",
                rewards=HUNDRED,
                limits=Limits(per_member=1, total=1, budget_points=100),
            ),
        )
        done = rewards.grant(tenant, rule, li.id, key="li")
        assert done is not None
        assert rewards.grant(tenant, rule, han.id, key="han") is None
    revoke(tenant, done)
    with tenant.transaction():
        assert rewards.grant(tenant, rule, li.id, key="li again") is None
        assert rewards.grant(tenant, rule, han.id, key="han") is not None


def test_a_key_must_not_be_empty_or_endless(tenant: Context, member: Make) -> None:
    li = member()
    for key in ("", "k" * 201):
        with pytest.raises(Invalid):
            give(tenant, li, key=key)


def test_a_decision_that_no_rule_made_can_be_noted(tenant: Context, member: Make) -> None:
    li = member()
    with tenant.transaction():
        rewards.note(
            tenant.for_plugin("levels"),
            [
                Note(li.id, "level", "growth", {"growth": 120}),
                Note(li.id, "referral", "self", {}, refused=True),
            ],
        )
    rows = {row.outcome: row for row in rewards.why(tenant, li.id, 10)}
    assert rows["noted"].evidence == {"growth": 120}
    assert (rows["refused"].subject, rows["refused"].plugin) == ("referral", "levels")


def test_another_tenant_sees_none_of_it(tenant: Context, member: Make, new_tenant: Callable[..., Context]) -> None:
    done = give(tenant, member())
    other = new_tenant("other")
    with pytest.raises(NotFound):
        revoke(other, done)
    assert rewards.find_grant(other, "k") is None
