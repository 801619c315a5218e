"""How many messages a door sends: the hot paths stay short."""

import pytest

from core import points
from core.ids import new_id


def count(statements, ctx, work):
    with ctx.transaction():
        del statements[:]
        work()
        return len(statements)


@pytest.fixture
def member(ctx):
    known = new_id()
    with ctx.transaction():
        points.credit(ctx, known, "points", 100, key="first", reason="r")
    return known


@pytest.mark.engines("postgresql")  # only there is a statement a round trip
def test_on_postgresql_a_credit_is_one_message_and_its_fact_another(ctx, member, statements):
    assert count(statements, ctx, lambda: points.credit(ctx, member, "points", 5, key="k", reason="r")) == 2


@pytest.mark.engines("postgresql")
def test_on_postgresql_a_debit_is_five_messages_with_its_fact(ctx, member, statements):
    # the operation, the lock, the lots, all that is written, the fact
    assert count(statements, ctx, lambda: points.debit(ctx, member, "points", 5, key="k", reason="r")) == 5


@pytest.mark.engines("postgresql")
def test_on_postgresql_a_thousand_credits_take_as_many_messages_as_one(ctx, statements):
    members = [new_id() for _ in range(500)]

    def credits(tag, each):
        return [points.Credit(m, a, 5, f"{tag}:{m}:{a}", "r") for m in members[:each] for a in ("points", "growth")]

    with ctx.transaction():
        points.credit_many(ctx, credits("start", 500))
    few = count(statements, ctx, lambda: points.credit_many(ctx, credits("few", 1)))
    many = count(statements, ctx, lambda: points.credit_many(ctx, credits("many", 500)))
    assert few == many == 4  # the operations, the locks, all that is written, the fact


def test_a_balance_is_one_statement_and_two_where_lots_have_a_date(ctx, member, statements):
    assert count(statements, ctx, lambda: points.balances(ctx, member)) == 1
