"""The queue of refunds."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from plugins.orders.console.orders import refund_limit
from plugins.orders.counter import till
from plugins.orders.models import OrdersRefund, OrdersRefundPart
from plugins.orders.refunding import outside, refunds
from plugins.orders.service import numbers
from plugins.orders.staff_schemas import ApproveIn, PayOutIn, RejectIn
from plugins.orders.states import MEANS
from roost import Action, Column, Context, Resource, Text

REFUND_STATES = {
    "requested": Text("待审核", "requested"),
    "rejected": Text("已拒绝", "rejected"),
    "running": Text("退款中", "running"),
    "failed": Text("退款失败", "failed"),
    "done": Text("已退款", "done"),
}
SOURCES = {
    "member": Text("会员申请", "member"),
    "staff": Text("员工发起", "staff"),
    "plugin": Text("系统发起", "system"),
    "late": Text("迟到或重复付款", "paid too late or twice"),
    "outside": Text("支付平台退款", "made at the provider"),
}


PART_STATES = {
    "pending": Text("待处理", "pending"),
    "accepted": Text("已受理", "accepted"),
    "failed": Text("失败", "failed"),
    "done": Text("已退", "done"),
}
PARTS = (
    Column("kind", Text("方式", "Means"), "choice", choices=MEANS),
    Column("state", Text("状态", "State"), "choice", choices=PART_STATES),
    Column("fen", Text("金额", "Amount"), "fen"),
    Column("points", Text("积分", "Points"), "points"),
    Column("number", Text("退款单号", "Number")),
    Column("detail", Text("说明", "Note")),
)


def state_in(*states: str) -> Any:  # Any: a function of a row of any table
    """Return a question about a row: whether it is in one of some states."""
    return lambda row: row.state in states


def present_refunds(ctx: Context, rows: Sequence[OrdersRefund]) -> Sequence[Any]:
    """Add the order's number and the parts to refunds."""
    named = numbers(ctx, [row.order for row in rows])
    parts: dict[UUID, list[dict[str, Any]]] = {row.id: [] for row in rows}
    found = OrdersRefundPart.scoped(ctx).select().where(OrdersRefundPart.refund.in_(list(parts)))
    for part in found.order_by(OrdersRefundPart.id):
        parts[part.refund].append({one.name: getattr(part, one.name) for one in PARTS})
    return [{"number": named.get(row.order, ""), "parts": parts[row.id]} for row in rows]


refund_queue = Resource(
    name="refunds",
    title=Text("退款", "Refunds"),
    model=OrdersRefund,
    also=("order", "decided_at"),
    permission="orders.view",
    export_permission="orders.export",
    venue="venue",
    present=present_refunds,
    actions=(
        Action(
            "approve",
            Text("同意", "Approve"),
            refunds.approve,
            "orders.refund",
            form=ApproveIn,
            idempotent=True,
            approve_over=lambda body: body.fen,
            limit=refund_limit,
            counted_as=lambda body: "refund",
            shown=state_in("requested"),
        ),
        Action(
            "reject",
            Text("拒绝", "Refuse"),
            refunds.reject,
            "orders.refund",
            form=RejectIn,
            reason=True,
            shown=state_in("requested"),
        ),
        Action(
            "pay_out",
            Text("柜台退付", "Paid back at the counter"),
            till.pay_out,
            "orders.refund",
            form=PayOutIn,
            idempotent=True,
            shown=state_in("running"),
        ),
        Action(
            "retry",
            Text("重试", "Try again"),
            outside.retry,
            "orders.refund",
            idempotent=True,
            shown=state_in("failed"),
        ),
        Action(
            "by_hand",
            Text("已线下退款", "Paid back otherwise"),
            outside.by_hand,
            "orders.refund",
            form=RejectIn,
            reason=True,
            idempotent=True,
            shown=state_in("failed"),
        ),
    ),
    columns=(
        Column("number", Text("订单号", "Order")),
        Column("member", Text("会员", "Member"), "member", filter=True),
        Column("state", Text("状态", "State"), "choice", choices=REFUND_STATES, filter=True),
        Column("source", Text("来源", "From"), "choice", choices=SOURCES, filter=True),
        Column("fen", Text("金额", "Amount"), "fen"),
        Column("points", Text("积分", "Points"), "points"),
        Column("reason", Text("原因", "Reason")),
        Column("reply", Text("回复", "Reply"), list=False),
        Column("parts", Text("退款明细", "Parts"), "table", parts=PARTS, list=False),
        Column("venue", Text("门店", "Venue"), "venue", filter=True),
        Column("created_at", Text("申请时间", "Asked"), "time", filter=True),
        Column("ended_at", Text("完成时间", "Ended"), "time", list=False),
    ),
)
