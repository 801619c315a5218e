"""credit_each does what as many single credits would, refusals included, and one that is refused keeps none back."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import points
from core.contract.context import Context
from core.errors import KeyReused, RoostError
from core.points import Credit
from core.runtime import Runtime

MEMBERS = [UUID(int=n + 1) for n in range(3)]
ITEMS = st.lists(
    st.tuples(
        st.sampled_from(MEMBERS),
        st.sampled_from(["points", "growth", "stored_value"]),
        st.integers(0, 3),  # 0 is refused
        st.sampled_from(["a", "b", "c", "d", "e", "f"]),
        st.sampled_from([None, -1, 0, 1, 30]),  # days from now; refused for growth
    ),
    max_size=12,
)


def _after(ctx: Context, days: int | None) -> datetime | None:
    return None if days is None else ctx.now() + timedelta(days=days)


def _credits(ctx: Context, asked: list[Any], salt: int) -> list[Credit]:
    return [
        Credit(member, asset, amount, f"{salt}{key}", "gift", expires_at=_after(ctx, days))
        for member, asset, amount, key, days in asked
    ]


def _single(ctx: Context, item: Credit, seen: set[str]) -> Any:
    try:
        done = points.credit(
            ctx, item.member, item.asset, item.amount, key=item.key, reason=item.reason, expires_at=item.expires_at
        )
    except RoostError as ex:
        return type(ex)
    repeated = item.key in seen
    seen.add(item.key)
    return (done.amount, done.balance, repeated)


def _told(credited: points.Credited) -> Any:
    if credited.operation is None:
        return type(credited.refusal)
    return (credited.operation.amount, credited.operation.balance, credited.repeated)


def test_any_credits_in_any_batches_come_out_as_one_by_one(
    runtime: Runtime, new_tenant: Callable[..., Context]
) -> None:
    batched, single = new_tenant("batched"), new_tenant("single")
    salt = 0

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(ITEMS, min_size=1, max_size=3))
    def compare(batches: list[Any]) -> None:
        nonlocal salt
        salt += 1
        seen: set[str] = set()
        for batch in batches:
            with batched.transaction():
                got = [_told(one) for one in points.credit_each(batched, _credits(batched, batch, salt))]
            with single.transaction():
                wanted = [_single(single, item, seen) for item in _credits(single, batch, salt)]
            assert got == wanted
        for member in MEMBERS:
            assert points.balances(batched, member) == points.balances(single, member)

    compare()
    assert points.verify(batched) == points.verify(single) == []


def test_a_member_is_known_as_the_caller_names_them(ctx: Context, sound: Callable[[], None]) -> None:
    def give(member: UUID, named: UUID) -> points.Credited:
        with ctx.transaction():
            [one] = points.credit_each(ctx, [Credit(member, "points", 5, "k", "gift", named=named)])
        return one

    first = give(MEMBERS[0], MEMBERS[0])
    again = give(MEMBERS[1], MEMBERS[0])  # who became part of another meanwhile
    assert (first.repeated, again.repeated, again.operation) == (False, True, first.operation)
    assert isinstance(give(MEMBERS[1], MEMBERS[1]).refusal, KeyReused)
    assert points.balance(ctx, MEMBERS[0]).available == 5
    sound()


@pytest.mark.engines("postgresql")
def test_a_thousand_known_keys_are_found_in_as_few_statements_as_one(ctx: Context, statements: list[Any]) -> None:
    credits = [Credit(MEMBERS[n % 3], "points", 1, f"k{n}", "gift") for n in range(1000)]
    counts = []
    for batch in (credits, credits[:1], credits):
        with ctx.transaction():
            statements.clear()
            outcomes = points.credit_each(ctx, batch)
            counts.append(len(statements))
    assert all(one.repeated for one in outcomes)
    assert counts[1] == counts[2]
    assert counts == [7, 3, 3]  # the first reads the policy and opens three accounts: a look, their making, a look
