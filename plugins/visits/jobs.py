"""The nightly look for the silent, and the chains it starts."""

from plugins.visits import silence
from plugins.visits.schemas import AdoptStep, SilenceStep
from roost import Job, Schedule

JOBS = (Job("silence", SilenceStep, silence.step), Job("adopt", AdoptStep, silence.adopt))
SCHEDULES = (Schedule("silence", silence.begin, daily="05:30"),)
