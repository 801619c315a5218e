"""Jobs and schedules."""

from datetime import timedelta

from integrations import qinniao
from integrations.ivep import inbox, reading
from integrations.ivep.schemas import AskJob, EventJob, SweepJob
from roost import Context, Job, Next, Schedule, Slot


def _event(ctx: Context, payload: EventJob) -> None:
    inbox.INBOX.process(ctx, payload.event)


def _nightly(ctx: Context, slot: str) -> Next | None:
    ctx.enqueue("ivep.sweep", SweepJob(), dedupe=f"sweep:{slot}")
    return Next(Slot(slot=slot)) if inbox.INBOX.clean(ctx) else None


JOBS = (
    Job("event", EventJob, _event),
    Job("pull", qinniao.PullJob, reading.Pull),
    Job("ask", AskJob, reading.Ask),
    Job("sweep", SweepJob, reading.sweep),
)
SCHEDULES = (
    Schedule("reconcile", reading.Pull.start_due, every=timedelta(hours=1)),  # the hour is a setting of the tenant's
    Schedule("nightly", _nightly, daily="05:40"),
)
