"""Give back money that is not wanted: it came after the order was closed, twice, or for an order that then ended."""

from plugins.orders import states
from plugins.orders.models import OrdersOrder, OrdersRefund, OrdersTender
from plugins.orders.paying import tenders
from plugins.orders.refunding import parts
from roost import Context, Text


def give_back(ctx: Context, order: OrdersOrder, tender: OrdersTender, fen: int) -> None:
    """Set `fen` of a paid tender going back by itself; the order's own sums never see it."""
    if fen < tender.fen:
        states.put(ctx, tender, fen=tender.fen - fen)
        same = {"charge": tender.charge, "venue": tender.venue, "staff": tender.staff}
        tender = tenders.add(ctx, order, tender.kind, "excess", fen, **same)
    else:
        states.put(ctx, tender, state="excess")
    refund: OrdersRefund = OrdersRefund.scoped(ctx).create(
        key=f"late:{tender.id}",
        order=order.id,
        member=order.member,
        venue=order.venue or tender.venue,
        state="running",
        source="late",
        fen=fen,
        reason=Text("付款时订单已关闭或已付款", "paid too late or twice"),
        created_at=ctx.now(),
        decided_at=ctx.now(),
    )
    parts.add(ctx, refund, tender, fen, 0)
    parts.finish(ctx, order, refund)
