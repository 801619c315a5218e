"""Jobs and schedules."""

from integrations.sms import inbox, privacy
from integrations.sms.schemas import PushJob, SendJob
from integrations.sms.sending import SendMessage
from roost import Context, Job, Next, Schedule


def _push(ctx: Context, payload: PushJob) -> Next | None:
    return inbox.process(ctx, payload)


def _clean(ctx: Context, slot: str) -> None:
    privacy.clean(ctx)


JOBS = (Job("send", SendJob, SendMessage), Job("push", PushJob, _push))
SCHEDULES = (Schedule("clean", _clean, daily="04:50"),)
