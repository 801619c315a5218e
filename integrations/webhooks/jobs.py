"""Jobs and schedules."""

from datetime import timedelta

from integrations.webhooks import deliveries
from integrations.webhooks.schemas import DeliverJob, ReplayJob, ResumeJob
from integrations.webhooks.sending import Deliver
from roost import Job, Schedule

JOBS = (
    Job("deliver", DeliverJob, Deliver),
    Job("resume", ResumeJob, deliveries.resume),
    Job("replay", ReplayJob, deliveries.replay_period),
)
SCHEDULES = (
    Schedule("sweep", deliveries.sweep, every=timedelta(minutes=10)),
    Schedule("clean", deliveries.clean, daily="04:40"),
)
