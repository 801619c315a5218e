"""Jobs and schedules."""

from integrations.sms import inbox, privacy
from integrations.sms.schemas import PushJob, SendJob
from integrations.sms.sending import SendMessage
from roost import Context, Job, Next, Schedule, Slot


def _push(ctx: Context, payload: PushJob) -> Next | None:
    return inbox.process(ctx, payload)


def _clean(ctx: Context, slot: str) -> Next | None:
    return Next(Slot(slot=slot)) if privacy.clean(ctx) else None


JOBS = (Job("send", SendJob, SendMessage), Job("push", PushJob, _push))
SCHEDULES = (Schedule("clean", _clean, daily="04:50"),)
