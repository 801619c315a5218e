"""What other plugins and members do with an order once it is placed. The caller's transaction; the order's own lock."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from plugins.orders import hookspecs, states
from plugins.orders.models import OrdersOrder, OrdersRefund
from plugins.orders.paying import settling
from plugins.orders.placing.drafts import OrderView, view
from plugins.orders.placing.place import SLUG
from plugins.orders.references import OrderRef
from plugins.orders.refunding import refunds
from plugins.orders.schemas import OrdersSettings
from roost import Conflict, Context, Text, names_in


def get(ctx: Context, order: UUID) -> OrderView:
    """Return an order as it stands. Raises NotFound."""
    ctx = ctx.for_plugin(SLUG)
    return view(ctx, OrdersOrder.scoped(ctx).get(OrdersOrder.id == order))


def find(ctx: Context, reference: str) -> OrderView | None:
    """Return the calling plugin's order of a reference, or None."""
    row = OrdersOrder.scoped(ctx).first(OrdersOrder.owner == ctx.plugin, OrdersOrder.reference == reference)
    return view(ctx.for_plugin(SLUG), row) if row is not None else None


def cancel(ctx: Context, order: UUID, *, why: str = "cancelled") -> OrderView:
    """Close an unpaid order; what is closed or closing stays so.

    It is `closed` at once when nobody outside can be paid for it any more, else `closing` until the providers have
    confirmed that: `order_closed` tells, unless `order_paid` comes instead. Raises Conflict for a paid one.
    """
    ctx = ctx.for_plugin(SLUG)
    row = states.lock(ctx, order)
    if row.state not in ("closing", "closed"):
        if row.state not in states.UNPAID:
            raise states.illegal(row, "closed")
        settling.close(ctx, row, why)
    return view(ctx, row)


def refund(
    ctx: Context,
    order: UUID,
    *,
    key: str,
    reason: str,
    fen: int | None = None,
    points: int | None = None,
    lines: Mapping[UUID, int] | None = None,
) -> OrderView:
    """Pay back all that is left of an order, some units of its lines, or an amount; a known key changes nothing.

    It reverses what the order spent along its lots; `order_refunded` tells when all of it has gone back.
    Raises Conflict for an order that cannot be refunded now or for more than is left of it.
    """
    owner, ctx = ctx.plugin, ctx.for_plugin(SLUG)
    refunds.begin(ctx, order, key=f"{owner}:{key}", reason=reason, source="plugin", fen=fen, points=points, lines=lines)
    return get(ctx, order)


def expire(ctx: Context, payload: OrderRef) -> None:
    """Close an order whose time to pay is over; one that was paid or closed meanwhile stays as it is."""
    order = states.lock(ctx, payload.order)
    if order.state in ("placed", "paying") and order.deadline <= ctx.now():
        settling.close(ctx, order, "expired")


# --- members ---------------------------------------------------------------------------------------------------------


def cancel_own(ctx: Context, order: OrdersOrder) -> None:
    """Undo a member's own, locked order: close it unpaid, or pay it back before anything of it went out.

    Raises Conflict once something was delivered, and where its owner says that it may not go back.
    """
    if order.state in ("closing", "closed", "refunding", "refunded"):
        return
    if order.state in states.UNPAID:
        settling.close(ctx, order, "cancelled")
        return
    untouched = order.state in ("fulfilling", "ready") and order.delivered_at is None
    lines = view(ctx, order).lines
    if not order.cancellable or not untouched or any(line.delivered for line in lines):
        raise Conflict(
            "this order cannot be cancelled any more: ask for a refund",
            "订单已不能取消，请申请退款",
            code="not_cancellable",
            state=order.state,
        )
    _may_return(ctx, order)
    refunds.begin(ctx, order.id, key=f"cancel:{order.id}", reason=Text("会员取消", "cancelled"), source="member")


def request_refund(ctx: Context, order: OrdersOrder, reason: str, lines: list[tuple[UUID, int]]) -> OrdersRefund:
    """Put a member's wish for a refund of an own, locked order before staff.

    Raises Conflict when the days for it are over, and where the owner says that it may not go back.
    """
    if order.ended_at is not None and _refundable_until(ctx, order) < ctx.now():
        days = ctx.settings(OrdersSettings).faulty_days
        raise Conflict(
            f"a refund can be asked for within {days} days", f"收货 {days} 天后不能申请售后", code="too_late"
        )
    _may_return(ctx, order)
    return refunds.ask(ctx, order, reason, lines)


def _may_return(ctx: Context, order: OrdersOrder) -> None:
    ctx.check(hookspecs.may_return_order, order=order.id, owner=order.owner, reference=order.reference)


def _refundable_until(ctx: Context, order: OrdersOrder) -> datetime:
    """Return the end of the days in which a refund of an ended order can be asked for; its owner may give more."""
    assert order.ended_at is not None
    usual: datetime = order.ended_at + timedelta(days=ctx.settings(OrdersSettings).faulty_days)
    longer = ctx.first(hookspecs.order_refundable_until, order=order.id, owner=order.owner, reference=order.reference)
    return max(usual, longer) if longer is not None else usual


numbers = names_in(OrdersOrder, "number")
"""Return the numbers of orders by id: `numbers(ctx, ids)`, what staff read in their place."""
