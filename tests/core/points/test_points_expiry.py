"""Lots die on time, whether or not anybody swept them out."""

import json
from datetime import timedelta

import pytest

from core import points
from core.errors import InsufficientBalance
from core.ids import new_id


def after(ctx, **delta):
    return ctx.now() + timedelta(**delta)


def lots(rows):
    return [int(r[0]) for r in rows("SELECT remaining FROM lot ORDER BY expires_at IS NULL, expires_at, id")]


def test_what_dies_first_is_spent_first_and_what_never_dies_last(ctx, rows, sound):
    member = new_id()
    with ctx.transaction():
        points.credit(ctx, member, "points", 10, key="never", reason="r")
        points.credit(ctx, member, "points", 10, key="late", reason="r", expires_at=after(ctx, days=9))
        points.credit(ctx, member, "points", 10, key="soon", reason="r", expires_at=after(ctx, days=2))
        points.debit(ctx, member, "points", 15, key="d", reason="r")
    assert lots(rows) == [0, 5, 10]
    assert points.balance(ctx, member) == points.Balance(15, 0, after(ctx, days=9), 5)
    sound()


def test_dead_points_are_never_spendable_though_no_job_ran(ctx, clock, rows, sound):
    member = new_id()
    with ctx.transaction():
        points.credit(ctx, member, "points", 10, key="a", reason="r", expires_at=after(ctx, days=1))
        points.credit(ctx, member, "points", 4, key="b", reason="r")
    clock.advance(days=1)  # at its very instant a lot is dead
    assert points.balance(ctx, member) == points.Balance(available=4)
    assert points.outstanding(ctx) == 4
    with ctx.transaction(), pytest.raises(InsufficientBalance):
        points.debit(ctx, member, "points", 5, key="d", reason="r")
    with ctx.transaction():
        assert points.debit(ctx, member, "points", 3, key="d", reason="r").balance == 1
    assert [e.kind for e in points.statement(ctx, member).items] == ["debit", "expiry", "credit", "credit"]
    [(told,)] = rows("SELECT body FROM event WHERE name = 'points_expired'")
    assert [(m["amount"], m["member"]) for m in json.loads(told)["movements"]] == [(10, str(member))]
    sound()


def test_the_job_expires_many_accounts_in_one_fact_and_then_has_nothing_to_do(ctx, clock, rows, sound):
    members = [new_id() for _ in range(7)]
    with ctx.transaction():
        for n, member in enumerate(members):
            points.credit(ctx, member, "points", 10, key=f"a{n}", reason="r", expires_at=after(ctx, days=1))
            points.credit(ctx, member, "points", 5, key=f"b{n}", reason="r", expires_at=after(ctx, days=1, hours=1))
            points.credit(ctx, member, "points", 3, key=f"c{n}", reason="r", expires_at=after(ctx, days=30))
        points.debit(ctx, members[0], "points", 15, key="d", reason="r")  # its next_expiry names what is spent
    clock.advance(days=2)
    done = []
    while count := ctx.run(lambda: points.expire(ctx, 4)):
        done.append(count)
    assert sum(done) == 6
    assert all(count <= 4 for count in done)
    assert [points.balance(ctx, m).available for m in members] == [3] * 7
    told = [
        m
        for (body,) in rows("SELECT body FROM event WHERE name = 'points_expired'")
        for m in json.loads(body)["movements"]
    ]
    assert sorted(m["amount"] for m in told) == [15] * 6
    assert rows("SELECT count(*) FROM account WHERE next_expiry <= %s", ctx.now()) == [(0,)]
    sound()


def test_a_credit_that_is_dead_on_arrival_expires_at_once(ctx, rows, sound):
    member = new_id()
    with ctx.transaction():
        done = points.credit(ctx, member, "points", 10, key="a", reason="import", expires_at=after(ctx, days=-1))
        many = points.credit_many(
            ctx, [points.Credit(member, "points", 5, "b", "import", expires_at=after(ctx, days=-1))]
        )
    assert done.balance == many[0].balance == 0
    with ctx.transaction():
        again = points.credit(ctx, member, "points", 10, key="a", reason="import", expires_at=after(ctx, days=-1))
        assert again == done
    assert [e.amount for e in points.statement(ctx, member).items] == [-5, 5, -10, 10]
    sound()


def test_an_account_of_many_lots_is_spent_in_order_over_pages(ctx, rows, sound):
    member = new_id()
    with ctx.transaction():
        points.credit_many(
            ctx,
            [
                points.Credit(member, "points", 1, f"k{n}", "r", expires_at=after(ctx, days=1 + (n * 37) % 300))
                for n in range(300)
            ],
        )
        points.debit(ctx, member, "points", 211, key="d", reason="r")
    assert lots(rows) == [0] * 211 + [1] * 89
    sound()


def test_growth_never_expires(ctx, clock):
    member = new_id()
    with ctx.transaction():
        points.credit(ctx, member, "growth", 10, key="a", reason="r")
    clock.advance(days=4000)
    with ctx.transaction():
        assert points.expire(ctx) == 0
    assert points.balance(ctx, member, "growth").available == 10
