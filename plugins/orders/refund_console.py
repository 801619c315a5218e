"""The queue of refunds."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from plugins.orders import counter, refunding, refunds
from plugins.orders.models import (
    OrdersOrder,
    OrdersRefund,
    OrdersRefundPart,
)
from plugins.orders.order_console import refund_limit
from plugins.orders.staff_schemas import (
    ApproveIn,
    PayOutIn,
    RefundRow,
    RejectIn,
)
from plugins.orders.states import MEANS
from roost import Action, Column, Context, Resource, Text

REFUND_STATES = {
    "requested": Text(zh="待审核", en="requested"),
    "rejected": Text(zh="已拒绝", en="rejected"),
    "running": Text(zh="退款中", en="running"),
    "failed": Text(zh="退款失败", en="failed"),
    "done": Text(zh="已退款", en="done"),
}
SOURCES = {
    "member": Text(zh="会员申请", en="member"),
    "staff": Text(zh="员工发起", en="staff"),
    "plugin": Text(zh="系统发起", en="system"),
    "late": Text(zh="迟到或重复付款", en="paid too late or twice"),
    "outside": Text(zh="支付平台退款", en="made at the provider"),
}


PART_STATES = {
    "pending": Text(zh="待处理", en="pending"),
    "accepted": Text(zh="已受理", en="accepted"),
    "failed": Text(zh="失败", en="failed"),
    "done": Text(zh="已退", en="done"),
}
PARTS = (
    Column("kind", Text(zh="方式", en="Means"), "choice", choices=MEANS),
    Column("state", Text(zh="状态", en="State"), "choice", choices=PART_STATES),
    Column("fen", Text(zh="金额", en="Amount"), "fen"),
    Column("points", Text(zh="积分", en="Points"), "points"),
    Column("number", Text(zh="退款单号", en="Number")),
    Column("detail", Text(zh="说明", en="Note")),
)
PART = ("kind", "state", "fen", "points", "number", "attempts", "detail")


def state_in(*states: str) -> Any:  # Any: a function of a row of any table
    """Return a question about a row: whether it is in one of some states."""
    return lambda row: row.state in states


def present_refunds(ctx: Context, rows: Sequence[OrdersRefund]) -> Sequence[Any]:
    """Add the order's number and the parts to refunds."""
    query = OrdersOrder.scoped(ctx).select(OrdersOrder.id, OrdersOrder.number)
    numbers = {row.id: row.number for row in query.where(OrdersOrder.id.in_([row.order for row in rows]))}
    parts: dict[UUID, list[dict[str, Any]]] = {row.id: [] for row in rows}
    found = OrdersRefundPart.scoped(ctx).select().where(OrdersRefundPart.refund.in_(list(parts)))
    for part in found.order_by(OrdersRefundPart.id):
        parts[part.refund].append({name: getattr(part, name) for name in PART})
    return [{**row.__data__, "number": numbers.get(row.order, ""), "parts": parts[row.id]} for row in rows]


def _approve(ctx: Context, refund: UUID, body: ApproveIn) -> None:
    refunds.approve(ctx, refund, body.fen, body.points)


def _reject(ctx: Context, refund: UUID, body: RejectIn) -> None:
    refunds.reject(ctx, refund, body.reason)


def _retry(ctx: Context, refund: UUID, body: None) -> None:
    refunding.retry(ctx, refund)


def _by_hand(ctx: Context, refund: UUID, body: RejectIn) -> None:
    refunding.by_hand(ctx, refund, body.reason)


def _pay_out(ctx: Context, refund: UUID, body: PayOutIn) -> None:
    counter.pay_out(ctx, refund, body.venue)


refund_queue = Resource(
    name="refunds",
    title=Text(zh="退款", en="Refunds"),
    model=OrdersRefund,
    reply=RefundRow,
    permission="orders.view",
    export_permission="orders.export",
    venue="venue",
    present=present_refunds,
    actions=(
        Action(
            "approve",
            Text(zh="同意", en="Approve"),
            _approve,
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
            Text(zh="拒绝", en="Refuse"),
            _reject,
            "orders.refund",
            form=RejectIn,
            reason=True,
            shown=state_in("requested"),
        ),
        Action(
            "pay_out",
            Text(zh="柜台退付", en="Paid back at the counter"),
            _pay_out,
            "orders.refund",
            form=PayOutIn,
            idempotent=True,
            shown=state_in("running"),
        ),
        Action(
            "retry",
            Text(zh="重试", en="Try again"),
            _retry,
            "orders.refund",
            idempotent=True,
            shown=state_in("failed"),
        ),
        Action(
            "by_hand",
            Text(zh="已线下退款", en="Paid back otherwise"),
            _by_hand,
            "orders.refund",
            form=RejectIn,
            reason=True,
            idempotent=True,
            shown=state_in("failed"),
        ),
    ),
    columns=(
        Column("number", Text(zh="订单号", en="Order")),
        Column("member", Text(zh="会员", en="Member"), "member", filter=True),
        Column("state", Text(zh="状态", en="State"), "choice", choices=REFUND_STATES, filter=True),
        Column("source", Text(zh="来源", en="From"), "choice", choices=SOURCES, filter=True),
        Column("fen", Text(zh="金额", en="Amount"), "fen"),
        Column("points", Text(zh="积分", en="Points"), "points"),
        Column("reason", Text(zh="原因", en="Reason")),
        Column("reply", Text(zh="回复", en="Reply"), list=False),
        Column("parts", Text(zh="退款明细", en="Parts"), "table", parts=PARTS, list=False),
        Column("venue", Text(zh="门店", en="Venue"), "venue", filter=True),
        Column("created_at", Text(zh="申请时间", en="Asked"), "time", filter=True),
        Column("ended_at", Text(zh="完成时间", en="Ended"), "time", list=False),
    ),
)
