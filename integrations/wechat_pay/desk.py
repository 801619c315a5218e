"""What staff do about payments: ask again, make a failed refund again, see to money that nobody claimed."""

from typing import Any
from uuid import UUID

from integrations.wechat_pay import merchant, refunds
from integrations.wechat_pay.models import WechatPayPush, WechatPayRefund, WechatPaySettlement, WechatPayTrade
from integrations.wechat_pay.schemas import Handled, RefundJob, TradeJob
from roost import Conflict, Context, Settlement, Text, hooks, kept


def ask_trade(ctx: Context, trade_id: UUID, body: None = None) -> None:
    """Ask WeChat Pay how a charge stands, by a job. Raises Conflict for one that is paid."""
    row = WechatPayTrade.scoped(ctx).get(WechatPayTrade.id == trade_id)
    if row.state == "paid":
        raise Conflict("this charge is paid: there is nothing to ask", "该笔支付已完成，无需查询")
    merchant.client_of(ctx)  # raises while nothing is set up
    ctx.enqueue("wechat_pay.trade", TradeJob(number=row.number))


def ask_refund(ctx: Context, refund_id: UUID, body: None = None) -> None:
    """Ask how a refund stands, and make again one that failed, by a job. Raises Conflict for one that went through."""
    row = WechatPayRefund.scoped(ctx).lock(WechatPayRefund.id == refund_id)
    if row.state == "refunded":
        raise Conflict("this refund went through: there is nothing to do", "该笔退款已完成，无需重试")
    if row.state == "withdrawn":
        raise Conflict("this refund was paid another way", "该笔退款已改用其他方式支付")
    merchant.client_of(ctx)
    if row.state == "failed":
        refunds.reopen(ctx, row)
    ctx.enqueue("wechat_pay.refund", RefundJob(number=row.number))


def offer(ctx: Context, settlement_id: UUID, body: None = None) -> None:
    """Offer the plugins a settlement once more: one that was installed or mended since may claim it.

    While nobody does it stays on the desk, with a note. Raises Conflict for one that is claimed or done.
    """
    row = _unclaimed(ctx, settlement_id)
    settled = Settlement(
        "wechat_pay", row.kind, row.charge, row.number if row.number != row.charge else "", row.amount,
        row.transaction, row.happened_at,
    )  # fmt: skip
    told = merchant.as_system(ctx).lifecycle(hooks.payment_settled, settlement=settled)
    claimed = next((slug for slug, mine in told if mine), "")
    if not claimed:
        _end(
            ctx,
            row,
            note=kept(Text(f"{ctx.today()}：没有业务认领", f"{ctx.today()}: no plugin knows this number")),
        )
        return
    _end(ctx, row, state="claimed", claimed_by=claimed)


def handle(ctx: Context, settlement_id: UUID, body: Handled) -> None:
    """Note what staff did about money that no plugin claimed."""
    _end(ctx, _unclaimed(ctx, settlement_id), state="done", note=body.note)


def _unclaimed(ctx: Context, settlement_id: UUID) -> Any:
    row = WechatPaySettlement.scoped(ctx).lock(WechatPaySettlement.id == settlement_id)
    if row.state != "unclaimed":
        raise Conflict(f"this settlement is {row.state}: there is nothing to do", "该笔款项已处理")
    return row


def _end(ctx: Context, row: Any, **values: str) -> None:
    WechatPaySettlement.scoped(ctx).update(**values).where(WechatPaySettlement.id == row.id).execute()


def figures(ctx: Context) -> list[tuple[str, str]]:
    """Return the dashboard's figures: whether it is set up, and what waits for people."""
    unclaimed = WechatPaySettlement.scoped(ctx).select().where(WechatPaySettlement.state == "unclaimed").count()
    failed = WechatPayRefund.scoped(ctx).select().where(WechatPayRefund.state == "failed").count()
    refused = WechatPayPush.scoped(ctx).select().where(WechatPayPush.state.in_(("refused", "waiting"))).count()
    waiting = WechatPayTrade.scoped(ctx).select().where(WechatPayTrade.state.in_(("asked", "open"))).count()
    return [
        ("商户", "已配置" if merchant.is_ready(ctx) else "未配置"),
        ("待支付", str(waiting)),
        ("无人认领", str(unclaimed)),
        ("退款失败", str(failed)),
        ("存疑回调", str(refused)),
    ]
