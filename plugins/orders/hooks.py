"""What orders answer, hear and declare."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from plugins.orders import api, console, earnings, jobs, notices, privacy, settlements, staff_api
from plugins.orders.hookspecs import OrderPaid, OrderRefunded
from plugins.orders.schemas import OrdersSettings
from roost import (
    Context,
    Endpoints,
    Job,
    Notice,
    Page,
    Panel,
    Resource,
    Schedule,
    Settlement,
    Veto,
    hookimpl,
)


@hookimpl
def register_settings() -> type[OrdersSettings]:
    """Declare the settings."""
    return OrdersSettings


@hookimpl
def register_routes() -> Sequence[Endpoints]:
    """Declare the endpoints."""
    return (api.member, staff_api.staff)


@hookimpl
def register_resources() -> Sequence[Resource]:
    """Declare what staff work with."""
    return console.RESOURCES


@hookimpl
def register_pages() -> Sequence[Page]:
    """Declare what is printed and counted."""
    return console.PAGES


@hookimpl
def register_panels() -> Sequence[Panel]:
    """Declare what waits for staff."""
    return (console.WAITING,)


@hookimpl
def register_jobs() -> Sequence[Job]:
    """Declare what asks providers."""
    return jobs.JOBS


@hookimpl
def register_schedules() -> Sequence[Schedule]:
    """Declare what runs by the clock."""
    return jobs.SCHEDULES


@hookimpl
def register_notices() -> Sequence[Notice]:
    """Declare what members are told."""
    return notices.NOTICES


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
    return console.counts(ctx, member)


@hookimpl
def erase_member(ctx: Context, member: UUID) -> None:
    """Forget a member's addresses."""
    privacy.erase(ctx, member)


@hookimpl
def merge_members(ctx: Context, member: UUID, merged: UUID) -> None:
    """Move the merged member's orders."""
    privacy.merge(ctx, member, merged)


@hookimpl
def export_member(ctx: Context, member: UUID) -> dict[str, Any]:
    """Give the member's orders."""
    return privacy.export(ctx, member)


@hookimpl
def purge_tenant(ctx: Context) -> None:
    """Delete all."""
    privacy.purge(ctx)
