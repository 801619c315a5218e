"""Reversal: along the allocations, in parts, and never more than the original."""

import json
from datetime import timedelta

import pytest

from core import points
from core.errors import Conflict, Invalid, KeyReused, NotFound
from core.ids import new_id


@pytest.fixture
def member():
    return new_id()


def after(ctx, **delta):
    return ctx.now() + timedelta(**delta)


def told(rows, name):
    found = rows("SELECT body FROM event WHERE name = %s ORDER BY recorded_at, id", name)
    return [m["amount"] for (body,) in found for m in json.loads(body)["movements"]]


def test_an_unspent_earning_is_taken_back_from_its_own_lot(ctx, member, rows, sound):
    with ctx.transaction():
        points.credit(ctx, member, "points", 50, key="soon", reason="r", expires_at=after(ctx, days=1))
        earned = points.credit(ctx, member, "points", 30, key="e", reason="r")
        done = points.reverse(ctx, earned.id, key="rv", reason="refund")
        assert points.reverse(ctx, earned.id, key="rv", reason="refund") == done
    assert (done.taken, done.shortfall, done.expired, done.operation.balance) == (30, 0, 0, 50)
    assert points.balance(ctx, member).expiring == 50  # what dies sooner was left alone
    assert told(rows, "points_debited") == [30]
    sound()


def test_it_can_be_repeated_up_to_the_original_and_no_further(ctx, member, snapshot, sound):
    with ctx.transaction():
        earned = points.credit(ctx, member, "points", 30, key="e", reason="r")
        points.reverse(ctx, earned.id, key="1", amount=10, reason="r")
        points.reverse(ctx, earned.id, key="2", amount=15, reason="r")
    before = snapshot()
    with ctx.transaction():
        with pytest.raises(Conflict) as refused:
            points.reverse(ctx, earned.id, key="3", amount=6, reason="r")
        assert (refused.value.code, refused.value.details) == ("over_reversal", {"left": 5})
    assert snapshot() == before
    with ctx.transaction():
        assert points.reverse(ctx, earned.id, key="3", reason="r").taken == 5  # no amount: all that is left
        with pytest.raises(Conflict):
            points.reverse(ctx, earned.id, key="4", reason="r")
        with pytest.raises(KeyReused):
            points.reverse(ctx, earned.id, key="3", amount=1, reason="r")
    sound()


def test_a_spent_earning_is_taken_as_far_as_there_is_and_the_rest_is_owed(ctx, member, rows, sound):
    with ctx.transaction():
        earned = points.credit(ctx, member, "points", 100, key="e", reason="r")
        points.debit(ctx, member, "points", 90, key="s", reason="r")
        points.credit(ctx, member, "points", 20, key="o", reason="r")
        done = points.reverse(ctx, earned.id, key="rv", reason="refund")
    assert (done.taken, done.shortfall) == (30, 70)
    assert points.balance(ctx, member) == points.Balance(owed=70)
    with ctx.transaction():
        first = points.credit(ctx, member, "points", 50, key="n1", reason="r")
        second = points.credit(ctx, member, "points", 50, key="n2", reason="r")
        assert points.credit(ctx, member, "points", 50, key="n1", reason="r") == first
    assert (first.balance, second.balance) == (0, 30)
    assert points.balance(ctx, member) == points.Balance(available=30)
    with ctx.transaction():  # a repaying credit can be reversed too
        assert points.reverse(ctx, second.id, key="rv2", reason="r").shortfall == 20
    sound()


def test_debts_are_repaid_first_within_a_batch_too(ctx, member, sound):
    with ctx.transaction():
        earned = points.credit(ctx, member, "points", 10, key="e", reason="r")
        points.debit(ctx, member, "points", 10, key="s", reason="r")
        points.reverse(ctx, earned.id, key="rv", reason="r")
        done = points.credit_many(ctx, [points.Credit(member, "points", 6, f"m{n}", "r") for n in range(3)])
    assert [d.balance for d in done] == [0, 2, 8]
    sound()


def test_what_expired_is_gone_and_is_not_asked_for_twice(ctx, member, clock, sound):
    with ctx.transaction():
        earned = points.credit(ctx, member, "points", 100, key="e", reason="r", expires_at=after(ctx, days=1))
        points.debit(ctx, member, "points", 60, key="s", reason="r")
    clock.advance(days=2)
    with ctx.transaction():
        points.credit(ctx, member, "points", 25, key="o", reason="r")
        first = points.reverse(ctx, earned.id, key="1", amount=50, reason="r")
        second = points.reverse(ctx, earned.id, key="2", amount=50, reason="r")
        assert points.reverse(ctx, earned.id, key="2", amount=50, reason="r") == second
    assert (first.taken, first.shortfall, first.expired) == (10, 0, 40)
    assert (second.taken, second.shortfall, second.expired) == (15, 35, 0)
    sound()


def test_points_on_hold_are_owed_until_they_come_back(ctx, member, sound):
    with ctx.transaction():
        earned = points.credit(ctx, member, "points", 10, key="e", reason="r")
        held = points.hold(ctx, member, "points", 8, key="h", deadline=after(ctx, hours=1), reason="r")
        assert points.reverse(ctx, earned.id, key="rv", reason="r").shortfall == 8
        points.release(ctx, held.id, key="rel")
    assert points.balance(ctx, member) == points.Balance()
    sound()


