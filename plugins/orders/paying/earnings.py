"""Money that was paid counts as a purchase and earns as one; money that goes back takes that back.

Facts come late and in any order, so both handlers bring the purchase to what the order is now.
"""

from collections.abc import Sequence
from uuid import UUID

from plugins import purchases
from plugins.orders import states
from plugins.orders.models import OrdersRefund, OrdersRefundPart, OrdersTender
from plugins.orders.paying import tenders
from plugins.orders.placing.drafts import lines_of
from plugins.orders.refunding import parts
from plugins.orders.schemas import OrdersSettings
from roost import Conflict, Context, KeyReused

SOURCE = "orders"


def sync(ctx: Context, order_id: UUID) -> None:
    """Record an order's purchase where it has none, and each of its finished refunds that is not registered yet.

    Points that paid for money do not count: nobody earns points by spending them.
    """
    order = states.lock(ctx, order_id)
    known = purchases.find(ctx, SOURCE, order.number)
    if known is None:
        fen = _money(tenders.of_order(ctx, order.id, "paid"))
        if not fen or order.paid_at is None or not ctx.settings(OrdersSettings).earns:
            return
        known, _ = purchases.record(
            ctx,
            purchases.NewPurchase(
                source=SOURCE,
                source_key=order.number,
                amount_fen=fen,
                occurred_at=order.paid_at,
                member=order.member,
                venue=order.venue,
                items=sum(line.quantity for line in lines_of(ctx, order.id)),
                scope="brand",
            ),
        )
    for refund in _done(ctx, order.id):
        fen = _money(parts.of_refund(ctx, refund.id))
        if fen:
            _take_back(ctx, known.id, refund, fen)


def _take_back(ctx: Context, purchase: UUID, refund: OrdersRefund, fen: int) -> None:
    """Register a refund, with the same amount whenever it is asked; as far as staff have not done so themselves."""
    key, reason = str(refund.id), "order refunded"
    try:
        purchases.refund(ctx, purchase, fen, source_key=key, reason=reason)
    except KeyReused:
        return  # registered before, with what was left then
    except Conflict as ex:
        if ex.details["left_fen"]:
            purchases.refund(ctx, purchase, source_key=key, reason=reason)


def _done(ctx: Context, order: UUID) -> list[OrdersRefund]:
    query = (
        OrdersRefund.scoped(ctx)
        .select()
        .where(OrdersRefund.order == order, OrdersRefund.state == "done", OrdersRefund.source != "late")
    )
    return list(query.order_by(OrdersRefund.id))


def _money(rows: Sequence[OrdersTender] | Sequence[OrdersRefundPart]) -> int:
    return sum(row.fen for row in rows if row.kind != "points")
