"""Send, hand over, take that back within minutes, receive: how units leave, all at once or in part."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from plugins.orders import states
from plugins.orders.models import OrdersHandover, OrdersOrder
from plugins.orders.paying import settling
from plugins.orders.placing.drafts import left, lines_of
from plugins.orders.schemas import OrdersSettings
from plugins.orders.staff_schemas import ExtendIn
from roost import Conflict, Context, Invalid, NotFound, tenants

MOST_AT_ONCE = 500
DELIVERED = ("shipped", "picked_up", "part_refunded")
Kind = Literal["ship", "pickup"]


def ship(
    ctx: Context, order_id: UUID, *, carrier: str, tracking: str, lines: Mapping[UUID, int] | None = None
) -> OrdersHandover:
    """Send units of an order, or all that are left to send. Raises Conflict where nothing is."""
    return _hand(ctx, states.lock(ctx, order_id), "ship", lines, carrier=carrier, tracking=tracking)


def find(ctx: Context, code: str) -> OrdersOrder:
    """Return the order of a pick-up code, within the account's venues. Raises NotFound."""
    row = OrdersOrder.scoped(ctx).first(OrdersOrder.pickup_code == code.strip().upper())
    if row is None or not ctx.covers(row.venue):
        raise NotFound("no order of your venues has this code", "没有这个自提码", code="bad_pickup_code")
    return row  # type: ignore[no-any-return]  # peewee


def hand_over(ctx: Context, code: str, venue: UUID, lines: Mapping[UUID, int] | None = None) -> OrdersHandover:
    """Hand units over in a venue against the code; all that are left, or some.

    Raises NotFound for a code of no order, Conflict (`other_venue`, `pickup_over`) where it does not hold.
    """
    tenants.counter(ctx, venue)
    order = states.lock(ctx, find(ctx, code).id)
    if order.venue != venue:
        raise Conflict("this is to be picked up in another venue", "请到所选门店自提", code="other_venue")
    if order.pickup_until is not None and order.pickup_until <= ctx.now():
        raise Conflict("the days to pick it up are over", "已超过自提期限", code="pickup_over")
    return _hand(ctx, order, "pickup", lines, venue=venue)


def _hand(
    ctx: Context, order: OrdersOrder, kind: Kind, lines: Mapping[UUID, int] | None, **values: Any
) -> OrdersHandover:
    waiting = {line.id: line for line in lines_of(ctx, order.id) if line.fulfilment == kind and left(line)}
    if order.state not in states.TO_DELIVER or not waiting:
        raise states.illegal(order, "shipped" if kind == "ship" else "picked_up")
    chosen = dict(lines) if lines else {line: left(row) for line, row in waiting.items()}
    for line, quantity in chosen.items():
        if line not in waiting or not 1 <= quantity <= left(waiting[line]):
            raise Invalid(
                f"{left(waiting[line]) if line in waiting else 0} units of this line are left, not {quantity}",
                "数量有误",
                code="bad_units",
                fields=[{"path": "body.lines", "message": "not so many units are left"}],
            )
        states.put(ctx, waiting[line], delivered=waiting[line].delivered + quantity)
    count = sum(chosen.values())
    to_ship = order.to_ship - (count if kind == "ship" else 0)
    to_hand = order.to_hand - (count if kind == "pickup" else 0)
    units = {waiting[line]: quantity for line, quantity in chosen.items()}
    made = settling.handed_out(ctx, order, kind, units, whole=to_ship + to_hand == 0, staff=ctx.actor.id, **values)
    _go_on(ctx, order, to_ship, to_hand)
    return made


