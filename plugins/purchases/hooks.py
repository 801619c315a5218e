"""Hook calls turned into service calls."""

from typing import Any
from uuid import UUID

from plugins.purchases import api, conditions, console, keeping
from plugins.purchases.schemas import PurchaseSettings
from roost import Context, Contribution, hookimpl


@hookimpl
def contribute() -> Contribution:
    return Contribution(
        settings=PurchaseSettings,
        endpoints=(api.member, api.staff),
        resources=(console.purchases,),
        panels=(console.today,),
        conditions=conditions.KINDS,
    )


@hookimpl
def erase_member(ctx: Context, member: UUID) -> None:
    """Forget what was said of refunds."""
    keeping.forget(ctx, member)


@hookimpl
def export_member(ctx: Context, member: UUID) -> dict[str, Any] | None:
    """Give a member their purchases and refunds."""
    return keeping.export(ctx, member)
