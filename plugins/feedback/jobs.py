"""What runs by the clock: deadlines, closing what stays solved, ending surveys; and the chain that asks a round."""

from datetime import timedelta

from plugins.feedback import rounds, service, surveys
from plugins.feedback.schemas import RoundTurn
from roost import Context, Job, Next, Schedule, Slot


def _deadlines(ctx: Context, slot: str) -> None:
    service.escalate_due(ctx)


def _close(ctx: Context, slot: str) -> Next | None:
    return Next(Slot(slot=slot)) if service.close_due(ctx) >= service.BATCH else None


def _surveys(ctx: Context, slot: str) -> None:
    rounds.close_due(ctx)
    surveys.expire_due(ctx)


JOBS = (Job("ask", RoundTurn, rounds.ask),)
SCHEDULES = (
    Schedule("deadlines", _deadlines, every=timedelta(minutes=10)),
    Schedule("close", _close, daily="03:10"),
    Schedule("surveys", _surveys, every=timedelta(minutes=30)),
)
