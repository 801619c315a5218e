"""credit_many does what as many credits would, in few statements and one fact."""

import json

import pytest

from core import points
from core.errors import Invalid, KeyReused
from core.ids import new_id


def make(member, key, amount=5, asset="points", **more):
    return points.Credit(member, asset, amount, key, "purchase", **more)


def test_results_stand_in_order_and_balances_run_on_within_an_account(ctx, rows, sound):
    a, b = new_id(), new_id()
    with ctx.transaction():
        done = points.credit_many(
            ctx,
            [make(a, "3", 1), make(b, "2", 2), make(a, "1", 4), make(a, "0", 8, "growth", venue=new_id())],
        )
    assert [(o.amount, o.balance) for o in done] == [(1, 1), (2, 2), (4, 5), (8, 8)]
    [(body,)] = rows("SELECT body FROM event")
    assert [m["entry"] for m in json.loads(body)["movements"]] == [str(o.entry) for o in done]
    assert points.balance(ctx, a, "growth").available == 8
    sound()


def test_a_batch_given_twice_counts_once(ctx, snapshot, sound):
    members = [new_id() for _ in range(3)]
    batch = [make(members[n % 3], f"k{n}", 1 + n) for n in range(10)]
    with ctx.transaction():
        single = points.credit(ctx, batch[4].member, "points", 5, key="k4", reason="purchase")
        first = points.credit_many(ctx, batch)
    assert first[4] == single
    before = snapshot()
    with ctx.transaction():
        assert points.credit_many(ctx, batch) == first
    assert snapshot() == before
    with ctx.transaction():
        more = points.credit_many(ctx, [*batch, make(members[0], "new")])
        assert more[:-1] == first
    sound()


def test_a_key_may_come_twice_in_one_batch_with_the_same_content_only(ctx, snapshot, sound):
    member = new_id()
    with ctx.transaction():
        one, two = points.credit_many(ctx, [make(member, "k"), make(member, "k")])
    assert one == two
    assert points.balance(ctx, member).available == 5
    before = snapshot()
    with ctx.transaction():
        with pytest.raises(KeyReused):
            points.credit_many(ctx, [make(member, "x"), make(member, "x", 6)])
        with pytest.raises(KeyReused):
            points.credit_many(ctx, [make(member, "y"), make(member, "k", 6)])
        with pytest.raises(Invalid):
            points.credit_many(ctx, [make(member, "z"), make(member, "w", 0)])
        with pytest.raises(Invalid):
            points.credit_many(ctx, [make(member, "z")] * (points.MOST_CREDITS + 1))
        assert points.credit_many(ctx, []) == []
    assert snapshot() == before
    sound()


@pytest.mark.parametrize("key", ['a"b', "a\\b", "{a,b}", "NULL", "null", " a ", "名字", "a'b", "%s", "a\nb"])
def test_any_text_survives_as_a_key_and_a_reason(ctx, key, sound):
    member = new_id()
    with ctx.transaction():
        credit = points.Credit(member, "points", 5, key, key)
        done = points.credit_many(ctx, [credit, make(member, "other")])
        assert points.credit_many(ctx, [credit]) == done[:1]
    assert points.statement(ctx, member).items[1].reason == key
    sound()


def test_a_full_batch_goes_in_on_both_databases(ctx, sound):
    members = [new_id() for _ in range(100)]
    with ctx.transaction():
        done = points.credit_many(ctx, [make(members[n % 100], f"k{n}", 1) for n in range(5000)])
    assert [o.balance for o in done[-100:]] == [50] * 100
    sound()