def _go_on(ctx: Context, order: OrdersOrder, to_ship: int, to_hand: int) -> None:
    if to_ship + to_hand:
        states.put(ctx, order, to_ship=to_ship, to_hand=to_hand)
        if order.state == "fulfilling" and not to_ship:
            states.move(ctx, order, "ready")
        return
    sent = (
        OrdersHandover.scoped(ctx)
        .select()
        .where(OrdersHandover.order == order.id, OrdersHandover.kind == "ship", OrdersHandover.undone_at.is_null())
    )
    to: states.State = "shipped" if sent.count() else "picked_up"
    states.move(ctx, order, to, to_ship=0, to_hand=0, delivered_at=ctx.now())


def undo(ctx: Context, handover_id: UUID) -> OrdersHandover:
    """Take a hand-over in a venue back, within the minutes of the settings. Raises Conflict when it is too late."""
    order, row = states.lock_with(ctx, OrdersHandover, OrdersHandover.id == handover_id)
    ctx.require_venue(row.venue, "hand-over", "该核销记录")
    minutes = ctx.settings(OrdersSettings).undo_minutes
    if row.kind != "pickup" or row.undone_at is not None:
        raise Conflict("only a hand-over that stands can be taken back", "该记录不能撤销", code="not_undoable")
    if row.handed_at + timedelta(minutes=minutes) < ctx.now():
        raise Conflict(f"the {minutes} minutes to undo are over", f"已超过 {minutes} 分钟，不能撤销", code="too_late")
    if order.state not in ("fulfilling", "ready", "shipped", "picked_up", "part_refunded"):
        raise states.illegal(order, "ready")
    lines = {line.id: line for line in lines_of(ctx, order.id)}
    count = 0
    for one in row.lines:
        line = lines[UUID(one["line"])]
        if line.refunded > line.quantity - one["quantity"]:
            raise Conflict("some of it was refunded since", "部分商品已退款，不能撤销", code="not_undoable")
        count += one["quantity"]
        states.put(ctx, line, delivered=line.delivered - one["quantity"])
    states.put(ctx, row, undone_at=ctx.now(), whole=False)
    if order.state in ("shipped", "picked_up"):
        states.move(ctx, order, "ready", delivered_at=None)
    states.put(ctx, order, to_hand=order.to_hand + count, delivered_at=None)
    return row  # type: ignore[no-any-return]  # of any table


def receive(ctx: Context, order: OrdersOrder) -> None:
    """End a locked order that has arrived. Raises Conflict while something is still to go out."""
    if order.to_ship + order.to_hand or order.state not in DELIVERED:
        raise states.illegal(order, "completed")
    states.move(ctx, order, "completed", ended_at=ctx.now())


def receive_due(ctx: Context) -> int:
    """End what was sent long enough ago, and what was handed over and can no longer be taken back."""
    settings, now = ctx.settings(OrdersSettings), ctx.now()
    waits: Sequence[tuple[str, timedelta]] = (
        ("shipped", timedelta(days=settings.received_days)),
        ("part_refunded", timedelta(days=settings.received_days)),
        ("picked_up", timedelta(minutes=settings.undo_minutes)),
    )
    ended = 0
    for state, wait in waits:
        due = (
            OrdersOrder.scoped(ctx)
            .select(OrdersOrder.id)
            .where(OrdersOrder.state == state, OrdersOrder.delivered_at <= now - wait, OrdersOrder.ended_at.is_null())
        )
        for row in list(due.order_by(OrdersOrder.delivered_at).limit(MOST_AT_ONCE)):
            order = states.lock(ctx, row.id)
            if order.state == state and order.to_ship + order.to_hand == 0 and order.delivered_at is not None:
                receive(ctx, order)
                ended += 1
    return ended


def extend_pickup(ctx: Context, order_id: UUID, body: ExtendIn) -> None:
    """Give a member more days to pick up. Raises Conflict when nothing waits."""
    order = states.lock(ctx, order_id)
    if not order.to_hand or order.pickup_until is None:
        raise states.illegal(order, "ready")
    states.put(ctx, order, pickup_until=max(order.pickup_until, ctx.now()) + timedelta(days=body.days))
