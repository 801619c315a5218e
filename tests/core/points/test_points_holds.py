"""Hold, capture, release: promised points are neither spendable nor lost."""

import json
from datetime import timedelta

import pytest

from core import points
from core.errors import Conflict, InsufficientBalance, Invalid, KeyReused, NotFound
from core.ids import new_id


@pytest.fixture
def member(ctx):
    known = new_id()
    with ctx.transaction():
        points.credit(ctx, known, "points", 60, key="soon", reason="r", expires_at=ctx.now() + timedelta(days=1))
        points.credit(ctx, known, "points", 40, key="never", reason="r")
    return known


@pytest.fixture
def hold(ctx, member):
    with ctx.transaction():
        return points.hold(
            ctx,
            member,
            "points",
            70,
            key="hold",
            deadline=ctx.now() + timedelta(minutes=10),
            reason="seckill",
        )


def test_held_points_cannot_be_spent_and_nothing_is_told_yet(ctx, member, hold, rows, sound):
    assert hold == points.HoldView(hold.id, 70, "open", ctx.now() + timedelta(minutes=10))
    assert points.balance(ctx, member) == points.Balance(available=30, held=70)
    assert points.outstanding(ctx) == 100
    with ctx.transaction(), pytest.raises(InsufficientBalance):
        points.debit(ctx, member, "points", 31, key="d", reason="r")
    assert rows("SELECT count(*) FROM event WHERE name = 'points_debited'") == [(0,)]
    sound()


def test_a_capture_spends_what_was_held_and_is_told_once(ctx, member, hold, rows, sound):
    with ctx.transaction():
        done = points.capture(ctx, hold.id, key="c")
        assert points.capture(ctx, hold.id, key="c") == done
    assert (done.amount, done.balance) == (70, 30)
    assert points.balance(ctx, member) == points.Balance(available=30)
    [(told,)] = rows("SELECT body FROM event WHERE name = 'points_debited'")
    assert json.loads(told)["movements"][0]["entry"] == str(done.entry)
    assert points.held(ctx, hold.id).state == "captured"
    sound()


def test_part_of_a_hold_is_captured_earliest_expiry_first_and_the_rest_returns(ctx, member, hold, clock, sound):
    with ctx.transaction():
        assert points.capture(ctx, hold.id, key="c", amount=65).balance == 35
    clock.advance(days=2)
    assert points.balance(ctx, member).available == 35  # all that could die was captured
    sound()


def test_a_release_gives_everything_back_with_its_expiry(ctx, member, hold, sound):
    before = points.Balance(100, 0, ctx.now() + timedelta(days=1), 60)
    with ctx.transaction():
        assert points.release(ctx, hold.id, key="r").state == "released"
        assert points.release(ctx, hold.id, key="r").state == "released"
    assert points.balance(ctx, member) == before
    sound()


def test_held_points_outlive_their_lot_and_can_be_captured(ctx, member, hold, clock, sound):
    clock.advance(days=2)
    assert points.balance(ctx, member) == points.Balance(available=30, held=70)
    with ctx.transaction():
        assert points.expire(ctx) == 0
        assert points.capture(ctx, hold.id, key="c").balance == 30
    sound()


def test_what_is_released_into_a_dead_lot_expires_at_once(ctx, member, hold, clock, rows, sound):
    clock.advance(days=2)
    with ctx.transaction():
        points.release(ctx, hold.id, key="r")
    assert points.balance(ctx, member) == points.Balance(available=40)
    assert [e.amount for e in points.statement(ctx, member).items][:3] == [-60, 70, -70]
    assert rows("SELECT count(*) FROM event WHERE name = 'points_expired'") == [(1,)]
    sound()


def test_what_a_partial_capture_leaves_of_a_dead_lot_expires_at_once(ctx, member, hold, clock, sound):
    clock.advance(days=2)
    with ctx.transaction():
        done = points.capture(ctx, hold.id, key="c", amount=50)
        assert points.capture(ctx, hold.id, key="c", amount=50) == done
    assert done.balance == 40
    assert points.balance(ctx, member) == points.Balance(available=40)
    sound()


def test_a_hold_ends_once(ctx, member, hold, snapshot, sound):
    with ctx.transaction():
        points.capture(ctx, hold.id, key="c")
    before = snapshot()
    with ctx.transaction():
        for again in (points.capture, points.release):
            with pytest.raises(Conflict) as told:
                again(ctx, hold.id, key="again")
            assert told.value.code == "hold_closed"
        with pytest.raises(KeyReused):
            points.capture(ctx, hold.id, key="c", amount=3)
    assert snapshot() == before
    sound()


def test_more_than_was_held_cannot_be_captured(ctx, member, hold, snapshot):
    before = snapshot()
    with ctx.transaction():
        with pytest.raises(Invalid):
            points.capture(ctx, hold.id, key="c", amount=71)
        with pytest.raises(NotFound):
            points.capture(ctx, new_id(), key="d")
        with pytest.raises(Invalid):
            points.hold(ctx, member, "points", 1, key="h", deadline=ctx.now(), reason="r")
    assert snapshot() == before


def test_nothing_happens_by_itself_at_a_deadline_and_a_capture_after_it_stands(ctx, member, hold, clock, sound):
    clock.advance(minutes=11)
    with ctx.transaction():
        points.capture(ctx, hold.id, key="c")
    assert points.balance(ctx, member).available == 30
    sound()
