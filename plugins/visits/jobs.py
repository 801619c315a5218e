"""The nightly look for the silent, and the chain it starts."""

from plugins.visits import silence
from plugins.visits.schemas import SilenceStep
from roost import Job, Schedule

SILENCE = Job("silence", SilenceStep, silence.step)
NIGHTLY = Schedule("silence", silence.begin, daily="05:30")
