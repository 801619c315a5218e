"""What the laboratory hears and declares."""

from faultlab import jobs
from faultlab.hookspecs import LabStruck
from roost import Context, Contribution, hookimpl


@hookimpl
def lab_struck(ctx: Context, fact: LabStruck) -> None:
    jobs.strike(ctx, fact.number, fact.rounds)
    if fact.echo:
        ctx.publish(LabStruck(number=fact.number + 1_000_000))


@hookimpl
def contribute() -> Contribution:
    """Return all that this plugin gives."""
    return Contribution(
        jobs=jobs.JOBS,
        schedules=jobs.SCHEDULES,
    )
