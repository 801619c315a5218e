"""Many buyers, few units. SQLite has one writer, so PostgreSQL is where this can go wrong."""

import threading
from collections import Counter
from datetime import timedelta

import pytest

from core import db, inventory
from core.errors import Conflict, LimitReached, SoldOut
from core.ids import new_id
from core.inventory import Limit, Reservation, reservations

pytestmark = pytest.mark.engines("postgresql")  # SQLite is locked as a whole by its first write
THREADS = 16


@pytest.fixture
def ctx(tenant):
    return tenant.for_plugin("seckill")


def at_once(work, count=THREADS):
    """Run work(n) in threads with a connection each, all started together; return results or refusals."""
    start, results = threading.Barrier(count), [None] * count

    def run(n):
        with db.connection():
            start.wait()
            try:
                results[n] = work(n)
            except Exception as ex:  # noqa: BLE001 -- handed to the test
                results[n] = ex

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def define(ctx, quantity, **more):
    with ctx.transaction():
        inventory.define(ctx, "shoe", quantity, **more)


def all_have_looked(monkeypatch):
    """Hold every buyer back between seeing stock and taking it, so that all of them believe there is some."""
    seen, take = threading.Barrier(THREADS), reservations._take

    def take_together(*arguments):
        seen.wait(timeout=30)
        return take(*arguments)

    monkeypatch.setattr(reservations, "_take", take_together)


def buy_one(ctx):
    return lambda n: ctx.run(lambda: inventory.reserve(ctx, "shoe", 1, key=f"k{n}", member=new_id()))


@pytest.mark.parametrize("buckets", [1, 4])
def test_of_many_buyers_exactly_as_many_win_as_there_are_units(ctx, monkeypatch, buckets):
    define(ctx, 5, buckets=buckets)
    all_have_looked(monkeypatch)
    results = at_once(buy_one(ctx))
    assert Counter(type(r) for r in results) == {Reservation: 5, SoldOut: THREADS - 5}
    assert inventory.counts(ctx, "shoe") == inventory.Counts(5, 0, 5, 0)
    assert db.fetch_all(ctx.scope, db.Sql("SELECT count(*) FROM inventory_reservation")) == [(5,)]


def test_without_the_stock_condition_the_same_buyers_are_sold_more_than_there_is(ctx, monkeypatch):
    """The negative control, with the second wall, the table's check, taken down too."""
    define(ctx, 5, buckets=1)
    db.database.execute_sql("ALTER TABLE inventory_bucket DROP CONSTRAINT inventory_bucket_available_check")
    blind = reservations._TAKE.postgres.replace(" AND available >= %s", " AND available IS DISTINCT FROM %s - 1000000")
    monkeypatch.setattr(reservations, "_TAKE", db.Sql(blind))
    all_have_looked(monkeypatch)
    results = at_once(buy_one(ctx))
    assert sum(isinstance(r, Reservation) for r in results) == THREADS
    assert inventory.available(ctx, "shoe") == 5 - THREADS


def test_reservations_that_span_buckets_in_both_directions_do_not_deadlock_or_oversell(ctx):
    define(ctx, 40, buckets=8)

    def work(n):
        won = []
        for turn in range(4):
            try:
                made = ctx.run(lambda turn=turn: inventory.reserve(ctx, "shoe", 7, key=f"k{n}:{turn}"))
            except SoldOut:
                continue
            if turn % 2 == 0:
                ctx.run(lambda made=made: inventory.release(ctx, made.id))
            else:
                won.append(made)
        return len(won)

    results = at_once(work, 8)
    assert all(isinstance(r, int) for r in results), results
    assert inventory.counts(ctx, "shoe") == inventory.Counts(40, 40 - 7 * sum(results), 7 * sum(results), 0)


def test_a_member_who_clicks_many_times_gets_their_limit(ctx):
    define(ctx, 100)
    member = new_id()
    results = at_once(
        lambda n: ctx.run(
            lambda: inventory.reserve(
                ctx, "shoe", 1, key=f"k{n}", member=member, limits=[Limit("month", 3), Limit("day", 2)]
            )
        )
    )
    assert Counter(type(r) for r in results) == {Reservation: 2, LimitReached: THREADS - 2}
    assert inventory.available(ctx, "shoe") == 98


def test_one_key_at_once_reserves_once(ctx):
    define(ctx, 100)
    results = at_once(lambda n: ctx.run(lambda: inventory.reserve(ctx, "shoe", 2, key="k")))
    assert len(set(results)) == 1
    assert inventory.available(ctx, "shoe") == 98


def test_confirmations_and_releases_at_once_return_each_unit_once(ctx):
    define(ctx, 64)
    with ctx.transaction():
        made = [
            inventory.reserve(ctx, "shoe", 2, key=f"k{n}", deadline=ctx.now() + timedelta(minutes=1)).id
            for n in range(32)
        ]

    def work(n):
        act = inventory.confirm if n % 4 == 1 else inventory.release
        for reservation in made[n % 4 :: 2]:
            try:
                ctx.run(lambda reservation=reservation: act(ctx, reservation))
            except Conflict:  # a confirmation that came after a release
                assert act is inventory.confirm
        return 0

    results = at_once(work, 12)
    assert all(isinstance(r, int) for r in results), results
    counts = inventory.counts(ctx, "shoe")
    assert counts.available + counts.confirmed == 64
    assert counts.reserved == 0
