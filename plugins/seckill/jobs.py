"""What runs by the clock: sessions of plans, reminders, and holds that ran out."""

from datetime import timedelta

from plugins.seckill import service, sessions
from plugins.seckill.schemas import ClaimRef
from roost import Context, Job, Schedule


def _make_sessions(ctx: Context, slot: str) -> None:
    sessions.make_sessions(ctx)


def _each_minute(ctx: Context, slot: str) -> None:
    service.lapse_due(ctx, slot)
    sessions.announce(ctx)


def _lapse(ctx: Context, payload: ClaimRef) -> None:
    service.lapse_late(ctx, payload.claim)


JOBS = (Job("lapse", ClaimRef, _lapse, when_off="run"),)
SCHEDULES = (
    Schedule("make_sessions", _make_sessions, daily="00:10"),
    Schedule("each_minute", _each_minute, every=timedelta(minutes=1)),
)
