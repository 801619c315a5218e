"""The story of the demo, and every schedule, at each hour of a day and on the days that calendars are wrong about."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest

from core.clock import ManualClock
from core.contract.context import Context
from core.contract.work import Schedule
from core.events import schedules
from core.events.models import Job, ScheduleSlot
from core.events.schedules import slots
from core.runtime import Runtime
from hosts.cli import demo_brand
from hosts.cli.demo import PLUGINS
from hosts.cli.demo_story import BRAND, Story, Unexpected
from hosts.rest import upkeep
from integrations.qinniao.fake import QinniaoFake
from integrations.qinniao.fake import serve as serve_qinniao
from integrations.wechat.fake import WechatFake
from integrations.wechat.fake import serve as serve_wechat

T = TypeVar("T")
SHANGHAI, BERLIN, LORD_HOWE = "Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe"
CHANGES = {  # the local days on which clocks change, of 2027
    BERLIN: (date(2027, 3, 28), date(2027, 10, 31)),
    LORD_HOWE: (date(2027, 4, 4), date(2027, 10, 3)),  # by half an hour
    "America/Havana": (date(2027, 3, 14), date(2027, 11, 7)),  # at midnight
    "America/Nuuk": (date(2027, 3, 27), date(2027, 10, 30)),  # in the last hour of the day
}
HOURS = [(SHANGHAI, datetime(2026, 11, 30, hour, 30, tzinfo=UTC)) for hour in range(24)]
# From five seconds before midnight, so that the story goes on into the next day: ends of months, also of a leap year.
MIDNIGHTS = [
    (SHANGHAI, datetime(*day, 23, 59, 55, tzinfo=ZoneInfo(SHANGHAI)))
    for day in ((2027, 2, 28), (2028, 2, 28), (2028, 2, 29), (2027, 4, 30), (2027, 12, 31))
]
# From five seconds before clocks change.
JUMPS = [
    (BERLIN, datetime(2027, 3, 28, 0, 59, 55, tzinfo=UTC)),
    (BERLIN, datetime(2027, 10, 31, 0, 59, 55, tzinfo=UTC)),
    (LORD_HOWE, datetime(2027, 4, 3, 14, 59, 55, tzinfo=UTC)),
    (LORD_HOWE, datetime(2027, 10, 2, 15, 29, 55, tzinfo=UTC)),
]


class Told(Story):
    """The story in one process: instead of waiting, the clock goes on a second and what is due is done."""

    clock: ManualClock
    tick: Callable[[], int]

    def until(self, what: str, read: Callable[[], T | None]) -> T:
        for _ in range(15):
            self.clock.advance(seconds=1)
            self.tick()
            if found := read():
                return found
        raise Unexpected(f"{what} did not happen")


@pytest.fixture
def tenant(new_tenant: Callable[..., Context], tenant_zone: str, clock: ManualClock, instant: datetime) -> Context:
    """The brand of the story, made at the instant of the test."""
    clock.set(instant)
    return new_tenant(BRAND, plugins=tuple(PLUGINS), zone=tenant_zone)


@pytest.fixture
def story(
    listening: str, tenant: Context, tenant_zone: str, clock: ManualClock, tick: Callable[[], int]
) -> Iterator[Told]:
    wechat, qinniao = WechatFake(clock=clock.now), QinniaoFake(clock=clock.now)
    with serve_wechat(fake=wechat) as one, serve_qinniao(fake=qinniao) as other:
        demo_brand.fill(tenant, one.url, other.url)
        told = Told(listening, one.url, other.url, clock=clock, zone=tenant_zone, say=lambda line: None)
        told.tick = tick
        yield told


def name_of(value: object) -> str:
    return f"{value:%Y-%m-%dT%H:%M}" if isinstance(value, datetime) else str(value)


@pytest.mark.parametrize(("tenant_zone", "instant"), [*HOURS, *MIDNIGHTS, *JUMPS], ids=name_of)
def test_the_story_is_the_same_at_each_hour_and_over_each_turn_of_the_calendar(story: Told) -> None:
    story.play()


DAY = timedelta(days=1)
CHANGING = [(zone, day) for zone, days in CHANGES.items() for day in days]


def starts(day: date, zone: str) -> datetime:
    """Return when a day begins, by other means than ours."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def looked_at(schedule: Schedule, zone: str, first: date, last: date) -> list[str]:
    """Return the slots that a worker fires who looks every seven minutes, from the first day to before the last."""
    looks = [starts(first, zone) - timedelta(seconds=1)]
    while looks[-1] < starts(last, zone):
        looks.append(looks[-1] + timedelta(minutes=7))
    return [slot for since, now in pairwise(looks) for slot in slots(schedule, zone, since, now)]


@pytest.mark.parametrize(("zone", "day"), CHANGING, ids=str)
def test_a_daily_schedule_fires_once_a_local_day_whatever_its_time(zone: str, day: date) -> None:
    """In the gap and in the hour that comes twice as at any other time."""
    days = [(day + n * DAY).isoformat() for n in (-1, 0, 1)]
    for quarter in range(96):
        daily = Schedule("x", lambda ctx, slot: None, daily=f"{quarter // 4:02d}:{quarter % 4 * 15:02d}")
        fired = looked_at(daily, zone, day - 2 * DAY, day + 3 * DAY)
        assert [slot for slot in fired if slot in days] == days, daily.daily


@pytest.mark.parametrize(("zone", "day"), CHANGING, ids=str)
def test_a_schedule_of_minutes_keeps_its_pace(zone: str, day: date) -> None:
    for minutes in (1, 10, 30, 60):
        every = Schedule("x", lambda ctx, slot: None, every=timedelta(minutes=minutes))
        fired = [datetime.fromisoformat(slot) for slot in looked_at(every, zone, day, day + DAY)]
        assert {after - before for before, after in pairwise(fired)} == {timedelta(minutes=minutes)}


@pytest.mark.parametrize("tenant_zone", [BERLIN, LORD_HOWE])
@pytest.mark.parametrize("turn", [0, 1], ids=["first change", "second change"])
def test_each_declared_daily_schedule_is_put_in_line_once(
    runtime: Runtime, new_tenant: Callable[..., Context], clock: ManualClock, tenant_zone: str, turn: int
) -> None:
    day = CHANGES[tenant_zone][turn]
    begin, end = (starts(d, tenant_zone) - timedelta(seconds=1) for d in (day - DAY, day + 2 * DAY))
    runtime.core_schedules.extend(upkeep.SCHEDULES)
    clock.set(begin)
    ctx = new_tenant("acme", plugins=tuple(runtime.registry.plugins), zone=tenant_zone)
    while clock.now() < end:
        clock.set(min(clock.now() + timedelta(minutes=90), end))
        schedules.fire_due(runtime)
    daily = [f"{slug}.{one.name}" for slug, one in runtime.schedules() if one.daily]
    assert len(daily) > 10
    days = [(day + n * DAY).isoformat() for n in (-1, 0, 1)]
    fired = list(ScheduleSlot.scoped(ctx).select().where(ScheduleSlot.fired_at > begin))
    for name in daily:
        assert sorted(row.slot for row in fired if row.schedule == name and row.slot in days) == days, name
    jobs = Job.scoped(ctx).select().where(Job.kind.in_([name.replace(".", ".schedule:", 1) for name in daily]))
    assert jobs.count() == sum(row.schedule in daily for row in fired), "a job for each, and no more"
