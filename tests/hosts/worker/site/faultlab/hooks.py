"""What the laboratory hears and declares."""

from collections.abc import Sequence

from faultlab import jobs
from faultlab.hookspecs import LabStruck
from roost import Context, Job, Schedule, hookimpl


@hookimpl
def lab_struck(ctx: Context, fact: LabStruck) -> None:
    jobs.strike(ctx, fact.number, fact.rounds)
    if fact.echo:
        ctx.publish(LabStruck(number=fact.number + 1_000_000))


@hookimpl
def register_jobs() -> Sequence[Job]:
    return jobs.JOBS


@hookimpl
def register_schedules() -> Sequence[Schedule]:
    return jobs.SCHEDULES
