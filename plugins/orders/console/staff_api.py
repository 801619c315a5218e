"""What staff need beside the console's resources: the pick-up counter, files of tracking numbers, one address."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from plugins.orders.fulfilment import delivery, picking, tracking
from plugins.orders.models import OrdersHandover, OrdersOrder
from plugins.orders.placing.drafts import lines_of
from plugins.orders.schemas import AddressIn, LineUnits, OrdersSettings
from plugins.orders.staff_schemas import CodeQuery, ImportRow, PickupIn, PickupOut, RevealIn, TrackingFile
from roost import Context, Endpoints

staff = Endpoints("staff")


def units(lines: Sequence[LineUnits]) -> dict[UUID, int]:
    found: dict[UUID, int] = {}
    for one in lines:
        found[one.line] = found.get(one.line, 0) + one.quantity
    return found


def _pickup(ctx: Context, order: OrdersOrder, handover: OrdersHandover | None = None) -> PickupOut:
    minutes = ctx.settings(OrdersSettings).undo_minutes
    lines: list[dict[str, Any]] = [
        {
            "line": str(line.id),
            "title": line.title,
            "quantity": line.quantity,
            "left": line.quantity - line.delivered - line.dropped,
        }
        for line in lines_of(ctx, order.id)
        if line.fulfilment == "pickup"
    ]
    stands = handover is not None and handover.undone_at is None
    return PickupOut(
        order=order.id,
        number=order.number,
        state=order.state,
        title=order.title,
        venue=order.venue,
        handover=handover.id if handover is not None else None,
        undo_until=handover.handed_at + timedelta(minutes=minutes) if handover is not None and stands else None,
        lines=lines,
    )


@staff.get("/pickup", permission="orders.handover")
def find_pickup(ctx: Context, query: CodeQuery) -> PickupOut:
    """Show what is to be handed over against a code."""
    return _pickup(ctx, delivery.find(ctx, query.code))


@staff.post("/pickup", permission="orders.handover", idempotent=True)
def hand_over(ctx: Context, body: PickupIn) -> PickupOut:
    """Hand over against a code: all that is left, or some units; it can be undone for some minutes."""
    made = delivery.hand_over(ctx, body.code, body.venue, units(body.lines) or None)
    return _pickup(ctx, OrdersOrder.scoped(ctx).get(OrdersOrder.id == made.order), made)


@staff.post("/pickup/{handover_id}/undo", permission="orders.handover", idempotent=True)
def undo_pickup(ctx: Context, handover_id: UUID) -> PickupOut:
    """Take a hand-over back, within its minutes."""
    made = delivery.undo(ctx, handover_id)
    ctx.audit("orders.handover_undone", str(handover_id))
    return _pickup(ctx, OrdersOrder.scoped(ctx).get(OrdersOrder.id == made.order), made)


@staff.post("/tracking-file", permission="orders.ship", idempotent=True)
def import_tracking(ctx: Context, body: TrackingFile) -> ImportRow:
    """Take in a file of tracking numbers; bad rows are told with their reasons, the others go out."""
    return ImportRow.model_validate(tracking.import_file(ctx, body))


@staff.post("/orders/{row_id}/address", permission="orders.labels")
def reveal_address(ctx: Context, row_id: UUID, body: RevealIn) -> AddressIn:
    """Show where an order goes, in full; the reason is kept."""
    return picking.reveal(ctx, row_id, body.reason)
