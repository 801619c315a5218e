"""What orders answer, hear and declare."""

from typing import Any
from uuid import UUID

from plugins.orders import api, jobs, notices, privacy
from plugins.orders.console import overview, staff_api
from plugins.orders.hookspecs import OrderPaid, OrderRefunded
from plugins.orders.paying import earnings, settlements
from plugins.orders.schemas import OrdersSettings
from roost import Context, Contribution, Settlement, Veto, hookimpl


@hookimpl
def contribute() -> Contribution:
    return Contribution(
        settings=OrdersSettings,
        endpoints=(api.member, staff_api.staff),
        resources=overview.RESOURCES,
        pages=overview.PAGES,
        panels=(overview.WAITING,),
        jobs=jobs.JOBS,
        schedules=jobs.SCHEDULES,
        notices=notices.NOTICES,
    )


@hookimpl
def payment_settled(ctx: Context, settlement: Settlement) -> bool | None:
    """Book what a provider says of our charges and refunds."""
    return settlements.settle(ctx, settlement)


@hookimpl
def order_paid(ctx: Context, fact: OrderPaid) -> None:
    """Count the money as a purchase."""
    earnings.sync(ctx, fact.order)


@hookimpl
def order_refunded(ctx: Context, fact: OrderRefunded) -> None:
    """Take back what the money had earned."""
    earnings.sync(ctx, fact.order)


@hookimpl
def may_switch_off(ctx: Context) -> Veto | None:
    """Refuse while money or goods are in flight."""
    return privacy.may_switch_off(ctx)


@hookimpl
def member_summary(ctx: Context, member: UUID) -> dict[str, Any]:
    """Show how many orders wait for the member, and for us."""
    return overview.counts(ctx, member)


@hookimpl
def erase_member(ctx: Context, member: UUID) -> None:
    """Close what is unpaid; refuse while something is owed."""
    privacy.erase(ctx, member)


@hookimpl
def merge_members(ctx: Context, member: UUID, merged: UUID) -> None:
    """Leave one default address."""
    privacy.merge(ctx, member, merged)


@hookimpl
def export_member(ctx: Context, member: UUID) -> dict[str, Any]:
    """Give the member's orders and addresses."""
    return privacy.export(ctx, member)
