"""Lists to pick from the shelf and labels to stick on parcels: pages to be printed."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from plugins.orders import states
from plugins.orders.models import OrdersLabels, OrdersLine, OrdersOrder
from plugins.orders.placing.drafts import left
from plugins.orders.placing.place import address_of
from plugins.orders.schemas import AddressIn
from plugins.orders.staff_schemas import LabelsIn
from roost import Conflict, Context, NotFound, local_time

MOST = 500
LABELS_LIVE = timedelta(hours=24)


def waiting(ctx: Context, most: int = MOST) -> list[OrdersOrder]:
    """Return the orders that are to be sent, what is due first, held to the account's venues."""
    query = OrdersOrder.scoped(ctx).select().where(OrdersOrder.state.in_(states.TO_DELIVER), OrdersOrder.to_ship > 0)
    return list(query.where(ctx.within(OrdersOrder.venue)).order_by(OrdersOrder.ship_by, OrdersOrder.id).limit(most))


def pick_page(ctx: Context, query: Mapping[str, str]) -> dict[str, Any]:
    """Return what to take from the shelf, by thing, and the orders it is for; no addresses."""
    orders = waiting(ctx)
    lines = _lines(ctx, orders)
    goods: dict[tuple[str, str], int] = {}
    for found in lines.values():
        for line in found:
            goods[line.title, line.reference] = goods.get((line.title, line.reference), 0) + left(line)
    return {
        "english": ctx.locale == "en",
        "goods": [(title, reference, count) for (title, reference), count in sorted(goods.items())],
        "orders": [
            {
                "number": order.number,
                "ship_by": order.ship_by,
                "late": order.ship_by is not None and order.ship_by < ctx.today(),
                "note": order.note,
                "lines": [(line.title, left(line)) for line in lines[order.id]],
            }
            for order in orders
        ],
    }


def _lines(ctx: Context, orders: list[OrdersOrder]) -> dict[UUID, list[OrdersLine]]:
    found: dict[UUID, list[OrdersLine]] = {order.id: [] for order in orders}
    query = OrdersLine.scoped(ctx).select().where(OrdersLine.order.in_(list(found) or [None]))
    for line in query.where(OrdersLine.fulfilment == "ship").order_by(OrdersLine.position):
        if left(line):
            found[line.order].append(line)
    return found


def make_labels(ctx: Context, body: LabelsIn) -> OrdersLabels:
    """Make a batch of labels for what is to be sent now; its page shows them. Raises Conflict when nothing is.

    It shows people's addresses, so who made it, why, and of which orders is kept and audited.
    """
    orders = waiting(ctx, body.most)
    if not orders:
        raise Conflict("nothing is to be sent", "没有待发货订单", code="nothing_to_ship")
    made: OrdersLabels = OrdersLabels.scoped(ctx).create(
        orders=[str(order.id) for order in orders],
        count=len(orders),
        reason=body.reason,
        staff=ctx.actor.id,
        created_at=ctx.now(),
    )
    ctx.audit("orders.addresses_revealed", str(made.id), {"reason": body.reason, "orders": len(orders)})
    return made


def _batches(ctx: Context, batches: Sequence[OrdersLabels]) -> list[dict[str, Any]]:
    """Return batches of labels with the tenant's time."""
    return [
        {
            "id": one.id,
            "count": one.count,
            "reason": one.reason,
            "at": local_time(one.created_at, ctx.tenant.zone).strftime("%Y-%m-%d %H:%M"),
        }
        for one in batches
    ]


def label_page(ctx: Context, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the labels of a batch, to whoever made it and for a day; without a batch, the batches."""
    english = ctx.locale == "en"
    mine = (
        OrdersLabels.scoped(ctx)
        .select()
        .where(OrdersLabels.staff == ctx.actor.id, OrdersLabels.created_at > ctx.now() - LABELS_LIVE)
    )
    batches = list(mine.order_by(OrdersLabels.id.desc()).limit(20))
    asked = query.get("batch", "")
    batch = next((one for one in batches if str(one.id) == asked), None)
    if batch is None:
        return {"english": english, "batches": _batches(ctx, batches), "labels": None}
    orders = OrdersOrder.scoped(ctx).select().where(OrdersOrder.id.in_([UUID(one) for one in batch.orders]))
    found = {order.id: order for order in orders}
    lines = _lines(ctx, list(found.values()))
    labels = []
    for one in batch.orders:
        order = found.get(UUID(one))
        address = address_of(ctx, order) if order is not None else None
        if order is not None and address is not None and lines[order.id]:
            goods = [(line.title, left(line)) for line in lines[order.id]]
            labels.append({"number": order.number, "address": address, "lines": goods, "note": order.note})
    return {"english": english, "batches": _batches(ctx, batches), "labels": labels}


def reveal(ctx: Context, order_id: UUID, reason: str) -> AddressIn:
    """Return where an order goes, in full; audited. Raises NotFound."""
    order = OrdersOrder.scoped(ctx).get(OrdersOrder.id == order_id)
    ctx.require_venue(order.venue, "order", "该订单")
    address = address_of(ctx, order)
    if address is None:
        raise NotFound("this order has no address", "该订单没有收货地址")
    ctx.audit("orders.address_revealed", str(order_id), {"reason": reason})
    return address


def masked(address: AddressIn | None) -> str:
    """Return whom an order goes to, masked."""
    if address is None:
        return ""
    return f"{address.name[:1]}** {address.phone[:3]}****{address.phone[-4:]} {address.province}{address.city}"
