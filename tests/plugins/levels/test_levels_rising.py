"""Members rise by the growth they earn; a delivery of a thousand movements is a handful of statements."""

import time
from collections.abc import Callable

import pytest

from core import members, points
from core.clock import ManualClock
from core.contract.context import Context
from core.events.models import Event
from core.ids import new_id
from core.members import MemberView, NewMember
from core.points import Credit
from plugins.levels.models import LevelsHistory, LevelsStanding

Make = Callable[..., MemberView]
Drain = Callable[[], int]


@pytest.fixture(autouse=True)
def _on(enable_plugin: Callable[..., None]) -> None:
    enable_plugin("levels")


def earn(ctx: Context, member: MemberView, amount: int, asset: str = "growth") -> points.Operation:
    with ctx.transaction():
        return points.credit(ctx, member.id, asset, amount, key=str(new_id()), reason="purchase")


def level(ctx: Context, member: MemberView) -> str:
    with ctx.transaction():
        return members.get(ctx, member.id).level


def ups(ctx: Context) -> list[str]:
    return [row.body for row in Event.scoped(ctx).select().where(Event.name == "level_up").order_by(Event.id)]


def test_a_registration_begins_on_the_lowest_level_and_that_is_no_rise(
    tenant: Context, member: Make, drain: Drain
) -> None:
    li = member()
    drain()
    assert level(tenant, li) == "bronze"
    assert ups(tenant) == []


def test_growth_that_reaches_a_threshold_raises_at_once(tenant: Context, member: Make, drain: Drain) -> None:
    li = member()
    earn(tenant, li, 99)
    drain()
    assert level(tenant, li) == "bronze"
    earn(tenant, li, 1)
    drain()
    assert level(tenant, li) == "silver"
    [row] = LevelsHistory.scoped(tenant).select()
    assert (row.old, row.new, row.reason, row.growth, row.threshold) == (
        "bronze",
        "silver",
        "growth",
        100,
        100,
    )


def test_two_levels_at_once_are_both_passed(tenant: Context, member: Make, drain: Drain) -> None:
    li = member()
    drain()
    earn(tenant, li, 600)
    drain()
    assert level(tenant, li) == "gold"
    [body] = ups(tenant)
    assert '"passed":["silver","gold"]' in body


def test_points_raise_nobody(tenant: Context, member: Make, drain: Drain) -> None:
    li = member()
    earn(tenant, li, 5000, "points")
    drain()
    assert level(tenant, li) == "bronze"


def test_growth_older_than_the_window_no_longer_counts(
    tenant: Context, member: Make, drain: Drain, clock: ManualClock
) -> None:
    li = member()
    earn(tenant, li, 60)
    drain()
    clock.advance(days=370)
    earn(tenant, li, 60)
    drain()
    assert level(tenant, li) == "bronze"


def test_imported_history_counts_from_the_day_of_the_import(
    tenant: Context, member: Make, drain: Drain, clock: ManualClock
) -> None:
    li = member()
    ctx = tenant.imported()
    with ctx.transaction():
        points.credit(
            ctx,
            li.id,
            "growth",
            500,
            key="old",
            reason="purchase",
            occurred_at=clock.now().replace(year=1997),
        )
    drain()
    assert level(tenant, li) == "gold"
    [event] = Event.scoped(tenant).select().where(Event.name == "level_up")
    assert event.origin == "import"


def test_merged_members_are_judged_by_the_growth_of_both(tenant: Context, member: Make, drain: Drain) -> None:
    li, double = member(), member()
    earn(tenant, li, 60)
    earn(tenant, double, 60)
    drain()
    with tenant.transaction():
        members.merge(tenant, li.id, double.id, "one person")
    drain()
    assert level(tenant, li) == "silver"


def test_why_tells_the_growth_a_level_moved_by(tenant: Context, member: Make, drain: Drain) -> None:
    from core import rewards

    li = member()
    earn(tenant, li, 120)
    drain()
    [row] = rewards.why(tenant, li.id, 10)
    assert (row.outcome, row.plugin, row.evidence) == ("noted", "levels", {"growth": 120, "threshold": 100})
    assert "silver" in row.reason


def test_whoever_came_before_the_plugin_gets_a_level_by_the_clock(
    tenant: Context, drain: Drain, tick: Drain, clock: ManualClock
) -> None:
    ctx = tenant.imported()
    with ctx.transaction():
        found = members.register_many(ctx, [NewMember("test", str(n)) for n in range(5)])
    drain()
    clock.advance(minutes=11)
    tick()
    with tenant.transaction():
        assert {m.level for m in members.get_many(tenant, found.values()).values()} == {"bronze"}
    assert ups(tenant) == []


def test_an_imported_delivery_of_a_thousand_is_a_handful_of_statements(
    tenant: Context, drain: Drain, statements: list[str]
) -> None:
    ctx = tenant.imported()
    with ctx.transaction():
        found = members.register_many(ctx, [NewMember("cdnow", str(n)) for n in range(800)])
    ids = sorted(found.values())
    growth = [Credit(ids[n % 800], "growth", 30 + 7 * (n % 80), str(n), "purchase") for n in range(1000)]
    with ctx.transaction():
        points.credit_many(ctx, growth)
    statements.clear()
    before = time.perf_counter()
    drain()
    took = time.perf_counter() - before
    print(f"\nlevels of 1,000 imported movements, 800 members: {took * 1000:.0f} ms, {len(statements)} statements")
    assert len(statements) < 60
    assert LevelsStanding.scoped(tenant).select().count() > 300
    with tenant.transaction():
        levels = [m.level for m in members.get_many(tenant, ids).values()]
    assert {"bronze", "silver", "gold"} == set(levels)
