"""Hook calls turned into service calls."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from plugins.purchases import api, conditions, console, keeping
from plugins.purchases.schemas import PurchaseSettings
from roost import ConditionKind, Context, Endpoints, Panel, Resource, hookimpl


@hookimpl
def register_settings() -> type[BaseModel]:
    """Return how purchases earn."""
    return PurchaseSettings


@hookimpl
def register_routes() -> Sequence[Endpoints]:
    """Return the endpoints."""
    return (api.member, api.staff)


@hookimpl
def register_resources() -> Sequence[Resource]:
    """Return the console's list of purchases."""
    return (console.purchases,)


@hookimpl
def register_panels() -> Sequence[Panel]:
    """Return today's figures."""
    return (console.today,)


@hookimpl
def register_conditions() -> Sequence[ConditionKind]:
    """Return the questions about purchases that a rule may ask."""
    return conditions.KINDS


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
