"""Orders as staff work with them, and what went out."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from plugins.orders import service
from plugins.orders.console.staff_api import units
from plugins.orders.counter import till
from plugins.orders.fulfilment import delivery, picking
from plugins.orders.models import OrdersHandover, OrdersLine, OrdersOrder, OrdersTender
from plugins.orders.placing.drafts import lines_of
from plugins.orders.placing.place import address_of
from plugins.orders.refunding import refunds
from plugins.orders.schemas import OrdersSettings
from plugins.orders.staff_schemas import ExtendIn, RefundIn, ShipIn, TakeIn
from plugins.orders.states import MEANS, MOVES, STATES, TITLES_ZH, TO_DELIVER
from roost import Action, Column, Context, Resource, Text, new_id

ORDER_STATES: dict[str, Text] = {state: Text(TITLES_ZH[state], state.replace("_", " ")) for state in STATES}
HANDOVERS = {"ship": Text("快递", "parcel"), "pickup": Text("自提", "pick-up"), "none": Text("无需配送", "none")}


TENDER_STATES = {
    "held": Text("已冻结", "held"),
    "paid": Text("已支付", "paid"),
    "released": Text("已释放", "released"),
    "excess": Text("多付待退", "paid too late or twice"),
}
LINES = (
    Column("title", Text("商品", "Good")),
    Column("quantity", Text("数量", "Quantity"), "int"),
    Column("fulfilment", Text("交付", "Delivery"), "choice", choices=HANDOVERS),
    Column("delivered", Text("已交付", "Delivered"), "int"),
    Column("refunded", Text("已退", "Refunded"), "int"),
    Column("net_fen", Text("金额", "Amount"), "fen"),
)
TENDERS = (
    Column("kind", Text("方式", "Means"), "choice", choices=MEANS),
    Column("state", Text("状态", "State"), "choice", choices=TENDER_STATES),
    Column("fen", Text("金额", "Amount"), "fen"),
    Column("points", Text("积分", "Points"), "points"),
)
DISCOUNTS = (Column("title", Text("优惠", "Discount")), Column("fen", Text("金额", "Amount"), "fen"))
SENT = LINES[:2]


def refund_limit(ctx: Context) -> int:
    """Return above which amount a refund needs a second person, in fen."""
    return ctx.settings(OrdersSettings).refund_limit_fen


def present_orders(ctx: Context, rows: Sequence[OrdersOrder]) -> Sequence[Any]:
    """Add lines and means to orders, and to whom they go, masked."""
    more: dict[UUID, dict[str, Any]] = {
        row.id: {"receiver": picking.masked(address_of(ctx, row)), "lines": [], "tenders": []} for row in rows
    }
    found = OrdersLine.scoped(ctx).select().where(OrdersLine.order.in_(list(more)))
    for line in found.order_by(OrdersLine.position):
        more[line.order]["lines"].append({"id": str(line.id), **{one.name: getattr(line, one.name) for one in LINES}})
    paid = OrdersTender.scoped(ctx).select().where(OrdersTender.order.in_(list(more)))
    for tender in paid.order_by(OrdersTender.id):
        more[tender.order]["tenders"].append({column.name: getattr(tender, column.name) for column in TENDERS})
    return [more[row.id] for row in rows]


def present_handovers(ctx: Context, rows: Sequence[OrdersHandover]) -> Sequence[Any]:
    """Add what was in a parcel or handed over, by name."""
    wanted = {UUID(str(one["line"])) for row in rows for one in row.lines}
    found = OrdersLine.scoped(ctx).select().where(OrdersLine.id.in_(list(wanted) or [None]))
    titles = {line.id: line.title for line in found}
    return [{"sent": [{"title": titles.get(UUID(str(one["line"])), ""), **one} for one in row.lines]} for row in rows]


def lines_to_choose(ctx: Context, order: UUID) -> list[tuple[UUID, str]]:
    """Return the lines of an order: what staff choose from when they ship or pay back a part."""
    return [(line.id, f"{line.title} × {line.quantity}") for line in lines_of(ctx, order)]


def _ship(ctx: Context, order: UUID, body: ShipIn) -> None:
    delivery.ship(ctx, order, carrier=body.carrier, tracking=body.tracking, lines=units(body.lines) or None)


def _close(ctx: Context, order: UUID, body: None) -> None:
    service.cancel(ctx, order, why="staff")


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


orders = Resource(
    name="orders",
    offers={"order_lines": lines_to_choose},
    summary=(
        Column("unpaid", Text("待付款订单", "Orders to pay"), "int"),
        Column("on_the_way", Text("配送中订单", "Orders on the way"), "int"),
    ),
    title=Text("订单", "Orders"),
    model=OrdersOrder,
    also=("reference", "refunded_points", "pickup_until", "ended_at"),
    permission="orders.view",
    export_permission="orders.export",
    venue="venue",
    present=present_orders,
    actions=(
        Action(
            "take",
            Text("收款", "Take payment"),
            till.take,
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
            delivery.extend_pickup,
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
            counted_as=lambda body: "refund",
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
        Column("lines", Text("明细", "Lines"), "table", parts=LINES, list=False),
        Column("tenders", Text("支付方式", "Paid by"), "table", parts=TENDERS, list=False),
        Column("discounts", Text("优惠", "Discounts"), "table", parts=DISCOUNTS, list=False),
        Column("goods_fen", Text("商品金额", "Goods"), "fen", list=False),
        Column("discount_fen", Text("优惠金额", "Discount"), "fen", list=False),
        Column("postage_fen", Text("邮费", "Postage"), "fen", list=False),
        Column("owner", Text("来源", "From"), "choice", source="plugins", filter=True),
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
    also=("order", "whole", Column("lines", Text("明细", "Lines"), type=list[dict[str, Any]])),
    present=present_handovers,
    permission="orders.view",
    export_permission="orders.export",
    venue="venue",
    columns=(
        Column("number", Text("订单号", "Order"), filter=True),
        Column("kind", Text("方式", "Kind"), "choice", choices=HANDOVERS, filter=True),
        Column("carrier", Text("快递公司", "Carrier"), filter=True),
        Column("tracking", Text("运单号", "Tracking"), filter=True),
        Column("venue", Text("门店", "Venue"), "venue", filter=True),
        Column("sent", Text("明细", "Lines"), "table", parts=SENT, list=False, rest=False),
        Column("handed_at", Text("时间", "At"), "time", filter=True),
        Column("undone_at", Text("撤销时间", "Undone"), "time", list=False),
    ),
)
