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
from plugins.orders.states import MEANS as MEANS_WORDS
from plugins.orders.states import MOVES, STATES, TITLES_ZH, TO_DELIVER
from roost import Action, Column, Context, Resource, Text, new_id

ORDER_STATES: dict[str, Text] = {state: Text(zh=TITLES_ZH[state], en=state.replace("_", " ")) for state in STATES}
HANDOVERS = {
    "ship": Text(zh="快递", en="parcel"),
    "pickup": Text(zh="自提", en="pick-up"),
    "none": Text(zh="无需配送", en="none"),
}


TENDER_STATES = {
    "held": Text(zh="已冻结", en="held"),
    "paid": Text(zh="已支付", en="paid"),
    "released": Text(zh="已释放", en="released"),
    "excess": Text(zh="多付待退", en="paid too late or twice"),
}
LINE = ("title", "quantity", "fulfilment", "delivered", "refunded", "net_fen")
MEANS = ("kind", "state", "fen", "points")


LINES = (
    Column("title", Text(zh="商品", en="Good")),
    Column("quantity", Text(zh="数量", en="Quantity"), "int"),
    Column("fulfilment", Text(zh="交付", en="Delivery"), "choice", choices=HANDOVERS),
    Column("delivered", Text(zh="已交付", en="Delivered"), "int"),
    Column("refunded", Text(zh="已退", en="Refunded"), "int"),
    Column("net_fen", Text(zh="金额", en="Amount"), "fen"),
)
TENDERS = (
    Column("kind", Text(zh="方式", en="Means"), "choice", choices=MEANS_WORDS),
    Column("state", Text(zh="状态", en="State"), "choice", choices=TENDER_STATES),
    Column("fen", Text(zh="金额", en="Amount"), "fen"),
    Column("points", Text(zh="积分", en="Points"), "points"),
)
DISCOUNTS = (
    Column("title", Text(zh="优惠", en="Discount")),
    Column("fen", Text(zh="金额", en="Amount"), "fen"),
)
SENT = (
    Column("title", Text(zh="商品", en="Good")),
    Column("quantity", Text(zh="数量", en="Quantity"), "int"),
)


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


def present_handovers(ctx: Context, rows: Sequence[OrdersHandover]) -> Sequence[Any]:
    """Add what was in a parcel or handed over, by name."""
    wanted = {UUID(str(one["line"])) for row in rows for one in row.lines}
    found = OrdersLine.scoped(ctx).select().where(OrdersLine.id.in_(list(wanted) or [None]))
    titles = {line.id: line.title for line in found}
    return [
        {
            **row.__data__,
            "sent": [{"title": titles.get(UUID(str(one["line"])), ""), **one} for one in row.lines],
        }
        for row in rows
    ]


