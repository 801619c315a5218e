"""Find what callbacks missed: every round asks about each charge and refund that is not settled.

A round only puts one job a number in the table, so that a slow answer holds up nobody else. A charge whose time to pay
is over is closed at WeChat Pay, and so settled one way or the other.
"""

from datetime import timedelta
from typing import Any

from integrations.wechat_pay import charges, merchant, refunds
from integrations.wechat_pay.charges import Asking, Heard
from integrations.wechat_pay.models import WechatPayRefund, WechatPayTrade
from integrations.wechat_pay.refunds import RefundHeard, Refunding
from integrations.wechat_pay.schemas import RefundJob, RoundJob, TradeJob
from roost import Context, Next, Remote

EVERY = timedelta(minutes=5)
BATCH = 500


def run_round(ctx: Context, slot: str) -> Next | None:
    """Put the next jobs of a round in the table; goes on until nothing is due."""
    ctx = ctx.for_plugin(merchant.SLUG)
    if not merchant.is_ready(ctx):
        return None
    trades = _due(ctx, WechatPayTrade, ("asked", "open"))
    for number in trades:
        ctx.enqueue("wechat_pay.trade", TradeJob(number=number))
    given = _due(ctx, WechatPayRefund, ("asked", "working"))
    for number in given:
        ctx.enqueue("wechat_pay.refund", RefundJob(number=number))
    return Next(RoundJob(slot=slot)) if BATCH in (len(trades), len(given)) else None


def _due(ctx: Context, model: Any, states: tuple[str, ...]) -> list[str]:  # Any: one of the two tables
    """Return the numbers to ask about now, and keep other rounds from asking at the same time."""
    now = ctx.now()
    due = model.scoped(ctx).select(model.id, model.number).where(model.check_at <= now, model.state.in_(states))
    rows = list(due.order_by(model.check_at, model.id).limit(BATCH))
    if rows:
        model.scoped(ctx).update(check_at=now + EVERY / 2).where(model.id.in_([row.id for row in rows])).execute()
    return [row.number for row in rows]


class AskTrade(Remote):
    """The job `wechat_pay.trade`: ask how a charge stands and settle it."""

    def prepare(self, ctx: Context, payload: TradeJob) -> Asking:  # type: ignore[override]  # the job's payload
        return charges.prepare_charge(ctx, payload.number)

    def call(self, prepared: Asking) -> Heard:
        return charges.call_query(prepared)

    def complete(self, ctx: Context, prepared: Asking, answer: Heard) -> None:
        charges.complete_charge(ctx, prepared, answer)


class AskRefund(Remote):
    """The job `wechat_pay.refund`: ask how a refund stands, make one that never arrived, and settle it."""

    def prepare(self, ctx: Context, payload: RefundJob) -> Refunding:  # type: ignore[override]  # the job's payload
        return refunds.prepare_query_refund(ctx, payload.number)

    def call(self, prepared: Refunding) -> RefundHeard:
        return refunds.call_query_refund(prepared)

    def complete(self, ctx: Context, prepared: Refunding, answer: RefundHeard) -> None:
        refunds.complete_refund(ctx, prepared, answer)
