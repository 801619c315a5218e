"""Book what pays an order, exactly once, and end an order that nobody can pay any more.

Everything here works on an order that the caller has locked, so it does not matter who comes first: the provider's
callback, our own question, the member's second tap, or the deadline. Money that comes when it is not wanted any more
goes back by itself.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from plugins.orders import states
from plugins.orders.hookspecs import OrderClosed, OrderFulfilled, OrderPaid, Units
from plugins.orders.models import OrdersCharge, OrdersHandover, OrdersLine, OrdersOrder
from plugins.orders.paying import excess, tenders
from plugins.orders.placing.drafts import lines_of
from plugins.orders.references import ChargeRef
from plugins.orders.schemas import Fulfilment, OrdersSettings
from roost import Context

CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that look alike
CODE_LENGTH = 10
ALIVE = ("starting", "open")


def charges_of(ctx: Context, order: UUID, states: Sequence[str] = ALIVE) -> list[OrdersCharge]:
    """Return an order's charges of some states, oldest first."""
    query = OrdersCharge.scoped(ctx).select().where(OrdersCharge.order == order, OrdersCharge.state.in_(states))
    return list(query.order_by(OrdersCharge.id))


def ask_to_close(ctx: Context, charges: Sequence[OrdersCharge]) -> None:
    """Have the providers close charges; a job each asks until there is an answer."""
    for charge in charges:
        ctx.enqueue("orders.close_charge", ChargeRef(charge=charge.id), dedupe=f"close:{charge.id}")


# --- money came ------------------------------------------------------------------------------------------------------


def book_paid(ctx: Context, number: str, fen: int, transaction: str = "") -> None:
    """Book that a charge was paid, once; `fen` 0: what was asked for."""
    order, charge = states.lock_with(ctx, OrdersCharge, OrdersCharge.number == number)
    if charge.state == "paid":
        return
    fen = fen or charge.fen
    states.put(ctx, charge, state="paid", transaction=transaction[:64], settled_at=ctx.now())
    tender = tenders.add(ctx, order, charge.method, "paid", fen, charge=number)
    if order.state not in states.UNPAID:
        excess.give_back(ctx, order, tender, fen)
    elif not settle(ctx, order) and order.state == "closing" and not charges_of(ctx, order.id):
        _closed(ctx, order)  # it was the last that the close waited for, and is not enough


def settle(ctx: Context, order: OrdersOrder) -> bool:
    """Finish a locked, unpaid order when all of its price is held or paid; return whether it is paid now.

    More than the price: own means give way first, then the newest money from outside goes back.
    """
    booked = tenders.of_order(ctx, order.id, *tenders.BOOKED)
    over = sum(tender.fen for tender in booked) - order.money_fen
    if over < 0:
        if order.state == "placed":
            states.move(ctx, order, "paying")
        return False
    for tender in reversed(booked):
        if tender.state == "held":
            less = min(over, tender.fen)
            over -= less
            tenders.capture(ctx, tender, less_fen=less)
    for tender in reversed(booked):
        if over and tender.state == "paid" and tender.charge is not None:
            back = min(over, tender.fen)
            over -= back
            excess.give_back(ctx, order, tender, back)
    _paid(ctx, order)
    return True


def _paid(ctx: Context, order: OrdersOrder) -> None:
    states.move(
        ctx, order, "paid", paid_fen=order.money_fen, paid_points=order.points, paid_at=ctx.now(), closed_why=""
    )
    ask_to_close(ctx, charges_of(ctx, order.id))
    ctx.publish(OrderPaid.of(order, money_fen=order.money_fen, points=order.points, venue=order.venue))
    _begin_delivery(ctx, order)


def _begin_delivery(ctx: Context, order: OrdersOrder) -> None:
    """Say what is to go out, and by when; what is not handed to anybody is delivered by being paid."""
    lines, settings, now = lines_of(ctx, order.id), ctx.settings(OrdersSettings), ctx.now()
    units = {kind: sum(line.quantity for line in lines if line.fulfilment == kind) for kind in ("ship", "pickup")}
    unbodied = [line for line in lines if line.fulfilment == "none"]
    if unbodied:
        for line in unbodied:
            states.put(ctx, line, delivered=line.quantity)
        at_once = {line: line.quantity for line in unbodied}
        handed_out(ctx, order, "none", at_once, whole=not any(units.values()), venue=order.venue)
    if not any(units.values()):
        states.move(ctx, order, "completed", delivered_at=now, ended_at=now)
        return
    states.move(
        ctx,
        order,
        "fulfilling" if units["ship"] else "ready",
        to_ship=units["ship"],
        to_hand=units["pickup"],
        ship_by=working_day(ctx.today(), settings.ship_days) if units["ship"] else None,
        pickup_code="".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH)) if units["pickup"] else None,
        pickup_until=now + timedelta(days=settings.pickup_days) if units["pickup"] else None,
    )


def handed_out(
    ctx: Context, order: OrdersOrder, kind: Fulfilment, units: Mapping[OrdersLine, int], **values: Any
) -> OrdersHandover:
    """Write down units that leave an order, and tell it."""
    made: OrdersHandover = OrdersHandover.scoped(ctx).create(
        order=order.id,
        number=order.number,
        kind=kind,
        lines=[{"line": str(line.id), "quantity": quantity} for line, quantity in units.items()],
        handed_at=ctx.now(),
        **values,
    )
    fact = OrderFulfilled.of(
        order,
        handover=made.id,
        kind=kind,
        lines=tuple(Units(reference=line.reference, quantity=quantity) for line, quantity in units.items()),
        whole=made.whole,
        title=order.title,
        carrier=made.carrier,
        tracking=made.tracking,
        charges=tenders.charges_of(ctx, order.id),
    )
    ctx.publish(fact)
    return made


def working_day(day: date, days: int) -> date:
    """Return the date so many working days (Monday to Friday) after another."""
    while days:
        day += timedelta(days=1)
        days -= day.isoweekday() < 6
    return day


# --- nobody pays -----------------------------------------------------------------------------------------------------


def book_closed(ctx: Context, number: str) -> None:
    """Book that a provider confirmed a charge closed; an order that waited for the last of them ends."""
    order, charge = states.lock_with(ctx, OrdersCharge, OrdersCharge.number == number)
    if charge.state not in ALIVE:
        return
    states.put(ctx, charge, state="closed", settled_at=ctx.now())
    if order.state == "closing" and not charges_of(ctx, order.id):
        _closed(ctx, order)


def close(ctx: Context, order: OrdersOrder, why: str) -> None:
    """Begin to close a locked, unpaid order: at once when no provider can be paid, else once all have confirmed."""
    alive = charges_of(ctx, order.id)
    if alive:
        states.move(ctx, order, "closing", closed_why=why)
        ask_to_close(ctx, alive)
        return
    states.put(ctx, order, closed_why=why)
    _closed(ctx, order)


def _closed(ctx: Context, order: OrdersOrder) -> None:
    states.move(ctx, order, "closed", ended_at=ctx.now())
    for tender in tenders.of_order(ctx, order.id, *tenders.BOOKED):
        if tender.state == "held":
            tenders.release(ctx, tender)
        else:  # a part of the price had been paid
            excess.give_back(ctx, order, tender, tender.fen)
    ctx.publish(OrderClosed.of(order, why=order.closed_why))
