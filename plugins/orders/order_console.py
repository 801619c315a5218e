"""Orders as staff work with them, and what went out."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from plugins.orders import counter, fulfilment, picking, refunds, service
from plugins.orders.models import OrdersHandover, OrdersLine, OrdersOrder, OrdersTender
from plugins.orders.placing import address_of
from plugins.orders.schemas import OrdersSettings
from plugins.orders.staff_api import units
from plugins.orders.staff_schemas import (
    ExtendIn,
    HandoverRow,
    OrderRow,
    RefundIn,
    ShipIn,
    TakeIn,
)
from plugins.orders.states import MOVES, STATES, TITLES_ZH, TO_DELIVER
from roost import Action, Column, Context, Resource, Text, new_id

ORDER_STATES: dict[str, Text] = {state: Text(zh=TITLES_ZH[state], en=state.replace("_", " ")) for state in STATES}
HANDOVERS = {
    "ship": Text("快递", "parcel"),
    "pickup": Text("自提", "pick-up"),
    "none": Text("无需配送", "none"),
}


LINE = ("title", "quantity", "fulfilment", "delivered", "refunded", "net_fen")
MEANS = ("kind", "state", "fen", "points")


def refund_limit(ctx: Context) -> int:
    """Return above which amount a refund needs a second person, in fen."""
    return ctx.settings(OrdersSettings).refund_limit_fen


def present_orders(ctx: Context, rows: Sequence[OrdersOrder]) -> Sequence[Any]:
    """Add lines and means to orders, and to whom they go, masked."""
    lines: dict[UUID, list[dict[str, Any]]] = {row.id: [] for row in rows}
    means: dict[UUID, list[dict[str, Any]]] = {row.id: [] for row in rows}
    found = OrdersLine.scoped(ctx).select().where(OrdersLine.order.in_(list(lines)))
    for line in found.order_by(OrdersLine.position):
        lines[line.order].append({"id": str(line.id), **{name: getattr(line, name) for name in LINE}})
    paid = OrdersTender.scoped(ctx).select().where(OrdersTender.order.in_(list(means)))
    for tender in paid.order_by(OrdersTender.id):
        means[tender.order].append({name: getattr(tender, name) for name in MEANS})
    return [
        {
            **row.__data__,
            "receiver": picking.masked(address_of(ctx, row)),
            "lines": lines[row.id],
            "tenders": means[row.id],
        }
        for row in rows
    ]


def _ship(ctx: Context, order: UUID, body: ShipIn) -> None:
    fulfilment.ship(ctx, order, carrier=body.carrier, tracking=body.tracking, lines=units(body.lines) or None)


def _close(ctx: Context, order: UUID, body: None) -> None:
    service.close_by_staff(ctx, order)


def _refund(ctx: Context, order: UUID, body: RefundIn) -> None:
    refunds.begin(
        ctx,
        order,
        key=f"staff:{new_id().hex}",
        reason=body.reason,
        source="staff",
        fen=body.fen,
        points=body.points,
        lines=units(body.lines) or None,
    )


def _extend(ctx: Context, order: UUID, body: ExtendIn) -> None:
    fulfilment.extend_pickup(ctx, order, body.days)


orders = Resource(
    name="orders",
    title=Text("订单", "Orders"),
    model=OrdersOrder,
    reply=OrderRow,
    permission="orders.view",
    export_permission="orders.export",
    venue="venue",
    present=present_orders,
    actions=(
        Action(
            "take",
            Text("收款", "Take payment"),
            counter.take,
            "orders.take",
            form=TakeIn,
            idempotent=True,
            shown=lambda row: row.state in ("placed", "paying"),
        ),
        Action(
            "ship",
            Text("发货", "Ship"),
            _ship,
            "orders.ship",
            form=ShipIn,
            idempotent=True,
            shown=lambda row: row.state in TO_DELIVER and row.to_ship > 0,
        ),
        Action(
            "extend",
            Text("延长自提", "More days to pick up"),
            _extend,
            "orders.handover",
            form=ExtendIn,
            shown=lambda row: row.to_hand > 0,
        ),
        Action(
            "close",
            Text("关闭", "Close"),
            _close,
            "orders.close",
            reason=True,
            idempotent=True,
            shown=lambda row: row.state in ("placed", "paying"),
        ),
        Action(
            "refund",
            Text("退款", "Refund"),
            _refund,
            "orders.refund",
            form=RefundIn,
            reason=True,
            idempotent=True,
            approve_over=lambda body: body.fen,
            limit=refund_limit,
            stands_on=("money_fen", "refunded_fen", "refunded_points"),
            shown=lambda row: "refunding" in MOVES[row.state],
        ),
    ),
    columns=(
        Column("number", Text("订单号", "Number"), filter=True),
        Column("member", Text("会员", "Member"), "member", filter=True),
        Column("title", Text("商品", "Goods")),
        Column("state", Text("状态", "State"), "choice", choices=ORDER_STATES, filter=True),
        Column("money_fen", Text("应付", "Money"), "fen"),
        Column("points", Text("积分", "Points"), "points"),
        Column("paid_fen", Text("实付", "Paid"), "fen"),
        Column("refunded_fen", Text("已退", "Refunded"), "fen"),
        Column("to_ship", Text("待发件数", "To ship"), "int", list=False),
        Column("to_hand", Text("待提件数", "To hand over"), "int", list=False),
        Column("venue", Text("门店", "Venue"), "venue", filter=True),
        Column("receiver", Text("收货人", "Receiver"), list=False),
        Column("ship_by", Text("发货期限", "Ship by"), "date", filter=True),
        Column("lines", Text("明细", "Lines"), "json", list=False),
        Column("tenders", Text("支付方式", "Paid by"), "json", list=False),
        Column("discounts", Text("优惠", "Discounts"), "json", list=False),
        Column("goods_fen", Text("商品金额", "Goods"), "fen", list=False),
        Column("discount_fen", Text("优惠金额", "Discount"), "fen", list=False),
        Column("postage_fen", Text("邮费", "Postage"), "fen", list=False),
        Column("owner", Text("来源", "From"), filter=True),
        Column("note", Text("备注", "Note"), list=False),
        Column("closed_why", Text("关闭原因", "Closed because"), list=False),
        Column("deadline", Text("付款期限", "Pay by"), "time", list=False),
        Column("created_at", Text("下单时间", "Placed"), "time", filter=True),
        Column("paid_at", Text("付款时间", "Paid at"), "time", list=False),
        Column("delivered_at", Text("交付时间", "Delivered"), "time", list=False),
    ),
)

handovers = Resource(
    name="handovers",
    title=Text("发货与自提", "Parcels and pick-ups"),
    model=OrdersHandover,
    reply=HandoverRow,
    permission="orders.view",
    export_permission="orders.export",
    venue="venue",
    member=None,
    columns=(
        Column("number", Text("订单号", "Order"), filter=True),
        Column("kind", Text("方式", "Kind"), "choice", choices=HANDOVERS, filter=True),
        Column("carrier", Text("快递公司", "Carrier"), filter=True),
        Column("tracking", Text("运单号", "Tracking"), filter=True),
        Column("venue", Text("门店", "Venue"), "venue", filter=True),
        Column("lines", Text("明细", "Lines"), "json", list=False),
        Column("handed_at", Text("时间", "At"), "time", filter=True),
        Column("undone_at", Text("撤销时间", "Undone"), "time", list=False),
    ),
)
