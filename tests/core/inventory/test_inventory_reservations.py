"""Reserve, confirm, release, restock: never more out than there is, and a refusal changes nothing."""

import pytest

from core import db, inventory
from core.errors import Conflict, Invalid, KeyReused, LimitReached, NotFound, RoostError, SoldOut
from core.ids import new_id
from core.inventory import Counts, Limit


@pytest.fixture
def ctx(tenant):
    return tenant.for_plugin("seckill")


@pytest.fixture
def snapshot():
    tables = {
        "inventory_item": "id, total",
        "inventory_bucket": "item, number, available",
        "inventory_reservation": "id, state, parts",
        "inventory_limit": "name, member, used",
        "inventory_restock": "key, quantity",
    }
    return lambda: {
        table: db.fetch_all(db.EVERY_TENANT, db.Sql(f"SELECT {columns} FROM {table} ORDER BY 1, 2"))
        for table, columns in tables.items()
    }


def define(ctx, quantity, **more):
    with ctx.transaction():
        inventory.define(ctx, "shoe", quantity, **more)


def reserve(ctx, quantity, key, **more):
    with ctx.transaction():
        return inventory.reserve(ctx, "shoe", quantity, key=key, **more)


def test_units_go_from_available_to_reserved_to_confirmed_or_back(ctx):
    define(ctx, 10)
    one, two = reserve(ctx, 3, "a"), reserve(ctx, 4, "b")
    assert inventory.counts(ctx, "shoe") == Counts(10, 3, 7, 0)
    with ctx.transaction():
        assert inventory.confirm(ctx, one.id).state == "confirmed"
        assert inventory.release(ctx, two.id).state == "released"
    assert inventory.counts(ctx, "shoe") == Counts(10, 7, 0, 3)
    assert inventory.available(ctx, "shoe") == 7
    assert inventory.get(ctx, one.id).state == "confirmed"


def test_confirming_and_releasing_again_change_nothing(ctx, snapshot):
    define(ctx, 10)
    one, two = reserve(ctx, 3, "a"), reserve(ctx, 4, "b")
    with ctx.transaction():
        inventory.confirm(ctx, one.id)
        inventory.release(ctx, two.id)
    before = snapshot()
    with ctx.transaction():
        assert inventory.confirm(ctx, one.id).state == "confirmed"
        assert inventory.release(ctx, two.id).state == "released"
        with pytest.raises(Conflict) as refused:
            inventory.confirm(ctx, two.id)
    assert refused.value.code == "released"
    assert snapshot() == before


def test_a_confirmed_reservation_can_still_be_given_back(ctx):
    define(ctx, 10)
    one = reserve(ctx, 3, "a")
    with ctx.transaction():
        inventory.confirm(ctx, one.id)
        inventory.release(ctx, one.id)
    assert inventory.counts(ctx, "shoe") == Counts(10, 10, 0, 0)


def test_a_known_key_returns_the_reservation_as_it_stands(ctx, snapshot):
    define(ctx, 10)
    member = new_id()
    first = reserve(ctx, 3, "a", member=member, limits=[Limit("day", 3)])
    before = snapshot()
    assert reserve(ctx, 3, "a", member=member, limits=[Limit("day", 3)]) == first
    for other in ({"quantity": 4, "member": member}, {"quantity": 3, "member": new_id()}):
        with pytest.raises(KeyReused):
            reserve(ctx, other["quantity"], "a", member=other["member"])
    assert snapshot() == before


def test_a_known_key_is_answered_when_everything_is_gone(ctx):
    define(ctx, 3)
    first = reserve(ctx, 3, "a")
    assert reserve(ctx, 3, "a") == first


def test_sold_out_says_what_is_left_and_writes_nothing(ctx, snapshot, statements):
    define(ctx, 5)
    reserve(ctx, 3, "a")
    before = snapshot()
    with ctx.transaction():
        del statements[:]
        with pytest.raises(SoldOut) as refused:
            inventory.reserve(ctx, "shoe", 3, key="b", member=new_id(), limits=[Limit("day", 9)])
        assert len(statements) == 1  # one look, no write: most buyers of a flash sale end here
    assert refused.value.details["left"] == 2
    assert snapshot() == before


def test_a_reservation_takes_few_statements(ctx, statements):
    define(ctx, 50)
    with ctx.transaction():
        del statements[:]
        inventory.reserve(ctx, "shoe", 1, key="a", member=new_id(), limits=[Limit("day", 1), Limit("month", 3)])
        assert len(statements) == 5  # a look, the reservation, two limits, one bucket


def test_a_members_limits_count_units_over_reservations(ctx, snapshot):
    define(ctx, 50)
    member, limits = new_id(), [Limit("session", 2), Limit("month", 3)]
    one = reserve(ctx, 2, "a", member=member, limits=limits)
    before = snapshot()
    with ctx.transaction(), pytest.raises(LimitReached) as refused:  # the caller commits all the same
        inventory.reserve(ctx, "shoe", 1, key="b", member=member, limits=limits)
    assert refused.value.details["limit"] == "session"
    with ctx.transaction(), pytest.raises(LimitReached):
        inventory.reserve(ctx, "shoe", 2, key="b", member=member, limits=[Limit("a_fresh_one", 5), Limit("month", 3)])
    with ctx.transaction(), pytest.raises(LimitReached):
        inventory.reserve(ctx, "shoe", 4, key="b", member=new_id(), limits=[Limit("month", 3)])
    after = snapshot()
    kept = {row for row in after["inventory_limit"] if row[2]}
    assert kept == set(before["inventory_limit"])
    assert {**after, "inventory_limit": None} == {**before, "inventory_limit": None}
    reserve(ctx, 2, "c", member=new_id(), limits=limits)  # another member's are another's
    with ctx.transaction():
        inventory.release(ctx, one.id)
    reserve(ctx, 2, "d", member=member, limits=limits)


