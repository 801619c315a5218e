"""Which of our facts a member is told of, and in which words."""

from plugins.orders.hookspecs import (
    OrderClosed,
    OrderFact,
    OrderFulfilled,
    OrderPaid,
    OrderPaymentReturned,
    OrderRefunded,
)
from plugins.orders.models import OrdersHandover, OrdersOrder
from roost import Context, Notice, Text, Told

PAGE = "pages/orders/detail?id={order}"


def yuan(fen: int) -> str:
    """Return fen as yuan with two places."""
    return f"{fen // 100}.{fen % 100:02d}"


def _told(ctx: Context, fact: OrderFact, **more: str) -> Told | None:
    order = OrdersOrder.scoped(ctx).first(OrdersOrder.id == fact.order)
    if order is None:
        return None
    code = f"，自提码 {order.pickup_code}" if order.pickup_code else ""
    return Told(
        order.member, {"order": str(order.id), "number": order.number, "title": order.title, "code": code, **more}
    )


def _paid(ctx: Context, fact: OrderPaid) -> Told | None:
    price = f"¥{yuan(fact.money_fen)}" if fact.money_fen else f"{fact.points} 积分"
    return _told(ctx, fact, price=price)


def _fulfilled(ctx: Context, fact: OrderFulfilled) -> Told | None:
    if fact.kind != "ship":  # who picks it up, or gets it at once, knows
        return None
    parcel = OrdersHandover.scoped(ctx).first(OrdersHandover.id == fact.handover)
    return None if parcel is None else _told(ctx, fact, carrier=parcel.carrier, tracking=parcel.tracking)


def _refunded(ctx: Context, fact: OrderRefunded) -> Told | None:
    parts = [f"¥{yuan(fact.fen)}"] * bool(fact.fen) + [f"{fact.points} 积分"] * bool(fact.points)
    return _told(ctx, fact, amount=" + ".join(parts) or "¥0.00")


def _closed(ctx: Context, fact: OrderClosed) -> Told | None:
    return _told(ctx, fact) if fact.why != "cancelled" else None  # who cancelled it knows


def _returned(ctx: Context, fact: OrderPaymentReturned) -> Told | None:
    return _told(ctx, fact, amount=f"¥{yuan(fact.fen)}")


NOTICES = (
    Notice(
        "order_paid",
        Text("支付成功", "Order paid"),
        _paid,
        Text("您的订单“{title}”已支付 {price}{code}。", "Your order “{title}” is paid: {price}{code}."),
        link=PAGE,
    ),
    Notice(
        "order_fulfilled",
        Text("订单发货", "Order shipped"),
        _fulfilled,
        Text(
            "您的订单“{title}”已由{carrier}发出，运单号 {tracking}。",
            "Your order “{title}” is on its way with {carrier}: {tracking}.",
        ),
        link=PAGE,
    ),
    Notice(
        "order_refunded",
        Text("退款成功", "Refunded"),
        _refunded,
        Text("您的订单“{title}”已退款 {amount}。", "{amount} of your order “{title}” went back to you."),
        link=PAGE,
    ),
    Notice(
        "order_closed",
        Text("订单关闭", "Order closed"),
        _closed,
        Text(
            "您的订单“{title}”未在规定时间内付款，已关闭。", "Your order “{title}” was not paid in time and is closed."
        ),
        link=PAGE,
    ),
    Notice(
        "order_payment_returned",
        Text("付款已退回", "Payment returned"),
        _returned,
        Text(
            "您为订单“{title}”支付的 {amount} 因订单已关闭或重复支付，已原路退回。",
            "{amount} paid for the order “{title}” came too late or twice and went back to you.",
        ),
        link=PAGE,
    ),
)
