"""Schedules: once a slot, in the tenant's time, never from before the plugin was on."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core import tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.contract.work import Schedule
from core.events import jobs, schedules
from core.events.schedules import slots
from tests.hosts.worker.lab import Lab

START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)  # what the clock of the tests says first


def nothing(ctx: Context, slot: str) -> None:
    """Do nothing."""


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]  # year, month, day, …


class TestSlots:
    def test_a_daily_slot_is_the_tenants_date_at_the_tenants_time(self) -> None:
        daily = Schedule("x", nothing, daily="00:05")
        asked = (at(2026, 3, 1, 15), at(2026, 3, 3, 16, 4))
        assert slots(daily, "Asia/Shanghai", *asked) == ["2026-03-02", "2026-03-03"]
        assert slots(daily, "Asia/Shanghai", at(2026, 3, 1, 15), at(2026, 3, 3, 16, 5))[-1] == "2026-03-04"
        assert slots(daily, "UTC", *asked) == ["2026-03-02", "2026-03-03"]

    def test_the_end_is_in_and_the_beginning_is_not(self) -> None:
        every = Schedule("x", nothing, every=timedelta(minutes=15))
        found = slots(every, "UTC", at(2026, 3, 1, 10, 0), at(2026, 3, 1, 10, 30))
        assert found == ["2026-03-01T10:15", "2026-03-01T10:30"]

    def test_the_newest_are_kept_when_only_some_are_asked_for(self) -> None:
        every = Schedule("x", nothing, every=timedelta(minutes=1))
        found = slots(every, "UTC", at(2026, 1, 1), at(2026, 3, 1, 0, 0, 30), 3)
        assert found == ["2026-02-28T23:58", "2026-02-28T23:59", "2026-03-01T00:00"]

    def test_a_day_on_which_the_clocks_change_has_its_slot_once(self) -> None:
        daily = Schedule("x", nothing, daily="02:30")  # 02:30 does not exist on 8 March, and exists twice on 1 November
        for year, month in ((2026, 3), (2026, 11)):
            found = slots(daily, "America/New_York", at(year, month, 1, 0), at(year, month, 20, 0))
            assert len(found) == len(set(found)) == 19

    def test_a_time_in_a_last_hour_that_is_jumped_over_has_its_slot(self) -> None:
        daily = Schedule("x", nothing, daily="23:30")  # Greenland's clocks go from 23:00 to the next day's 00:00
        before, after = at(2027, 3, 28, 1, 20), at(2027, 3, 28, 1, 40)
        assert slots(daily, "America/Nuuk", before, after) == ["2027-03-27"]

    def test_a_long_halt_is_looked_back_on_for_a_bounded_time(self) -> None:
        daily = Schedule("x", nothing, daily="08:00")
        assert len(slots(daily, "UTC", at(2020, 1, 1), at(2026, 1, 1))) == 40


def test_a_schedule_fires_once_however_many_look(lab: Lab, clock: ManualClock) -> None:
    assert schedules.fire_due(lab.runtime) == 0
    clock.advance(minutes=1)
    assert schedules.fire_due(lab.runtime) == 1
    assert schedules.fire_due(lab.runtime) == 0
    lab.runtime.last_fired.clear()  # another process, which remembers nothing
    assert schedules.fire_due(lab.runtime) == 0
    jobs.drain(lab.runtime)
    assert lab.texts("minutely") == ["2026-11-22T02:01"]


def test_after_a_halt_only_the_latest_slot_runs_unless_each_is_declared(
    lab: Lab, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.advance(minutes=30)
    assert schedules.fire_due(lab.runtime) == 1
    jobs.drain(lab.runtime)
    assert lab.texts("minutely") == ["2026-11-22T02:30"]
    monkeypatch.setattr(Schedule, "catch_up", property(lambda self: 4))
    clock.advance(minutes=30)
    assert schedules.fire_due(lab.runtime) == 4
    jobs.drain(lab.runtime)
    assert lab.texts("minutely")[1:] == [f"2026-11-22T02:{minute}" for minute in (57, 58, 59)] + ["2026-11-22T03:00"]


def test_nothing_fires_from_before_the_plugin_was_on_or_while_it_was_off(lab: Lab, clock: ManualClock) -> None:
    clock.advance(minutes=5)
    schedules.fire_due(lab.runtime)
    jobs.drain(lab.runtime)
    tenants.disable_plugin(lab.ctx, "faultlab")
    clock.advance(minutes=10)
    assert schedules.fire_due(lab.runtime) == 0
    tenants.enable_plugin(lab.ctx, "faultlab")
    assert schedules.fire_due(lab.runtime) == 0, "02:15 came while it was off"
    lab.runtime.last_fired.clear()
    assert schedules.fire_due(lab.runtime) == 0, "for a worker that has just started, too"
    clock.advance(minutes=1)
    assert schedules.fire_due(lab.runtime) == 1
    jobs.drain(lab.runtime)
    assert lab.texts("minutely") == ["2026-11-22T02:05", "2026-11-22T02:16"]


def test_one_tenants_failure_does_not_stop_the_clocks_of_the_others(
    lab: Lab, clock: ManualClock, new_tenant: Callable[..., Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = new_tenant("other", plugins=("faultlab",))
    before = tenants.plugin_states

    def fail_for_the_first(ctx: Context) -> Any:
        if ctx.tenant.id == lab.ctx.tenant.id:
            raise ValueError("its settings are broken")
        return before(ctx)

    monkeypatch.setattr(tenants, "plugin_states", fail_for_the_first)
    clock.advance(minutes=1)
    assert schedules.fire_due(lab.runtime) == 1
    jobs.drain(lab.runtime)
    lab.ctx = other
    assert lab.texts("minutely") == ["2026-11-22T02:01"]


def test_a_look_that_finds_nothing_due_asks_only_for_the_tenants(
    lab: Lab, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedules.fire_due(lab.runtime)
    clock.advance(seconds=20)
    monkeypatch.setattr(tenants, "plugin_states", lambda ctx: pytest.fail("read for nothing"))
    assert schedules.fire_due(lab.runtime) == 0