def test_a_limit_may_stay_used_after_a_release(ctx):
    define(ctx, 50)
    member = new_id()
    one = reserve(ctx, 1, "a", member=member, limits=[Limit("session", 1)])
    with ctx.transaction():
        inventory.release(ctx, one.id, restock_limit=False)
    with pytest.raises(LimitReached):
        reserve(ctx, 1, "b", member=member, limits=[Limit("session", 1)])
    assert inventory.available(ctx, "shoe") == 50


@pytest.mark.engines("postgresql")  # SQLite keeps one bucket
def test_a_reservation_spans_buckets_in_order_and_returns_to_them(ctx, snapshot):
    define(ctx, 10, buckets=4)
    before = snapshot()["inventory_bucket"]
    assert sorted(b[2] for b in before) == [2, 2, 3, 3]
    one = reserve(ctx, 7, "a")
    assert inventory.available(ctx, "shoe") == 3
    with ctx.transaction():
        inventory.release(ctx, one.id)
    assert snapshot()["inventory_bucket"] == before


@pytest.mark.parametrize("units", [1, 2, 3])
def test_every_unit_can_be_had_whatever_bucket_the_key_falls_on(ctx, units):
    define(ctx, 30, **{"buckets": 7})
    for n in range(30 // units):
        reserve(ctx, units, f"k{n}")
    assert inventory.available(ctx, "shoe") == 0
    with pytest.raises(SoldOut):
        reserve(ctx, 1, "one more")


def test_restock_adds_once_for_a_key(ctx, snapshot):
    define(ctx, 2)
    reserve(ctx, 2, "a")
    for _ in range(2):
        with ctx.transaction():
            inventory.restock(ctx, "shoe", 5, key="delivery")
    assert inventory.counts(ctx, "shoe") == Counts(7, 5, 2, 0)
    before = snapshot()
    with ctx.transaction(), pytest.raises(KeyReused):
        inventory.restock(ctx, "shoe", 6, key="delivery")
    assert snapshot() == before


def test_defining_again_is_harmless_with_the_same_quantity_and_refused_with_another(ctx, snapshot):
    define(ctx, 5)
    before = snapshot()
    define(ctx, 5)
    with pytest.raises(Conflict) as refused:
        define(ctx, 6)
    assert refused.value.code == "already_defined"
    assert snapshot() == before


def test_items_belong_to_a_plugin_and_a_tenant(ctx, tenant, new_tenant):
    define(ctx, 5)
    mine = reserve(ctx, 1, "a")
    for other in (tenant.for_plugin("mall"), new_tenant("other").for_plugin("seckill")):
        with other.transaction():
            for ask in (
                lambda other=other: inventory.available(other, "shoe"),
                lambda other=other: inventory.counts(other, "shoe"),
                lambda other=other: inventory.reserve(other, "shoe", 1, key="a"),
                lambda other=other: inventory.restock(other, "shoe", 1, key="a"),
                lambda other=other: inventory.confirm(other, mine.id),
                lambda other=other: inventory.release(other, mine.id),
            ):
                with pytest.raises(NotFound):
                    ask()


def test_malformed_calls_are_invalid(ctx, snapshot):
    define(ctx, 5)
    before = snapshot()
    with ctx.transaction():
        for call in (
            lambda: inventory.define(ctx, "", 1),
            lambda: inventory.define(ctx, "x" * 121, 1),
            lambda: inventory.define(ctx, "x", -1),
            lambda: inventory.define(ctx, "x", 1, buckets=0),
            lambda: inventory.reserve(ctx, "shoe", 0, key="k"),
            lambda: inventory.reserve(ctx, "shoe", True, key="k"),
            lambda: inventory.reserve(ctx, "shoe", 1, key=""),
            lambda: inventory.reserve(ctx, "shoe", 1, key="k", deadline=ctx.now()),
            lambda: inventory.reserve(ctx, "shoe", 1, key="k", limits=[Limit("day", 1)]),
            lambda: inventory.reserve(ctx, "shoe", 1, key="k", member=new_id(), limits=[Limit("d", 1), Limit("d", 2)]),
            lambda: inventory.restock(ctx, "shoe", 0, key="k"),
        ):
            with pytest.raises(Invalid):
                call()
        with pytest.raises(NotFound):
            inventory.release(ctx, new_id())
        with pytest.raises(RoostError):
            inventory.reserve(ctx, "unknown", 1, key="k")
    with pytest.raises(RuntimeError, match="transaction"):
        inventory.reserve(ctx, "shoe", 1, key="k")
    assert snapshot() == before
