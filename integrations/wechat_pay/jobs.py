"""Jobs and schedules. Money is settled also while the plugin is off."""

from integrations.wechat_pay import inbox, reconcile
from integrations.wechat_pay.schemas import PushJob, RefundJob, TradeJob
from roost import Context, Job, Schedule

FAILURES = 20  # with waits that double up to an hour: about twelve hours, then a dead letter that staff see


def _push(ctx: Context, payload: PushJob) -> None:
    inbox.INBOX.process(ctx, payload.push)


JOBS = (
    Job("push", PushJob, _push, max_failures=FAILURES, when_off="run"),
    Job("trade", TradeJob, reconcile.AskTrade, max_failures=FAILURES, when_off="run"),
    Job("refund", RefundJob, reconcile.AskRefund, max_failures=FAILURES, when_off="run"),
)
SCHEDULES = (
    Schedule("reconcile", reconcile.run_round, every=reconcile.EVERY),
    Schedule("nightly", inbox.clean, daily="04:20"),
)
