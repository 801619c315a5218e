"""Jobs and schedules."""

from datetime import timedelta

from integrations.webhooks import deliveries
from integrations.webhooks.schemas import DeliverJob, ReplayJob, ResumeJob
from integrations.webhooks.sending import Deliver
from roost import Context, Job, Next, Schedule, Slot


def _resume(ctx: Context, payload: ResumeJob) -> None:
    deliveries.resume(ctx, payload)


def _replay(ctx: Context, payload: ReplayJob) -> Next | None:
    return deliveries.replay_period(ctx, payload)


def _sweep(ctx: Context, slot: str) -> None:
    deliveries.sweep(ctx)


def _clean(ctx: Context, slot: str) -> Next | None:
    return Next(Slot(slot=slot)) if deliveries.clean(ctx) else None


JOBS = (
    Job("deliver", DeliverJob, Deliver),
    Job("resume", ResumeJob, _resume),
    Job("replay", ReplayJob, _replay),
)
SCHEDULES = (
    Schedule("sweep", _sweep, every=timedelta(minutes=10)),
    Schedule("clean", _clean, daily="04:40"),
)
