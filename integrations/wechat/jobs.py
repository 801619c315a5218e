"""Jobs and schedules."""

from datetime import timedelta

from integrations.wechat import checks, codes, inbox, shipping
from integrations.wechat.schemas import RowJob
from roost import Context, Job, Next, Schedule, Slot


def _nightly(ctx: Context, slot: str) -> Next | None:
    more = inbox.INBOX.clean(ctx), checks.clean(ctx), shipping.clean(ctx)
    return Next(Slot(slot=slot)) if any(more) else None


JOBS = (
    Job("push", RowJob, inbox.process),
    Job("code", RowJob, codes.DrawCode),
    Job("shipping", RowJob, shipping.TellShipping),
)
SCHEDULES = (
    Schedule("late_checks", checks.give_up, every=timedelta(minutes=10)),
    Schedule("nightly", _nightly, daily="04:50"),
)
