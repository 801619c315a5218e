"""Jobs and schedules."""

from integrations.sms import inbox, privacy
from integrations.sms.schemas import PushJob, SendJob
from integrations.sms.sending import SendMessage
from roost import Job, Schedule

JOBS = (Job("send", SendJob, SendMessage), Job("push", PushJob, inbox.process))
SCHEDULES = (Schedule("clean", privacy.clean, daily="04:50"),)
