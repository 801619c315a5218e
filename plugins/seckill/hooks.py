"""What flash sales answer and declare."""

from datetime import datetime
from uuid import UUID

from plugins import orders
from plugins.seckill import api, console, hearing, jobs, notices, privacy
from plugins.seckill.schemas import SeckillSettings
from roost import Context, Contribution, Veto, hookimpl


@hookimpl
def contribute() -> Contribution:
    return Contribution(
        settings=SeckillSettings,
        endpoints=(api.member,),
        resources=console.RESOURCES,
        jobs=jobs.JOBS,
        schedules=jobs.SCHEDULES,
        notices=notices.NOTICES,
    )


@hookimpl
def order_paid(ctx: Context, fact: orders.OrderPaid) -> None:
    """Win what was paid for."""
    hearing.paid(ctx, fact)


@hookimpl
def order_closed(ctx: Context, fact: orders.OrderClosed) -> None:
    """Give back what nobody paid for."""
    hearing.closed(ctx, fact)


@hookimpl
def order_fulfilled(ctx: Context, fact: orders.OrderFulfilled) -> None:
    """Note what was sent."""
    hearing.fulfilled(ctx, fact)


@hookimpl
def order_refunded(ctx: Context, fact: orders.OrderRefunded) -> None:
    """End what was paid back."""
    hearing.refunded(ctx, fact)


@hookimpl
def may_return_order(ctx: Context, order: UUID, owner: str) -> Veto | None:
    """Refuse to take back a voucher that was used."""
    return hearing.may_return(ctx, owner, order)


@hookimpl
def order_refundable_until(ctx: Context, order: UUID, owner: str) -> datetime | None:
    """Let a refund of a voucher be asked for as long as it is valid."""
    return hearing.refundable_until(ctx, owner, order)


@hookimpl
def may_switch_off(ctx: Context) -> Veto | None:
    """Refuse while claims hold stock or points, or wait to be used."""
    return privacy.may_switch_off(ctx)


@hookimpl
def erase_member(ctx: Context, member: UUID) -> None:
    """Give back what the member holds."""
    privacy.erase(ctx, member)
