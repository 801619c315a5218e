"""The parts of a refund: each goes back the way it came.

Points and stored value return to their lots at once. Money from outside is asked for by a job, again and again with the
same number. Cash and card wait in the queue until staff have paid them out. The caller has locked the order.
"""

from typing import Any
from uuid import UUID

from plugins.orders import states
from plugins.orders.hookspecs import OrderPaymentReturned, OrderRefunded, OrderRefundFailed, Units
from plugins.orders.models import OrdersInvoice, OrdersOrder, OrdersRefund, OrdersRefundPart, OrdersTender
from plugins.orders.paying import tenders
from plugins.orders.placing.drafts import lines_of
from plugins.orders.references import PartRef
from plugins.orders.schemas import OrdersSettings
from roost import Context, new_id, points

REASON = "order refund"


def of_refund(ctx: Context, refund: UUID) -> list[OrdersRefundPart]:
    query = OrdersRefundPart.scoped(ctx).select().where(OrdersRefundPart.refund == refund)
    return list(query.order_by(OrdersRefundPart.id))


def add(ctx: Context, refund: OrdersRefund, tender: OrdersTender, fen: int, points_back: int) -> OrdersRefundPart:
    """Add what one tender gives back, take it off the tender, and set it going."""
    outside = tender.kind not in (*tenders.OWN, *tenders.COUNTER)
    part: OrdersRefundPart = OrdersRefundPart.scoped(ctx).create(
        refund=refund.id,
        tender=tender.id,
        kind=tender.kind,
        fen=fen,
        points=points_back,
        state="pending",
        number=new_id().hex if outside else None,
        charge=tender.charge,
        created_at=ctx.now(),
    )
    back = {"refunded_fen": tender.refunded_fen + fen, "refunded_points": tender.refunded_points + points_back}
    states.put(ctx, tender, **back)
    if outside:
        ctx.enqueue("orders.refund_part", PartRef(part=part.id), dedupe=f"refund:{part.id}")
    elif tender.kind in tenders.OWN:
        _reverse(ctx, part, tender)
    return part


def _reverse(ctx: Context, part: OrdersRefundPart, tender: OrdersTender) -> None:
    amount = part.points if tender.kind == "points" else part.fen
    values: dict[str, Any] = {}
    if amount:
        assert tender.operation is not None, "what was paid was captured"
        days = ctx.settings(OrdersSettings).points_grace_days
        done = points.reverse(
            ctx, tender.operation, key=f"refund:{part.id}", amount=amount, reason=REASON, grace_days=days
        )
        values["operation"] = done.operation.id
    states.put(ctx, part, state="done", done_at=ctx.now(), **values)


def done(ctx: Context, order: OrdersOrder, part: OrdersRefundPart, detail: str = "") -> None:
    """Book that a part has gone back; the last one ends the refund. What is done already stays so."""
    if part.state == "done":
        return
    states.put(ctx, part, state="done", done_at=ctx.now(), detail=detail[:200])
    refund = OrdersRefund.scoped(ctx).get(OrdersRefund.id == part.refund)
    if refund.state == "failed" and not any(one.state == "failed" for one in of_refund(ctx, refund.id)):
        states.put(ctx, refund, state="running")
    finish(ctx, order, refund)


def failed(ctx: Context, order: OrdersOrder, part: OrdersRefundPart, detail: str) -> None:
    """Book that a provider will not pay a part back; staff are to see to it."""
    if part.state in ("done", "failed"):
        return
    states.put(ctx, part, state="failed", detail=detail[:200])
    refund = OrdersRefund.scoped(ctx).get(OrdersRefund.id == part.refund)
    if refund.state == "failed":
        return
    states.put(ctx, refund, state="failed")
    ctx.publish(OrderRefundFailed.of(order, refund=refund.id, fen=refund.fen))


def finish(ctx: Context, order: OrdersOrder, refund: OrdersRefund) -> None:
    """End a running refund once all of its parts are done, and tell it."""
    if refund.state != "running" or any(part.state != "done" for part in of_refund(ctx, refund.id)):
        return
    states.put(ctx, refund, state="done", ended_at=ctx.now())
    if refund.source == "late":
        ctx.publish(OrderPaymentReturned.of(order, refund=refund.id, fen=refund.fen))
        return
    whole = order.refunded_fen == order.paid_fen and order.refunded_points == order.paid_points
    if whole:
        states.move(ctx, order, "refunded", ended_at=ctx.now())
    else:
        states.move(ctx, order, "part_refunded")
    OrdersInvoice.scoped(ctx).update(state="void_due").where(
        OrdersInvoice.order == order.id, OrdersInvoice.state == "issued"
    ).execute()
    if whole:
        OrdersInvoice.scoped(ctx).update(state="withdrawn", ended_at=ctx.now()).where(
            OrdersInvoice.order == order.id, OrdersInvoice.state == "requested"
        ).execute()
    names = {str(line.id): line.reference for line in lines_of(ctx, order.id)}
    units = tuple(Units(reference=names[one["line"]], quantity=one["quantity"]) for one in refund.lines)
    ctx.publish(
        OrderRefunded.of(order, refund=refund.id, fen=refund.fen, points=refund.points, lines=units, whole=whole)
    )
