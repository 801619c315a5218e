"""A refund takes back the levels that stood on it; a drop of any other kind waits for the period's end."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from core import members, points
from core.clock import ManualClock
from core.contract.context import Context
from core.events.models import Event
from core.ids import new_id
from core.members import MemberView
from plugins.levels import service
from plugins.levels.models import LevelsHistory, LevelsStanding

Make = Callable[..., MemberView]
Run = Callable[[], int]


@pytest.fixture(autouse=True)
def _on(enable_plugin: Callable[..., None]) -> None:
    enable_plugin("levels")


@pytest.fixture
def earn(tenant: Context, drain: Run) -> Callable[[MemberView, int], points.Operation]:
    """Return a function that credits growth and lets levels hear of it."""

    def credit(member: MemberView, amount: int) -> points.Operation:
        with tenant.transaction():
            done = points.credit(tenant, member.id, "growth", amount, key=str(new_id()), reason="purchase")
        drain()
        return done

    return credit


@pytest.fixture
def refund(tenant: Context, drain: Run) -> Callable[..., None]:
    """Return a function that takes growth back."""

    def reverse(done: points.Operation, amount: int | None = None) -> None:
        with tenant.transaction():
            points.reverse(tenant, done.id, key=str(new_id()), amount=amount, reason="refund")
        drain()

    return reverse


Earn = Callable[[MemberView, int], points.Operation]


def level(ctx: Context, member: MemberView) -> str:
    with ctx.transaction():
        return members.get(ctx, member.id).level


def standing(ctx: Context, member: MemberView) -> LevelsStanding:
    return LevelsStanding.scoped(ctx).get(LevelsStanding.member == member.id)


def test_a_whole_refund_takes_every_level_back_that_stood_on_it(
    tenant: Context, member: Make, earn: Earn, refund: Callable[..., None]
) -> None:
    li = member()
    done = earn(li, 600)
    assert level(tenant, li) == "gold"
    refund(done)
    assert level(tenant, li) == "bronze"
    [told] = Event.scoped(tenant).select().where(Event.name == "level_revoked")
    assert json.loads(told.body)["revoked"] == ["silver", "gold"]
    last = LevelsHistory.scoped(tenant).select().order_by(LevelsHistory.at.desc(), LevelsHistory.id.desc()).first()
    assert (last.old, last.new, last.reason, last.growth) == ("gold", "bronze", "refunded", 0)
    assert standing(tenant, li).period_end is None


def test_the_level_that_was_earned_otherwise_stays_and_so_does_its_period(
    tenant: Context, member: Make, earn: Earn, refund: Callable[..., None], clock: ManualClock
) -> None:
    li = member()
    earn(li, 150)
    silver = standing(tenant, li)
    clock.advance(days=100)
    done = earn(li, 400)
    assert level(tenant, li) == "gold"
    clock.advance(days=5)
    refund(done, 40)
    assert level(tenant, li) == "gold"  # 510 of 500
    refund(done, 100)
    assert level(tenant, li) == "silver"
    now = standing(tenant, li)
    assert (now.since, now.period_end) == (silver.since, silver.period_end)


def test_what_was_earned_since_keeps_a_level(
    tenant: Context, member: Make, earn: Earn, refund: Callable[..., None], clock: ManualClock
) -> None:
    li = member()
    done = earn(li, 600)
    clock.advance(days=3)
    earn(li, 500)
    refund(done)
    assert level(tenant, li) == "gold"


def test_a_late_refund_waits_for_the_end_of_the_period(
    tenant: Context, member: Make, earn: Earn, refund: Callable[..., None], clock: ManualClock
) -> None:
    li = member()
    done = earn(li, 600)
    clock.advance(days=31)
    refund(done)
    assert level(tenant, li) == "gold"


def test_a_tenant_may_leave_refunds_to_the_end_of_the_period(
    tenant: Context, member: Make, earn: Earn, refund: Callable[..., None], enable_plugin: Callable[..., None]
) -> None:
    enable_plugin("levels", refund_days=0)
    li = member()
    refund(earn(li, 600))
    assert level(tenant, li) == "gold"


def test_growth_that_grew_old_is_no_refund(
    tenant: Context, member: Make, earn: Earn, refund: Callable[..., None], clock: ManualClock
) -> None:
    """400 of a year ago and 150 of today reach gold; then the 400 grow old, and 10 of yesterday are refunded."""
    li = member()
    earn(li, 400)
    clock.advance(days=360)
    earn(li, 150)
    assert level(tenant, li) == "gold"
    clock.advance(days=3)
    small = earn(li, 10)
    clock.advance(days=5)
    refund(small)
    assert level(tenant, li) == "gold"


def test_a_level_by_hand_stands_on_no_growth(
    tenant: Context, member: Make, earn: Earn, refund: Callable[..., None]
) -> None:
    li = member()
    done = earn(li, 600)
    with tenant.transaction():
        service.set_by_hand(
            tenant.for_plugin("levels"), li.id, "gold", tenant.today() + timedelta(days=60), "guest of honour"
        )
    refund(done)
    assert level(tenant, li) == "gold"


def test_a_merged_members_refund_is_judged_with_who_they_became(
    tenant: Context, member: Make, earn: Earn, refund: Callable[..., None], drain: Run
) -> None:
    li, double = member(), member()
    earn(li, 60)
    done = earn(double, 60)
    with tenant.transaction():
        members.merge(tenant, li.id, double.id, "one person")
    drain()
    assert level(tenant, li) == "silver"
    refund(done)
    assert level(tenant, li) == "bronze"
