"""A transfer moves points and keeps the life of each lot."""

from datetime import timedelta

import pytest

from core import points
from core.errors import Invalid
from core.ids import new_id


def test_each_lot_keeps_its_expiry(ctx, clock, rows, sound):
    giver, taker = new_id(), new_id()
    day = timedelta(days=1)
    with ctx.transaction():
        for n in range(2):
            points.credit(ctx, giver, "points", 10, key=f"s{n}", reason="r", expires_at=ctx.now() + day)
        points.credit(ctx, giver, "points", 10, key="l", reason="r", expires_at=ctx.now() + 5 * day)
        points.credit(ctx, giver, "points", 10, key="n", reason="r")
        done = points.transfer(ctx, giver, taker, "points", 33, key="t", reason="tip")
    assert (done.balance, done.amount) == (7, 33)
    assert points.balance(ctx, taker) == points.Balance(33, 0, ctx.now() + day, 20)
    assert [e.amount for e in points.statement(ctx, taker).items] == [3, 10, 20]
    clock.advance(days=2)
    assert points.balance(ctx, taker).available == 13
    assert points.balance(ctx, giver).available == 7
    names = rows("SELECT name FROM event WHERE name <> 'points_expired' ORDER BY name")
    assert [n for (n,) in names] == ["points_credited"] * 5 + ["points_debited"]
    sound()


def test_it_pays_what_the_receiver_owes_first(ctx, sound):
    giver, taker = new_id(), new_id()
    with ctx.transaction():
        earned = points.credit(ctx, taker, "points", 10, key="e", reason="r")
        points.debit(ctx, taker, "points", 10, key="s", reason="r")
        points.reverse(ctx, earned.id, key="rv", reason="r")
        points.credit(ctx, giver, "points", 25, key="g", reason="r")
        points.transfer(ctx, giver, taker, "points", 25, key="t", reason="tip")
    assert points.balance(ctx, taker) == points.Balance(available=15)
    sound()


def test_nobody_transfers_to_themselves(ctx, snapshot):
    member = new_id()
    with ctx.transaction():
        points.credit(ctx, member, "points", 10, key="e", reason="r")
    before = snapshot()
    with ctx.transaction(), pytest.raises(Invalid):
        points.transfer(ctx, member, member, "points", 1, key="t", reason="tip")
    assert snapshot() == before


def test_growth_that_moves_in_a_merge_counts_as_earned_by_the_survivor(ctx):
    survivor, merged = new_id(), new_id()
    with ctx.transaction():
        points.credit(ctx, merged, "growth", 10, key="e", reason="r")
        points.credit(ctx, merged, "points", 10, key="p", reason="r")
        for asset in ("growth", "points"):
            points.transfer(ctx, merged, survivor, asset, 10, key=f"t{asset}", reason="merge")
    since = ctx.now()
    assert points.earned(ctx, [survivor, merged], "growth", since) == {survivor: 10, merged: 0}
    assert points.earned(ctx, [survivor, merged], "points", since) == {survivor: 0, merged: 10}