def lines_of(ctx: Context, order: UUID) -> list[tuple[UUID, str]]:
    """Return the lines of an order: what staff choose from when they ship or pay back a part."""
    rows = OrdersLine.scoped(ctx).select().where(OrdersLine.order == order).order_by(OrdersLine.position)
    return [(line.id, f"{line.title} × {line.quantity}") for line in rows]


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
    offers={"order_lines": lines_of},
    summary=(
        Column("unpaid", Text(zh="待付款订单", en="Orders to pay"), "int"),
        Column("on_the_way", Text(zh="配送中订单", en="Orders on the way"), "int"),
    ),
    title=Text(zh="订单", en="Orders"),
    model=OrdersOrder,
    reply=OrderRow,
    permission="orders.view",
    export_permission="orders.export",
    venue="venue",
    present=present_orders,
    actions=(
        Action(
            "take",
            Text(zh="收款", en="Take payment"),
            counter.take,
            "orders.take",
            form=TakeIn,
            idempotent=True,
            shown=lambda row: row.state in ("placed", "paying"),
        ),
        Action(
            "ship",
            Text(zh="发货", en="Ship"),
            _ship,
            "orders.ship",
            form=ShipIn,
            idempotent=True,
            shown=lambda row: row.state in TO_DELIVER and row.to_ship > 0,
        ),
        Action(
            "extend",
            Text(zh="延长自提", en="More days to pick up"),
            _extend,
            "orders.handover",
            form=ExtendIn,
            shown=lambda row: row.to_hand > 0,
        ),
        Action(
            "close",
            Text(zh="关闭", en="Close"),
            _close,
            "orders.close",
            reason=True,
            idempotent=True,
            shown=lambda row: row.state in ("placed", "paying"),
        ),
        Action(
            "refund",
            Text(zh="退款", en="Refund"),
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
        Column("number", Text(zh="订单号", en="Number"), filter=True),
        Column("member", Text(zh="会员", en="Member"), "member", filter=True),
        Column("title", Text(zh="商品", en="Goods")),
        Column("state", Text(zh="状态", en="State"), "choice", choices=ORDER_STATES, filter=True),
        Column("money_fen", Text(zh="应付", en="Money"), "fen"),
        Column("points", Text(zh="积分", en="Points"), "points"),
        Column("paid_fen", Text(zh="实付", en="Paid"), "fen"),
        Column("refunded_fen", Text(zh="已退", en="Refunded"), "fen"),
        Column("to_ship", Text(zh="待发件数", en="To ship"), "int", list=False),
        Column("to_hand", Text(zh="待提件数", en="To hand over"), "int", list=False),
        Column("venue", Text(zh="门店", en="Venue"), "venue", filter=True),
        Column("receiver", Text(zh="收货人", en="Receiver"), list=False),
        Column("ship_by", Text(zh="发货期限", en="Ship by"), "date", filter=True),
        Column("lines", Text(zh="明细", en="Lines"), "table", parts=LINES, list=False),
        Column("tenders", Text(zh="支付方式", en="Paid by"), "table", parts=TENDERS, list=False),
        Column("discounts", Text(zh="优惠", en="Discounts"), "table", parts=DISCOUNTS, list=False),
        Column("goods_fen", Text(zh="商品金额", en="Goods"), "fen", list=False),
        Column("discount_fen", Text(zh="优惠金额", en="Discount"), "fen", list=False),
        Column("postage_fen", Text(zh="邮费", en="Postage"), "fen", list=False),
        Column("owner", Text(zh="来源", en="From"), "choice", source="plugins", filter=True),
        Column("note", Text(zh="备注", en="Note"), list=False),
        Column("closed_why", Text(zh="关闭原因", en="Closed because"), list=False),
        Column("deadline", Text(zh="付款期限", en="Pay by"), "time", list=False),
        Column("created_at", Text(zh="下单时间", en="Placed"), "time", filter=True),
        Column("paid_at", Text(zh="付款时间", en="Paid at"), "time", list=False),
        Column("delivered_at", Text(zh="交付时间", en="Delivered"), "time", list=False),
    ),
)

handovers = Resource(
    name="handovers",
    title=Text(zh="发货与自提", en="Parcels and pick-ups"),
    model=OrdersHandover,
    reply=HandoverRow,
    present=present_handovers,
    permission="orders.view",
    export_permission="orders.export",
    venue="venue",
    member=None,
    columns=(
        Column("number", Text(zh="订单号", en="Order"), filter=True),
        Column("kind", Text(zh="方式", en="Kind"), "choice", choices=HANDOVERS, filter=True),
        Column("carrier", Text(zh="快递公司", en="Carrier"), filter=True),
        Column("tracking", Text(zh="运单号", en="Tracking"), filter=True),
        Column("venue", Text(zh="门店", en="Venue"), "venue", filter=True),
        Column("sent", Text(zh="明细", en="Lines"), "table", parts=SENT, list=False),
        Column("handed_at", Text(zh="时间", en="At"), "time", filter=True),
        Column("undone_at", Text(zh="撤销时间", en="Undone"), "time", list=False),
    ),
)
