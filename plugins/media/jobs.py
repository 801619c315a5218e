"""Jobs and schedules. What deletes runs also where the plugin has been switched off."""

from datetime import timedelta

from plugins.media import deletion, moderation, processing
from plugins.media.schemas import Again, ItemJob, PurgeAllJob
from roost import Context, Job, Next, Schedule

BATCH = 100


def _sweep(ctx: Context, slot: str) -> Next | None:
    full = deletion.sweep(ctx, slot, BATCH) >= BATCH
    full = moderation.give_up_waiting(ctx, BATCH) >= BATCH or full
    return Next(Again(slot=slot)) if full else None


JOBS = (
    Job("process", ItemJob, processing.Process),
    Job("judge", ItemJob, moderation.Judge, max_failures=6),
    Job("purge", ItemJob, deletion.Purge, max_failures=50, when_off="run"),
    Job("clear", ItemJob, deletion.Clear, max_failures=50, when_off="run"),
    Job("purge_all", PurgeAllJob, deletion.PurgeAll, max_failures=50, when_off="run"),
)
SCHEDULES = (
    Schedule("sweep", _sweep, every=timedelta(minutes=10)),
    Schedule("tidy", processing.tidy, daily="04:25"),
)
