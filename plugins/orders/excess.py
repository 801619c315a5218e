"""Give back money that is not wanted: it came after the order was closed, twice, or for an order that then ended."""

from plugins.orders import parts, tenders
from plugins.orders.models import OrdersOrder, OrdersRefund, OrdersTender
from roost import Context, Text, new_id


def give_back(ctx: Context, order: OrdersOrder, tender: OrdersTender, fen: int) -> None:
    """Set `fen` of a paid tender going back by itself; the order's own sums never see it."""
    if fen < tender.fen:
        tenders.put(ctx, tender, fen=tender.fen - fen)
        tender = OrdersTender.scoped(ctx).create(
            id=new_id(),
            order=order.id,
            kind=tender.kind,
            state="excess",
            fen=fen,
            charge=tender.charge,
            venue=tender.venue,
            staff=tender.staff,
            created_at=ctx.now(),
        )
    else:
        tenders.put(ctx, tender, state="excess")
    refund: OrdersRefund = OrdersRefund.scoped(ctx).create(
        key=f"late:{tender.id}",
        order=order.id,
        member=order.member,
        venue=order.venue or tender.venue,
        state="running",
        source="late",
        fen=fen,
        reason=Text(zh="付款时订单已关闭或已付款", en="paid too late or twice"),
        created_at=ctx.now(),
        decided_at=ctx.now(),
    )
    parts.add(ctx, refund, tender, fen, 0)
    parts.finish(ctx, order, refund)
