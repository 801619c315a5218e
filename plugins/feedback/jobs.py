"""What runs by the clock: deadlines, and closing what stays solved."""

from datetime import timedelta

from plugins.feedback import service
from roost import Context, Schedule


def _deadlines(ctx: Context, slot: str) -> None:
    service.escalate_due(ctx)


def _close(ctx: Context, slot: str) -> None:
    service.close_due(ctx)


SCHEDULES = (
    Schedule("deadlines", _deadlines, every=timedelta(minutes=10)),
    Schedule("close", _close, daily="03:10"),
)
