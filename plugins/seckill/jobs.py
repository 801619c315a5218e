"""What runs by the clock: sessions of plans, reminders, holds that ran out and vouchers that ended."""

from datetime import timedelta

from plugins.seckill import eligibility, reminders, service, sessions, vouchers
from plugins.seckill.schemas import ClaimRef, MemberRef, SessionRef
from roost import Context, Job, Schedule


def _make_sessions(ctx: Context, slot: str) -> None:
    sessions.make_sessions(ctx)


def _each_minute(ctx: Context, slot: str) -> None:
    sessions.offer_usual_plans(ctx)
    service.lapse_due(ctx, slot)
    vouchers.expire_due(ctx, slot)
    sessions.announce(ctx)


JOBS = (
    Job("lapse", ClaimRef, service.lapse_late, when_off="run"),
    Job("expire", ClaimRef, vouchers.expire, when_off="run"),
    Job("bar", MemberRef, eligibility.bar_when_due, when_off="run"),
    Job("remind", SessionRef, reminders.remind),
)
SCHEDULES = (
    Schedule("make_sessions", _make_sessions, daily="00:10"),
    Schedule("each_minute", _each_minute, every=timedelta(minutes=1)),
)
