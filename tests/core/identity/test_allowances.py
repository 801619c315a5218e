"""What staff may do without a second person adds up: for a member, an account and a day."""

import threading
from collections.abc import Callable
from uuid import UUID

import pytest

from core import db, identity
from core.clock import ManualClock
from core.contract.context import Actor, Context
from core.identity import StaffAllowance
from core.ids import new_id

ACT = "core.adjust.points"


def take(ctx: Context, member: UUID, amount: int) -> bool:
    return ctx.run(lambda: identity.take_allowance(ctx, ACT, member, amount, 1000))


@pytest.fixture
def clerk(tenant: Context) -> Context:
    return tenant.acting(Actor("staff", new_id()))


def test_small_amounts_add_up_for_a_member_an_account_and_a_day(
    tenant: Context, clerk: Context, clock: ManualClock
) -> None:
    member = new_id()
    assert [take(clerk, member, amount) for amount in (1000, 1)] == [True, False]
    assert take(clerk, new_id(), 1000), "another member"
    assert take(tenant.acting(Actor("staff", new_id())), member, 1000), "another account"
    midnight_in_utc = clock.now().replace(hour=15, minute=59)  # 23:59 in Shanghai
    clock.set(midnight_in_utc)
    assert take(clerk, member, 1) is False
    clock.advance(minutes=2)
    assert take(clerk, member, 1000), "the tenant's next day"


def test_what_did_not_fit_or_was_taken_back_leaves_the_rest(clerk: Context) -> None:
    member = new_id()
    assert [take(clerk, member, amount) for amount in (1001, 600, 401, 400)] == [False, True, False, True]
    other = new_id()
    with pytest.raises(RuntimeError):
        clerk.run(lambda: _take_and_fail(clerk, other))
    assert take(clerk, other, 1000)


def _take_and_fail(ctx: Context, member: UUID) -> None:
    assert identity.take_allowance(ctx, ACT, member, 900, 1000)
    raise RuntimeError


def _together(ctx: Context, count: int, work: Callable[[], bool]) -> int:
    """Run `work` in so many threads that start together; return how often it said yes."""
    gate, answers = threading.Barrier(count), []

    def run() -> None:
        with db.connection():
            gate.wait()
            answers.append(ctx.run(work))

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(answers)


def test_eight_at_once_stay_within_the_limit(clerk: Context) -> None:
    member = new_id()
    assert _together(clerk, 8, lambda: identity.take_allowance(clerk, ACT, member, 300, 1000)) == 3


@pytest.mark.engines("postgresql")  # SQLite lets one writer in at a time, so there is no race to show
def test_a_look_before_the_write_would_let_all_eight_through(clerk: Context) -> None:
    member, looked = new_id(), threading.Barrier(8)
    assert take(clerk, member, 100)

    def look_then_write() -> bool:
        row = StaffAllowance.scoped(clerk).get(StaffAllowance.subject == str(member))
        looked.wait(timeout=20)
        if row.amount + 300 > 1000:
            return False
        mine = StaffAllowance.scoped(clerk).update(amount=StaffAllowance.amount + 300)
        return bool(mine.where(StaffAllowance.id == row.id).execute())

    assert _together(clerk, 8, look_then_write) == 8
