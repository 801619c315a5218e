"""What runs by the clock and what asks providers. Money's jobs run also while the plugin is off."""

from datetime import timedelta

from plugins.orders import privacy, service
from plugins.orders.fulfilment import delivery
from plugins.orders.models import OrdersCharge, OrdersOrder, OrdersRefundPart
from plugins.orders.paying import charging, settling
from plugins.orders.references import ChargeRef, OrderRef, PartRef
from plugins.orders.refunding import outside
from roost import Context, Job, Schedule

STUCK = timedelta(minutes=90)  # longer than any pause between two tries
MOST_AT_ONCE = 500


def _tidy(ctx: Context, slot: str) -> None:
    delivery.receive_due(ctx)
    late = (
        OrdersOrder.scoped(ctx)
        .select(OrdersOrder.id)
        .where(OrdersOrder.state.in_(("placed", "paying")), OrdersOrder.deadline <= ctx.now())
    )
    for row in list(late.order_by(OrdersOrder.deadline).limit(MOST_AT_ONCE)):  # one by one: each locks its member's
        ctx.enqueue("orders.expire", OrderRef(order=row.id), dedupe=f"late:{row.id}:{slot}")


def _unstick(ctx: Context, slot: str) -> None:
    """Ask again what a job asked that has died since: an order is never left closing, a refund never forgotten."""
    before = ctx.now() - STUCK
    charges = (
        OrdersCharge.scoped(ctx)
        .select(OrdersCharge.id)
        .where(
            OrdersCharge.state.in_(settling.ALIVE),
            OrdersCharge.expires_at <= before,
            OrdersCharge.asked_at.is_null() | (OrdersCharge.asked_at <= before),
        )
    )
    for charge in list(charges.limit(MOST_AT_ONCE)):
        ctx.enqueue("orders.close_charge", ChargeRef(charge=charge.id), dedupe=f"close:{charge.id}:{slot}")
    parts = (
        OrdersRefundPart.scoped(ctx)
        .select(OrdersRefundPart.id, OrdersRefundPart.attempts, OrdersRefundPart.created_at)
        .where(
            OrdersRefundPart.state.in_(("pending", "accepted")),
            OrdersRefundPart.number.is_null(False),
            OrdersRefundPart.created_at <= before,
        )
    )
    for part in list(parts.order_by(OrdersRefundPart.attempts).limit(MOST_AT_ONCE)):
        # A job that lives has asked more often than once an hour: a second beside it would only ask as much again.
        if part.attempts < (ctx.now() - part.created_at) // timedelta(hours=1):
            ctx.enqueue("orders.refund_part", PartRef(part=part.id), dedupe=f"refund:{part.id}:{slot}")


JOBS = (
    Job("expire", OrderRef, service.expire, max_failures=50, when_off="run"),
    Job("close_charge", ChargeRef, charging.CloseCharge, max_failures=50, when_off="run"),
    Job("refund_part", PartRef, outside.RefundPart, max_failures=50, when_off="run"),
)
SCHEDULES = (
    Schedule("tidy", _tidy, every=timedelta(minutes=10)),
    Schedule("unstick", _unstick, every=timedelta(hours=1)),
    Schedule("forget_addresses", privacy.forget_addresses, daily="04:30"),
)
