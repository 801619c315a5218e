"""Refunds take back what was earned, in part or in whole, once."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Conflict, Invalid, KeyReused, NotFound
from core.events.models import Event
from core.ids import new_id
from plugins import purchases
from plugins.purchases import NewPurchase
from plugins.purchases.earning import earned
from plugins.purchases.schemas import EarningRules
from roost import points, rewards


@pytest.fixture(autouse=True)
def on(enable_plugin):
    enable_plugin("purchases")


@pytest.fixture
def buyer(member):
    return member().id


def buy(ctx, buyer, amount_fen: int, key: str = "A1", **more):
    new = NewPurchase("saas", key, amount_fen, ctx.now() - timedelta(hours=1), buyer, **more)
    with ctx.transaction():
        return purchases.record(ctx, new)[0]


def refund(ctx, purchase, amount_fen=None, key="R1"):
    with ctx.transaction():
        return purchases.refund(ctx, purchase.id, amount_fen, source_key=key, reason="returned")[0]


def available(ctx, member, asset="points") -> int:
    with ctx.transaction():
        return points.balance(ctx, member, asset).available


def test_a_whole_refund_takes_everything_back(tenant, buyer):
    purchase = buy(tenant, buyer, 120_50)
    done = refund(tenant, purchase)
    assert (done.amount_fen, done.points, done.growth, done.points_short) == (120_50, 120, 120, 0)
    assert (available(tenant, buyer), available(tenant, buyer, "growth")) == (0, 0)
    with tenant.transaction():
        assert purchases.get(tenant, purchase.id).refunded_fen == 120_50


def test_parts_leave_what_the_rest_still_earns_to_the_last_point(tenant, buyer):
    purchase = buy(tenant, buyer, 1_99)
    assert available(tenant, buyer) == 1
    assert refund(tenant, purchase, 50, "R1").points == 0  # 1.49 yuan still earn the point
    assert refund(tenant, purchase, 50, "R2").points == 1  # 0.99 do not
    assert refund(tenant, purchase, None, "R3").points == 0
    assert available(tenant, buyer) == 0


def test_a_refund_goes_by_the_rules_the_purchase_was_recorded_under(tenant, buyer, enable_plugin):
    enable_plugin("purchases", renewal_percent=200, most_points=150)
    purchase = buy(tenant, buyer, 100_00, kind="renewal")
    assert purchase.points == 150  # of 200
    enable_plugin("purchases", fen_per_point=1, most_points=0)
    assert refund(tenant, purchase, 10_00, "R1").points == 0  # 90 yuan twice are still above the limit
    assert refund(tenant, purchase, 40_00, "R2").points == 50  # 50 yuan twice
    assert refund(tenant, purchase, None, "R3").points == 100


def test_points_already_spent_are_a_shortfall_that_later_purchases_repay(tenant, buyer):
    purchase = buy(tenant, buyer, 100_00)
    with tenant.transaction():
        points.debit(tenant, buyer, "points", 70, key="mug", reason="a mug")
    done = refund(tenant, purchase)
    assert (done.points, done.points_short) == (30, 70)
    assert available(tenant, buyer) == 0
    buy(tenant, buyer, 100_00, "A2")
    assert available(tenant, buyer) == 30


def test_told_again_it_is_one_refund_and_another_amount_under_the_key_is_refused(tenant, buyer):
    purchase = buy(tenant, buyer, 100_00)
    first = refund(tenant, purchase, 40_00)
    assert refund(tenant, purchase, 40_00).id == first.id
    assert available(tenant, buyer) == 60
    with pytest.raises(KeyReused):
        refund(tenant, purchase, 41_00)


def test_more_than_is_left_nothing_and_the_unknown_are_refused(tenant, buyer):
    purchase = buy(tenant, buyer, 100_00)
    refund(tenant, purchase, 60_00)
    with pytest.raises(Conflict, match="4000 fen"):
        refund(tenant, purchase, 40_01, "R2")
    for amount in (0, -5):
        with pytest.raises(Invalid):
            refund(tenant, purchase, amount, "R3")
    refund(tenant, purchase, None, "R4")
    with pytest.raises(Conflict):
        refund(tenant, purchase, None, "R5")
    with pytest.raises(NotFound), tenant.transaction():
        purchases.refund(tenant, new_id(), source_key="R6")
    assert available(tenant, buyer) == 0


def test_the_fact_says_what_went_back_and_whether_anything_is_left(tenant, buyer):
    purchase = buy(tenant, buyer, 100_00)
    refund(tenant, purchase, 40_00, "R1")
    refund(tenant, purchase, None, "R2")
    with tenant.transaction():
        rows = Event.scoped(tenant).select().where(Event.name == "purchase_refunded").order_by(Event.id)
        bodies = [row.body for row in rows]
    assert [('"whole":true' in body, '"points":40' in body) for body in bodies] == [
        (False, True),
        (True, False),
    ]


def test_a_sale_to_nobody_known_can_be_refunded(tenant):
    purchase = buy(tenant, None, 10_00)
    assert refund(tenant, purchase).points == 0


def test_what_was_refunded_in_whole_counts_for_no_frequency(tenant, buyer, enable_plugin):
    enable_plugin("purchases", frequency_from=2, frequency_percent=200)
    refund(tenant, buy(tenant, buyer, 10_00, "1"))
    assert buy(tenant, buyer, 10_00, "2").points == 10


def test_a_purchase_that_was_frequent_by_one_refunded_later_loses_the_rate(tenant, buyer, enable_plugin):
    enable_plugin("purchases", frequency_from=2, frequency_percent=200)
    first, second, third = (buy(tenant, buyer, 10_00, key) for key in "123")
    assert (first.points, second.points, third.points) == (10, 20, 20)
    refund(tenant, first, 9_99, "part")
    assert available(tenant, buyer) == 40
    assert refund(tenant, first, None, "rest").points == 10  # the second's bonus
    assert available(tenant, buyer) == 30
    refund(tenant, second, None, "r2")
    assert available(tenant, buyer) == 10  # the third is the month's first now
    refund(tenant, third, None, "r3")
    assert (available(tenant, buyer), available(tenant, buyer, "growth")) == (0, 0)


def test_below_the_minimum_nothing_is_left(tenant, buyer, enable_plugin):
    enable_plugin("purchases", minimum_fen=50_00)
    purchase = buy(tenant, buyer, 100_00)
    assert refund(tenant, purchase, 50_00, "R1").points == 50
    assert refund(tenant, purchase, 49_00, "R2").points == 50  # 1 yuan would earn nothing
    assert available(tenant, buyer) == 0


RULES = st.fixed_dictionaries(
    {
        "fen_per_point": st.integers(1, 500),
        "fen_per_growth": st.integers(0, 500),
        "minimum_fen": st.integers(0, 300),
        "most_points": st.integers(0, 20),
        "renewal_percent": st.integers(0, 300),
        "frequency_from": st.integers(0, 3),
        "frequency_percent": st.integers(0, 300),
    }
)


@given(RULES, st.integers(1, 2_000), st.data(), st.sampled_from(("sale", "renewal")), st.integers(1, 4))
def test_what_is_left_after_a_refund_has_earned_what_a_direct_sale_of_it_would(spec, amount, data, kind, ordinal):
    rules = EarningRules(**spec)
    refunded = data.draw(st.integers(0, amount))
    left = earned(rules, amount, kind, (), ordinal, refunded)
    assert left == earned(rules, amount - refunded, kind, (), ordinal)


def test_why_tells_the_rules_their_version_and_the_values_of_a_purchase_and_its_refund(tenant, buyer, enable_plugin):
    buy(tenant, buyer, 10_00, "1")
    enable_plugin("purchases", fen_per_point=50)
    second = buy(tenant, buyer, 10_00, "2")
    refund(tenant, second, 5_00)
    with tenant.transaction():
        refunded, later, first = rewards.why(tenant, buyer)
        (entry, *_) = [e for e in points.statement(tenant, buyer).items if e.kind == "credit"]
    assert (first.evidence["version"], later.evidence["version"]) == (1, 2)
    assert (later.evidence["points"], later.evidence["counted_fen"], later.evidence["ordinal"]) == (20, 10_00, 1)
    assert (refunded.evidence["points"], refunded.evidence["left_fen"]) == (-10, 5_00)
    assert (entry.rule, entry.rule_version) == ("purchases", 2)
    assert {row.plugin for row in (refunded, later, first)} == {"purchases"}
