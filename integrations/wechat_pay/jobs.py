"""Jobs and schedules. Money is settled also while the plugin is off."""

from integrations.wechat_pay import inbox, reconcile
from integrations.wechat_pay.schemas import PushJob, RefundJob, TradeJob
from roost import Context, Job, Next, Schedule, Slot

FAILURES = 20  # with waits that double up to an hour: about twelve hours, then a dead letter that staff see


def _push(ctx: Context, payload: PushJob) -> None:
    inbox.process(ctx, payload.push)


def _round(ctx: Context, slot: str) -> Next | None:
    return reconcile.run_round(ctx, slot)


def _nightly(ctx: Context, slot: str) -> Next | None:
    return Next(Slot(slot=slot)) if inbox.clean(ctx) else None


JOBS = (
    Job("push", PushJob, _push, max_failures=FAILURES, when_off="run"),
    Job("trade", TradeJob, reconcile.AskTrade, max_failures=FAILURES, when_off="run"),
    Job("refund", RefundJob, reconcile.AskRefund, max_failures=FAILURES, when_off="run"),
)
SCHEDULES = (
    Schedule("reconcile", _round, every=reconcile.EVERY),
    Schedule("nightly", _nightly, daily="04:20"),
)