def test_a_reversed_debit_returns_to_its_lots(ctx, member, rows, sound):
    with ctx.transaction():
        points.credit(ctx, member, "points", 10, key="a", reason="r", expires_at=after(ctx, days=20))
        points.credit(ctx, member, "points", 10, key="b", reason="r", expires_at=after(ctx, days=30))
        spent = points.debit(ctx, member, "points", 15, key="s", reason="mall")
        back = points.reverse(ctx, spent.id, key="rv", amount=7, reason="cancelled")
        assert points.reverse(ctx, spent.id, key="rv", amount=7, reason="cancelled") == back
    assert (back.operation.amount, back.operation.balance, back.taken, back.shortfall) == (7, 12, 0, 0)
    assert points.balance(ctx, member) == points.Balance(12, 0, after(ctx, days=20), 2)  # 5 went to b, 2 to a
    assert told(rows, "points_credited") == [10, 10, 7]
    with ctx.transaction():
        points.reverse(ctx, spent.id, key="rest", reason="cancelled")
    assert points.balance(ctx, member) == points.Balance(20, 0, after(ctx, days=20), 10)
    sound()


def test_what_returns_to_a_dead_lot_gets_the_grace_period(ctx, member, clock, sound):
    with ctx.transaction():
        points.credit(ctx, member, "points", 10, key="a", reason="r", expires_at=after(ctx, days=1))
        points.credit(ctx, member, "points", 10, key="b", reason="r", expires_at=after(ctx, days=5))
        spent = points.debit(ctx, member, "points", 20, key="s", reason="mall")
    clock.advance(days=2)
    with ctx.transaction():
        points.reverse(ctx, spent.id, key="1", amount=12, reason="r", grace_days=0)
    # 10 return to the lot of the fifth day; 2 would die at once, and without grace they do
    assert points.balance(ctx, member) == points.Balance(10, 0, after(ctx, days=3), 10)
    with ctx.transaction():
        points.reverse(ctx, spent.id, key="2", reason="r")
    assert points.balance(ctx, member).available == 18
    clock.advance(days=6)
    assert points.balance(ctx, member) == points.Balance(8, 0, after(ctx, days=1), 8)
    sound()


def test_what_would_die_within_the_grace_period_is_given_it_too(ctx, member, sound):
    with ctx.transaction():
        points.credit(ctx, member, "points", 10, key="a", reason="r", expires_at=after(ctx, hours=1))
        spent = points.debit(ctx, member, "points", 10, key="s", reason="mall")
        points.reverse(ctx, spent.id, key="rv", reason="cancelled")
    assert points.balance(ctx, member) == points.Balance(10, 0, after(ctx, days=points.GRACE_DAYS), 10)
    sound()


def test_a_capture_can_be_reversed_and_repays_debts_first(ctx, member, sound):
    with ctx.transaction():
        earned = points.credit(ctx, member, "points", 10, key="e", reason="r")
        held = points.hold(ctx, member, "points", 10, key="h", deadline=after(ctx, hours=1), reason="r")
        bought = points.capture(ctx, held.id, key="c")
        points.reverse(ctx, earned.id, key="rv", amount=4, reason="r")
        points.reverse(ctx, bought.id, key="rv2", reason="r")
    assert points.balance(ctx, member) == points.Balance(available=6)
    sound()


def test_only_credits_debits_and_captures_can_be_reversed(ctx, member):
    with ctx.transaction():
        points.credit(ctx, member, "points", 10, key="e", reason="r")
        held = points.hold(ctx, member, "points", 2, key="h", deadline=after(ctx, hours=1), reason="r")
        sent = points.transfer(ctx, member, new_id(), "points", 2, key="t", reason="r")
        for operation in (held.id, sent.id):
            with pytest.raises(Invalid) as refused:
                points.reverse(ctx, operation, key="rv", reason="r")
            assert refused.value.code == "not_reversible"
        with pytest.raises(NotFound):
            points.reverse(ctx, new_id(), key="rv", reason="r")


def test_earned_counts_credits_less_the_reversals_of_those_very_credits(ctx, member, clock):
    with ctx.transaction():
        old = points.credit(ctx, member, "growth", 100, key="old", reason="r")
    clock.advance(days=400)
    since, other = ctx.now(), new_id()
    with ctx.transaction():
        new = points.credit(ctx, member, "growth", 50, key="new", reason="r")
        points.reverse(ctx, old.id, key="1", amount=30, reason="r")
        points.reverse(ctx, new.id, key="2", amount=20, reason="r")
        spent = points.debit(ctx, member, "growth", 90, key="d", reason="adjusted")
        points.reverse(ctx, spent.id, key="3", reason="r")
    assert points.earned(ctx, [member, other], "growth", since) == {member: 30, other: 0}
    assert points.earned(ctx, [member], "growth", since - timedelta(days=500)) == {member: 100}
    assert points.earned(ctx, [], "growth", since) == {}
