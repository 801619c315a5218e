"""Fire schedules: a row with `UNIQUE(tenant, schedule, slot)` and a job, together. However many workers look, once."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from core import db, tenants
from core.clock import local_date
from core.context import Actor, Context, Tenant
from core.events import jobs
from core.events.models import ScheduleSlot
from core.runtime.declarations import Schedule

if TYPE_CHECKING:
    from core.runtime.runtime import Runtime

CORE_LOOKS_BACK = timedelta(days=2)  # core's schedules are on from the start; a new worker looks this far back
EARLIEST_LOOK = timedelta(days=40)  # how far back a halted deployment looks for missed slots


class SlotPayload(BaseModel):
    """What a schedule's job carries."""

    slot: str


def slots(schedule: Schedule, zone: str, since: datetime, now: datetime) -> Iterator[str]:
    """Yield the slots due in (since, now], oldest first: local dates, or UTC minutes."""
    since = max(since, now - EARLIEST_LOOK)
    if schedule.daily is not None:
        hour, minute = map(int, schedule.daily.split(":"))
        day, last = local_date(since, zone), local_date(now, zone)
        while day <= last:
            if since < _local_instant(day, hour, minute, zone) <= now:
                yield day.isoformat()
            day += timedelta(days=1)
        return
    assert schedule.every is not None
    step = int(schedule.every.total_seconds()) // 60 or 1
    minute_number = int(since.timestamp()) // 60 // step * step + step
    while minute_number * 60 <= now.timestamp():
        yield datetime.fromtimestamp(minute_number * 60, now.tzinfo).strftime("%Y-%m-%dT%H:%M")
        minute_number += step


def _local_instant(day: date, hour: int, minute: int, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone))


def fire_due(runtime: "Runtime") -> int:
    """Put a job in the table for every slot that is due and not yet fired; return how many were put."""
    return sum(_fire_tenant(runtime, tenant) for tenant in tenants.all_tenants())


def _fire_tenant(runtime: "Runtime", tenant: Tenant) -> int:
    wanted = [(slug, s) for slug, s in runtime.schedules() if slug == "core" or slug in tenant.plugins]
    if not wanted:
        return 0
    now = runtime.clock.now()
    ctx = Context(runtime, tenant, Actor("system", reason="schedule"), cause="schedule")
    enabled = {slug: state.enabled_at for slug, state in tenants.plugin_states(ctx).items()}
    enabled["core"] = now - CORE_LOOKS_BACK
    fired = 0
    for slug, schedule in wanted:
        name = f"{slug}.{schedule.name}"
        since = max(filter(None, (enabled.get(slug), runtime.last_fired.get((tenant.id, name)))), default=now)
        due = list(slots(schedule, tenant.zone, since, now))
        if schedule.catch_up == "latest":
            due = due[-1:]
        else:
            due = due[-schedule.catch_up :]
        for slot in due:
            fired += ctx.run(lambda slug=slug, schedule=schedule, name=name, slot=slot: _fire(ctx, slug, schedule, name, slot))  # type: ignore[misc]  # defaults bind the loop's values
        runtime.last_fired[(tenant.id, name)] = now
    return fired


def _fire(ctx: Context, slug: str, schedule: Schedule, name: str, slot: str) -> int:
    new = (
        ScheduleSlot.scoped(ctx)
        .insert(schedule=name, slot=slot, fired_at=ctx.now())
        .on_conflict_ignore()
        .returning(ScheduleSlot.id)
        .execute()
    )
    if not list(new):
        return 0
    jobs.enqueue(ctx.for_plugin(slug), f"{slug}.schedule:{schedule.name}", SlotPayload(slot=slot), plugin=slug)
    db.after_commit(ctx.runtime.ring)
    return 1
