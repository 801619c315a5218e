"""Jobs and schedules."""

from datetime import timedelta

from integrations.qinniao import desk, inbox, leads, reconcile, service
from integrations.qinniao.schemas import EventJob, LeadJob, PullJob, RetryJob, SweepJob
from roost import Context, Job, Next, Schedule, Slot


def _event(ctx: Context, payload: EventJob) -> None:
    inbox.INBOX.process(ctx, payload.event)


def _nightly(ctx: Context, slot: str) -> Next | None:
    ctx.enqueue("qinniao.sweep", SweepJob(), dedupe=f"sweep:{slot}")
    ctx.enqueue("qinniao.leads", SweepJob(), dedupe=f"leads:{slot}")
    service.find_venues(ctx)
    return Next(Slot(slot=slot)) if inbox.INBOX.clean(ctx) else None


JOBS = (
    Job("lead", LeadJob, leads.BringLead),
    Job("event", EventJob, _event),
    Job("pull", PullJob, reconcile.Pull),
    Job("sweep", SweepJob, reconcile.sweep),
    Job("leads", SweepJob, leads.sweep),
    Job("retry", RetryJob, desk.go_on),
)
SCHEDULES = (
    Schedule("reconcile", reconcile.Pull.start_due, every=timedelta(hours=1)),  # the hour is a setting of the tenant's
    Schedule("nightly", _nightly, daily="05:30"),
)
