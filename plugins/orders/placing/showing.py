"""An order as its member sees it."""

from uuid import UUID

from plugins.orders.models import OrdersHandover, OrdersOrder, OrdersRefund
from plugins.orders.paying import tenders
from plugins.orders.placing.drafts import view
from plugins.orders.placing.place import address_of
from plugins.orders.schemas import OrderOut, ParcelOut, RefundOut, TenderOut
from plugins.orders.states import UNPAID
from roost import Context, NotFound

COMPUTED = ("due_fen", "address", "lines", "tenders", "parcels", "refunds")
GROUPS = {
    "unpaid": UNPAID,
    "to_deliver": ("paid", "fulfilling", "ready"),
    "delivered": ("shipped", "picked_up"),
    "completed": ("completed",),
    "closed": ("closed",),
    "refunds": ("refunding", "part_refunded", "refunded"),
}


def mine(ctx: Context, order_id: UUID) -> OrdersOrder:
    """Return an order of the member who asks. Raises NotFound, for another member's too."""
    row: OrdersOrder | None = OrdersOrder.scoped(ctx).first(
        OrdersOrder.id == order_id, OrdersOrder.member == ctx.member
    )
    if row is None:
        raise NotFound("no such order", "找不到该订单")
    return row


def order_out(ctx: Context, row: OrdersOrder) -> OrderOut:
    """Return an order with all that belongs to it."""
    values = {name: getattr(row, name) for name in OrderOut.model_fields if name not in COMPUTED}
    handovers = (
        OrdersHandover.scoped(ctx)
        .select()
        .where(OrdersHandover.order == row.id, OrdersHandover.undone_at.is_null(), OrdersHandover.kind != "none")
    )
    refunds = OrdersRefund.scoped(ctx).select().where(OrdersRefund.order == row.id)
    booked = tenders.of_order(ctx, row.id, *tenders.BOOKED)
    return OrderOut(
        **values,
        due_fen=row.money_fen - sum(one.fen for one in booked) if row.state in UNPAID else 0,
        address=address_of(ctx, row),
        lines=list(view(ctx, row).lines),
        tenders=[TenderOut.model_validate(one) for one in booked],
        parcels=[ParcelOut.model_validate(one) for one in handovers.order_by(OrdersHandover.id)],
        refunds=[RefundOut.model_validate(one) for one in refunds.order_by(OrdersRefund.id)],
    )
