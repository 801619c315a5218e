"""The member's own means: points and stored value, held while an order waits, spent when it is paid.

Order of locks: the order, then accounts. Every amount of money is in fen.
"""

from typing import Any
from uuid import UUID

from plugins.orders import states
from plugins.orders.models import OrdersOrder, OrdersTender
from plugins.orders.schemas import OrdersSettings
from roost import Conflict, Context, new_id, points

OWN = ("points", "stored_value")
COUNTER = ("cash", "card")
BOOKED = ("held", "paid")


def of_order(ctx: Context, order: UUID, *of_states: str) -> list[OrdersTender]:
    """Return an order's tenders in the order they came, of some states or of all."""
    query = OrdersTender.scoped(ctx).select().where(OrdersTender.order == order)
    if of_states:
        query = query.where(OrdersTender.state.in_(of_states))
    return list(query.order_by(OrdersTender.id))


def charges_of(ctx: Context, order: UUID) -> tuple[str, ...]:
    """Return the numbers of the charges that pay an order from outside."""
    return tuple(tender.charge for tender in of_order(ctx, order, "paid") if tender.charge)


def covered(ctx: Context, order: OrdersOrder) -> int:
    """Return how much of the money is held or paid."""
    return sum(tender.fen for tender in of_order(ctx, order.id, *BOOKED))


def worth(ctx: Context, amount: int) -> int:
    """Return how many fen some points pay."""
    rate = ctx.settings(OrdersSettings).points_per_yuan
    return amount * 100 // rate if rate else 0


def most_points_fen(ctx: Context, order: OrdersOrder) -> int:
    """Return how many fen of an order points may pay."""
    settings = ctx.settings(OrdersSettings)
    allowed = settings.points_per_yuan and (not order.tenders or "points" in order.tenders)
    return order.money_fen * settings.points_share // 100 if allowed else 0


def require_allowed(order: OrdersOrder, kind: str) -> None:
    """Raise Conflict (`tender_not_allowed`) for a means that this order does not take."""
    if order.tenders and kind not in order.tenders:
        raise Conflict(f"this order cannot be paid by {kind}", "该订单不支持此支付方式", code="tender_not_allowed")


def hold_price(ctx: Context, order: OrdersOrder) -> None:
    """Hold the part of the price that is in points. Raises InsufficientBalance."""
    _hold(ctx, order, "points", order.points, fen=0, points_held=order.points)


def choose(ctx: Context, order: OrdersOrder, *, stored_value_fen: int, points_for_money: int) -> None:
    """Hold what the member wants to pay of their own; what was chosen before is released.

    Raises InsufficientBalance, and Conflict for more than the order takes or needs.
    """
    for tender in of_order(ctx, order.id, "held"):
        if tender.fen:
            release(ctx, tender)
    if stored_value_fen:
        require_allowed(order, "stored_value")
        if not ctx.settings(OrdersSettings).stored_value:
            raise Conflict("stored value is not taken", "暂不支持储值支付", code="tender_not_allowed")
        _hold(ctx, order, "stored_value", stored_value_fen, fen=stored_value_fen)
    if points_for_money:
        fen, most = worth(ctx, points_for_money), most_points_fen(ctx, order)
        if not 0 < fen <= most:
            raise Conflict(
                f"points may pay at most {most} fen of this order, not {fen}",
                f"积分最多可抵扣 {most / 100:.2f} 元",
                code="too_many_points",
                most_fen=most,
            )
        _hold(ctx, order, "points", points_for_money, fen=fen, points_held=points_for_money)
    if covered(ctx, order) > order.money_fen:
        raise Conflict("that is more than is to be paid", "支付金额超过应付金额", code="too_much")


def _hold(ctx: Context, order: OrdersOrder, kind: str, amount: int, *, fen: int, points_held: int = 0) -> None:
    made = new_id()
    # A hold of an order ends with the order: only whoever closes it releases what it holds.
    held = points.hold(
        ctx, order.member, kind, amount, key=f"hold:{made}", deadline=order.deadline, reason=f"order {order.number}"
    )
    add(ctx, order, kind, "held", fen, id=made, points=points_held, hold=held.id)


def add(ctx: Context, order: OrdersOrder, kind: str, state: str, fen: int, **values: Any) -> OrdersTender:
    """Write down a means that pays, or paid, a part of an order."""
    made: OrdersTender = OrdersTender.scoped(ctx).create(
        order=order.id, kind=kind, state=state, fen=fen, created_at=ctx.now(), **values
    )
    return made


def release(ctx: Context, tender: OrdersTender) -> None:
    """Give back what a tender holds."""
    assert tender.hold is not None, "only what is held is released"
    points.release(ctx, tender.hold, key=f"release:{tender.id}")
    states.put(ctx, tender, state="released")


def capture(ctx: Context, tender: OrdersTender, *, less_fen: int = 0) -> None:
    """Spend what a tender holds, or `less_fen` fewer of it when others have paid more than was foreseen."""
    fen = tender.fen - less_fen
    if tender.fen and fen <= 0:
        release(ctx, tender)
        return
    values: dict[str, Any] = {"state": "paid", "fen": fen}
    amount = fen
    if tender.kind == "points":  # rounded up: what is left of a point pays nothing
        amount = -(-tender.points * fen // tender.fen) if tender.fen else tender.points
        values["points"] = amount
    assert tender.hold is not None, "only what is held is captured"
    done = points.capture(ctx, tender.hold, key=f"capture:{tender.id}", amount=amount)
    states.put(ctx, tender, operation=done.id, **values)
