"""Many at once on one account. SQLite has one writer, so PostgreSQL is where this can go wrong."""

import threading
from collections import Counter
from datetime import timedelta

import peewee
import pytest

from core import db, points
from core.errors import InsufficientBalance, IntegrityFault, KeyReused
from core.ids import new_id
from core.points import locking

pytestmark = pytest.mark.engines("postgresql")  # SQLite is locked as a whole by its first write
THREADS = 16


def at_once(works):
    """Run each work in a thread with a connection of its own, all started together; return results or exceptions."""
    start, results = threading.Barrier(len(works)), [None] * len(works)

    def run(place, work):
        with db.connection():
            start.wait()
            try:
                results[place] = work()
            except Exception as ex:  # noqa: BLE001 -- handed to the test
                results[place] = ex

    threads = [threading.Thread(target=run, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def debits(ctx, member, count, amount=10):
    return [
        lambda n=n: ctx.run(lambda: points.debit(ctx, member, "points", amount, key=f"d{n}", reason="r"))
        for n in range(count)
    ]


@pytest.fixture
def member(ctx):
    known = new_id()
    with ctx.transaction():
        for n in range(10):
            expires_at = ctx.now() + timedelta(days=n + 1)
            points.credit(ctx, known, "points", 10, key=f"c{n}", reason="r", expires_at=expires_at)
    return known


def test_debits_at_once_spend_what_there_is_and_no_more(ctx, member, sound):
    results = at_once(debits(ctx, member, THREADS))
    assert Counter(type(r) for r in results) == {points.Operation: 10, InsufficientBalance: THREADS - 10}
    assert sorted(r.balance for r in results if isinstance(r, points.Operation)) == list(range(0, 100, 10))
    assert points.balance(ctx, member).available == 0
    sound()


def test_without_the_accounts_lock_the_same_debits_spend_one_lot_twice(ctx, member, monkeypatch):
    """The negative control: every thread reads before one writes, and the walls behind the lock have to catch it."""
    read = threading.Barrier(THREADS)
    lock = locking.lock

    def lock_nothing(*arguments):
        found = lock(*arguments)
        read.wait(timeout=30)
        return found

    monkeypatch.setattr(locking, "_LOCK", db.Sql(locking._LOCK.postgres.replace(" FOR UPDATE", "")))
    monkeypatch.setattr("core.points.spending.lock", lock_nothing)
    results = at_once(debits(ctx, member, THREADS, amount=100))
    # With the lock these are plain refusals. Here the table's checks, or lots that are short of the balance, stop them.
    violations = [r for r in results if isinstance(r, peewee.IntegrityError | IntegrityFault)]
    assert len(violations) == THREADS - 1
    assert any(isinstance(r, peewee.IntegrityError) for r in violations)


def test_credits_at_once_to_a_new_account_make_one_account(ctx, sound, rows):
    member = new_id()
    works = [
        lambda n=n: ctx.run(lambda: points.credit(ctx, member, "points", 1, key=f"k{n}", reason="r"))
        for n in range(THREADS)
    ]
    results = at_once(works)
    assert sorted(r.balance for r in results) == list(range(1, THREADS + 1))
    assert rows("SELECT count(*) FROM account") == [(1,)]
    sound()


def test_one_key_at_once_counts_once(ctx, sound):
    member = new_id()
    works = [lambda: ctx.run(lambda: points.credit(ctx, member, "points", 7, key="k", reason="r"))] * (THREADS - 1)
    works.append(lambda: ctx.run(lambda: points.credit(ctx, member, "points", 8, key="k", reason="r")))
    results = at_once(works)
    balance = points.balance(ctx, member).available
    assert balance in (7, 8)
    assert sum(isinstance(r, KeyReused) for r in results) == (1 if balance == 7 else THREADS - 1)
    assert len({r for r in results if isinstance(r, points.Operation)}) == 1
    sound()


def test_transfers_to_and_fro_and_batches_at_once_end_without_loss(ctx, sound):
    members = [new_id() for _ in range(4)]
    with ctx.transaction():
        points.credit_many(ctx, [points.Credit(m, "points", 1000, f"start{m}", "r") for m in members])

    def transfers(n):
        for turn in range(6):
            a, b = members[(n + turn) % 4], members[(n + 3 * turn + 1 + n % 2) % 4]
            if a != b:
                ctx.run(lambda a=a, b=b, k=f"{n}:{turn}": points.transfer(ctx, a, b, "points", 10, key=k, reason="r"))

    def batches(n):
        order = members if n % 2 else members[::-1]
        for turn in range(6):
            batch = [points.Credit(m, "points", 1, f"b{n}:{turn}:{m}", "r") for m in order]
            ctx.run(lambda batch=batch: points.credit_many(ctx, batch))

    results = at_once([lambda n=n: (batches if n % 4 == 0 else transfers)(n) for n in range(12)])
    assert [r for r in results if r is not None] == []
    assert sum(points.balance(ctx, m).available for m in members) == 4000 + 3 * 6 * 4
    sound()


def test_a_hold_that_is_captured_and_released_at_once_ends_one_way(ctx, member, sound):
    until = ctx.now() + timedelta(hours=1)
    with ctx.transaction():
        holds = [points.hold(ctx, member, "points", 5, key=f"h{n}", deadline=until, reason="r").id for n in range(8)]
    works = []
    for n, hold in enumerate(holds):
        works.append(lambda n=n, hold=hold: ctx.run(lambda: points.capture(ctx, hold, key=f"c{n}")))
        works.append(lambda n=n, hold=hold: ctx.run(lambda: points.release(ctx, hold, key=f"r{n}")))
    results = at_once(works)
    captured = sum(isinstance(r, points.Operation) for r in results)
    released = sum(isinstance(r, points.HoldView) for r in results)
    assert captured + released == 8
    assert points.balance(ctx, member).available == 100 - 5 * captured
    sound()


def test_parts_of_one_operation_reversed_at_once_never_exceed_it(ctx, sound):
    member = new_id()
    with ctx.transaction():
        earned = points.credit(ctx, member, "points", 100, key="e", reason="r")
    works = [
        lambda n=n: ctx.run(lambda: points.reverse(ctx, earned.id, key=f"r{n}", amount=15, reason="r"))
        for n in range(12)
    ]
    results = at_once(works)
    assert sum(isinstance(r, points.Reversal) for r in results) == 6
    assert points.balance(ctx, member).available == 10
    sound()
