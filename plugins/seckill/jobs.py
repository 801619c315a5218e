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


def _lapse(ctx: Context, payload: ClaimRef) -> None:
    service.lapse_late(ctx, payload.claim)


def _expire(ctx: Context, payload: ClaimRef) -> None:
    vouchers.expire(ctx, payload.claim)


def _bar(ctx: Context, payload: MemberRef) -> None:
    eligibility.bar_when_due(ctx, payload.member)


JOBS = (
    Job("lapse", ClaimRef, _lapse, when_off="run"),
    Job("expire", ClaimRef, _expire, when_off="run"),
    Job("bar", MemberRef, _bar, when_off="run"),
    Job("remind", SessionRef, reminders.remind),
)
SCHEDULES = (
    Schedule("make_sessions", _make_sessions, daily="00:10"),
    Schedule("each_minute", _each_minute, every=timedelta(minutes=1)),
)
