"""Hook calls turned into service calls."""

from typing import Any
from uuid import UUID

from plugins.purchases import api, conditions, console, keeping
from plugins.purchases.schemas import PurchaseSettings
from roost import Context, Contribution, hookimpl


@hookimpl
def contribute() -> Contribution:
    """Return all that this plugin gives."""
    return Contribution(
        settings=PurchaseSettings,
        endpoints=(api.member, api.staff),
        resources=(console.purchases,),
        panels=(console.today,),
        conditions=conditions.KINDS,
    )


@hookimpl
def erase_member(ctx: Context, member: UUID) -> None:
    """Take the person out of their purchases."""
    keeping.forget(ctx, member)


@hookimpl
def merge_members(ctx: Context, member: UUID, merged: UUID) -> None:
    """Move the purchases."""
    keeping.move(ctx, member, merged)


@hookimpl
def export_member(ctx: Context, member: UUID) -> dict[str, Any] | None:
    """Return all purchases and refunds."""
    return keeping.export(ctx, member)


@hookimpl
def purge_tenant(ctx: Context) -> None:
    """Delete everything of the tenant."""
    keeping.purge(ctx)
