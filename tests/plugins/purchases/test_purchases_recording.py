"""Purchases are recorded once, earn, and are told of."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core import tenants
from core.errors import Invalid, KeyReused, NotFound
from core.events.models import Event
from core.ids import new_id
from plugins import purchases
from plugins.purchases import NewPurchase, PurchaseLine
from roost import members, points


@pytest.fixture(autouse=True)
def on(enable_plugin):
    enable_plugin("purchases")


def bought(ctx, member=None, key="A1", amount_fen=120_50, **more) -> NewPurchase:
    known = {"source": "saas", "source_key": key, "amount_fen": amount_fen, "occurred_at": ctx.now()}
    return NewPurchase(**known, member=member, **more)


def balances(ctx, member) -> tuple[int, int]:
    with ctx.transaction():
        return points.balance(ctx, member).available, points.balance(ctx, member, "growth").available


def facts(ctx, name: str) -> list[str]:
    with ctx.transaction():
        return [row.body for row in Event.scoped(ctx).select().where(Event.name == name)]


def test_a_purchase_earns_points_and_growth_and_is_told_of_once(tenant, member):
    buyer = member()
    with tenant.transaction():
        view, created = purchases.record(tenant, bought(tenant, buyer.id))
    assert created
    assert (view.points, view.growth, view.member) == (120, 120, buyer.id)
    assert balances(tenant, buyer.id) == (120, 120)
    told = facts(tenant, "purchase_recorded")
    assert len(told) == 1
    assert '"amount_fen":12050' in told[0]


def test_told_ten_times_it_is_one(tenant, member):
    buyer = member()
    for _ in range(10):
        with tenant.transaction():
            view, created = purchases.record(tenant, bought(tenant, buyer.id))
    assert not created
    assert view.source_key == "A1"
    assert balances(tenant, buyer.id) == (120, 120)
    assert len(facts(tenant, "purchase_recorded")) == 1


def test_the_same_key_with_another_amount_is_refused_and_changes_nothing(tenant, member):
    buyer = member()
    with tenant.transaction():
        purchases.record(tenant, bought(tenant, buyer.id))
    with pytest.raises(KeyReused), tenant.transaction():
        purchases.record(tenant, bought(tenant, buyer.id, amount_fen=999_00))
    assert balances(tenant, buyer.id) == (120, 120)


def test_a_sale_to_nobody_known_is_kept_and_earns_nothing(tenant):
    with tenant.transaction():
        view, created = purchases.record(tenant, bought(tenant))
    assert created
    assert (view.member, view.points, view.amount_fen) == (None, 0, 120_50)


def test_the_points_end_by_the_setting_counted_from_the_credit_not_from_the_purchase(tenant, member):
    buyer = member()
    long_ago = tenant.now() - timedelta(days=4000)
    with tenant.transaction():
        purchases.record(tenant, replace(bought(tenant, buyer.id), occurred_at=long_ago))
        held = points.balance(tenant, buyer.id)
    assert held.available == 120
    assert held.next_expiry.isoformat() == "2028-11-30T16:00:00+00:00"


def test_the_tenants_own_rules_hold(tenant, member, enable_plugin):
    enable_plugin(
        "purchases", fen_per_point=200, fen_per_growth=0, excluded_goods=["water"],
        frequency_from=2, frequency_percent=300,
    )  # fmt: skip
    buyer = member()
    lines = (PurchaseLine(code="water", amount_fen=20_50), PurchaseLine(code="towel", amount_fen=100_00))
    with tenant.transaction():
        first, _ = purchases.record(tenant, bought(tenant, buyer.id, key="1", lines=lines))
        second, _ = purchases.record(tenant, bought(tenant, buyer.id, key="2", amount_fen=10_00))
    assert (first.points, second.points) == (50, 15)
    assert balances(tenant, buyer.id) == (65, 0)


def test_the_month_of_the_frequency_is_counted_by_the_tenants_calendar_also_within_a_batch(
    tenant, member, enable_plugin
):
    enable_plugin("purchases", frequency_from=2, frequency_percent=200)
    buyer = member()
    now = tenant.now()
    batch = [
        replace(bought(tenant, buyer.id, key=str(n), amount_fen=10_00), occurred_at=at)
        for n, at in enumerate((now - timedelta(days=40), now, now, now - timedelta(days=40)))
    ]
    with tenant.transaction():
        done = purchases.record_many(tenant, batch)
        earned = [purchases.get(tenant, row.id).points for row in done]
    assert earned == [10, 10, 20, 20]


def test_a_merged_members_old_id_still_records_for_who_they_became(tenant, member):
    survivor, gone = member(), member()
    with tenant.transaction():
        members.merge(tenant, survivor.id, gone.id, "the same person")
        view, _ = purchases.record(tenant, bought(tenant, gone.id))
    assert view.member == survivor.id
    assert balances(tenant, survivor.id) == (120, 120)


def test_what_cannot_be_is_refused_before_anything_is_written(tenant, member):
    buyer = member()
    for wrong in (
        bought(tenant, buyer.id, amount_fen=-1),
        bought(tenant, buyer.id, amount_fen=10**15),
        bought(tenant, buyer.id, items=-1),
        replace(bought(tenant, buyer.id), occurred_at=tenant.now() + timedelta(days=3)),
    ):
        with pytest.raises(Invalid), tenant.transaction():
            purchases.record(tenant, wrong)
    with pytest.raises(NotFound), tenant.transaction():
        purchases.record(tenant, bought(tenant, new_id()))
    assert facts(tenant, "purchase_recorded") == []


def test_a_batch_takes_what_is_new_passes_over_what_is_known_and_refuses_what_contradicts(tenant, member):
    buyer = member()
    with tenant.transaction():
        purchases.record(tenant, bought(tenant, buyer.id, key="old"))
        batch = [
            bought(tenant, buyer.id, key="old"),
            bought(tenant, buyer.id, key="new"),
            bought(tenant, buyer.id, key="new"),
            bought(tenant, buyer.id, key="old", amount_fen=1),
            bought(tenant, None, key="nobody"),
        ]
        done = purchases.record_many(tenant, batch)
    assert [row.created for row in done] == [False, True, False, False, True]
    assert [bool(row.refusal) for row in done] == [False, False, False, True, False]
    assert done[1].id == done[2].id
    assert balances(tenant, buyer.id) == (240, 240)


def test_another_tenants_purchases_are_not_seen(tenant, member, new_tenant):
    other = new_tenant("other", plugins=("purchases",))
    with tenant.transaction():
        view, _ = purchases.record(tenant, bought(tenant, member().id))
    with other.transaction():
        assert purchases.find(other, "saas", "A1") is None
        with pytest.raises(NotFound):
            purchases.get(other, view.id)


class TestNumbers:
    """A receipt's number is unique within its scope, and there the same only with all of the same content."""

    @pytest.fixture
    def venues(self, tenant):
        with tenant.transaction():
            return [tenants.add_venue(tenant, code, code).id for code in ("001", "002")]

    def test_receipt_0001_of_two_venues_and_of_two_days_are_purchases_of_their_own(self, tenant, member, venues):
        now = tenant.now()
        sales = [(member().id, venue, now - timedelta(days=days)) for venue in venues for days in (0, 1)]
        for buyer, venue, at in sales:
            with tenant.transaction():
                _, created = purchases.record(
                    tenant, replace(bought(tenant, buyer, "0001", 199_00, venue=venue), occurred_at=at)
                )
            assert created
            assert balances(tenant, buyer) == (199, 199)

    def test_the_tenant_sets_how_far_a_number_reaches_and_a_source_may_differ(
        self, tenant, member, venues, enable_plugin
    ):
        enable_plugin("purchases", number_scope="venue", number_scopes={"shop": "brand"})
        now, buyer = tenant.now(), member().id

        def sell(source, venue, days):
            sale = bought(tenant, buyer, "7", venue=venue)
            with tenant.transaction():
                return purchases.record(tenant, replace(sale, source=source, occurred_at=now - timedelta(days=days)))

        sell("till", venues[0], 0)
        sell("till", venues[1], 0)
        with pytest.raises(KeyReused, match="time: "):
            sell("till", venues[0], 1)
        sell("shop", venues[0], 0)
        with pytest.raises(KeyReused, match="venue: 001 is kept, 002 was sent"):
            sell("shop", venues[1], 0)

    def test_what_was_recorded_under_another_setting_is_still_known(self, tenant, member, venues, enable_plugin):
        enable_plugin("purchases", number_scope="brand")
        sale = bought(tenant, member().id, "7", venue=venues[0])
        with tenant.transaction():
            first, _ = purchases.record(tenant, sale)
        enable_plugin("purchases", number_scope="venue_day")
        with tenant.transaction():
            again, created = purchases.record(tenant, sale)
            other, fresh = purchases.record(tenant, replace(sale, venue=venues[1]))
        assert (again.id, created) == (first.id, False)
        assert fresh
        assert other.id != first.id

    def test_lines_that_do_not_add_up_are_refused(self, tenant, member):
        lines = (PurchaseLine(code="a", amount_fen=100), PurchaseLine(code="b", amount_fen=1))
        with pytest.raises(Invalid, match="add up to 101 fen"), tenant.transaction():
            purchases.record(tenant, bought(tenant, member().id, amount_fen=100, lines=lines))
