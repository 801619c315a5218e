"""Fire schedules: a row with `UNIQUE(tenant, schedule, slot)` and a job, together. However many workers look, once."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from functools import partial
from itertools import islice

import structlog

from core import db, tenants
from core.clock import local_date, local_instant
from core.contract.context import Actor, Context, Tenant
from core.contract.work import Schedule, Slot
from core.events import jobs
from core.events.models import ScheduleSlot
from core.events.process import Process

log = structlog.get_logger("roost.schedules")
CORE_LOOKS_BACK = timedelta(days=2)  # core's schedules are on from the start; a new worker looks this far back
EARLIEST_LOOK = timedelta(days=40)  # how far back a halted deployment looks for missed slots


def slots(schedule: Schedule, zone: str, since: datetime, now: datetime, most: int = 10_000) -> list[str]:
    """Return the newest `most` slots due in (since, now], oldest first: local dates, or UTC minutes."""
    since = max(since, now - EARLIEST_LOOK)
    return list(islice(_newest_first(schedule, zone, since, now), most))[::-1]


def _newest_first(schedule: Schedule, zone: str, since: datetime, now: datetime) -> Iterator[str]:
    if schedule.daily is not None:
        at = time.fromisoformat(schedule.daily)
        # A day on which clocks jump over its last hour has a time in it that comes when the next day has begun.
        day, first = local_date(now, zone), local_date(since, zone) - timedelta(days=1)
        while day >= first:
            if since < local_instant(day, at, zone) <= now:
                yield day.isoformat()
            day -= timedelta(days=1)
        return
    assert schedule.every is not None
    step = (int(schedule.every.total_seconds()) // 60 or 1) * 60
    instant = int(now.timestamp()) // step * step
    while instant > since.timestamp():
        yield datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M")
        instant -= step


def fire_due(process: Process) -> int:
    """Put a job in the table for every slot that is due and not yet fired; return how many were put.

    One tenant's failure is logged and does not stop the others' clocks; a lost database does, and is raised.
    """
    fired = 0
    for tenant in tenants.all_tenants():
        try:
            fired += _fire_tenant(process, tenant)
        except Exception as ex:
            if db.is_lost_connection(ex):
                raise
            log.error("schedules_failed", tenant=tenant.slug, exc_info=True)
    return fired


def _fire_tenant(process: Process, tenant: Tenant) -> int:
    now = process.clock.now()
    ctx = Context(process, tenant, Actor("system", reason="schedule"), cause="schedule")
    enabled: dict[str, datetime | None] | None = None  # read when something is due: most looks find nothing
    fired = 0
    for slug, schedule in process.schedules():
        if slug != "core" and slug not in tenant.plugins:
            continue
        name = f"{slug}.{schedule.name}"
        most = 1 if schedule.catch_up == "latest" else schedule.catch_up
        looked = process.last_fired.get((tenant.id, name))
        if looked is None or slots(schedule, tenant.zone, looked, now, 1):
            if enabled is None:
                enabled = {s: state.enabled_at for s, state in tenants.plugin_states(ctx).items()}
                enabled["core"] = now - CORE_LOOKS_BACK
            since = max(filter(None, (enabled.get(slug), looked)), default=now)
            for slot in slots(schedule, tenant.zone, since, now, most):
                fired += ctx.run(partial(_fire, ctx, slug, schedule, name, slot))
        process.last_fired[(tenant.id, name)] = now
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
    jobs.enqueue(ctx.for_plugin(slug), f"{slug}.schedule:{schedule.name}", Slot(slot=slot), plugin=slug)
    ctx.services.ring_after_commit()
    return 1
