"""Reading accounts."""

import pytest

from core import points
from core.errors import Invalid
from core.ids import new_id


def test_a_statement_is_read_in_pages_without_gap_or_repeat(ctx):
    member = new_id()
    with ctx.transaction():
        for n in range(7):
            points.credit(ctx, member, "points", n + 1, key=f"k{n}", reason="r")
    seen, cursor = [], ""
    while cursor is not None:
        page = points.statement(ctx, member, limit=3, cursor=cursor)
        seen += [e.amount for e in page.items]
        cursor = page.next_cursor
        with ctx.transaction():  # what comes in meanwhile is not in the way
            points.credit(ctx, member, "points", 100, key=f"more{len(seen)}", reason="r")
    assert seen == [7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "9" * 30, "１"])
def test_a_foreign_cursor_is_invalid(ctx, cursor):
    with pytest.raises(Invalid):
        points.statement(ctx, new_id(), cursor=cursor)


def test_balances_names_every_account_and_an_unknown_asset_is_invalid(ctx):
    member = new_id()
    with ctx.transaction():
        points.credit(ctx, member, "points", 5, key="p", reason="r")
        points.credit(ctx, member, "stored_value", 500, key="s", reason="r")
    assert {a: b.available for a, b in points.balances(ctx, member).items()} == {
        "points": 5,
        "stored_value": 500,
    }
    assert points.balances(ctx, new_id()) == {}
    with pytest.raises(Invalid):
        points.balance(ctx, member, "gold")


def test_what_is_outstanding_is_the_tenants_own(ctx, new_tenant):
    other = new_tenant("other")
    for one, amount in ((ctx, 5), (other, 7)):
        with one.transaction():
            points.credit(one, new_id(), "points", amount, key="p", reason="r")
    assert (points.outstanding(ctx), points.outstanding(other)) == (5, 7)
    assert points.outstanding(ctx, "growth") == 0
