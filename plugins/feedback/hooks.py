"""What feedback answers and declares."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from plugins.feedback import api, console, jobs, privacy
from plugins.feedback.schemas import FeedbackSettings
from roost import Context, Endpoints, Resource, Schedule, hookimpl


@hookimpl
def register_settings() -> type[FeedbackSettings]:
    """Declare the settings."""
    return FeedbackSettings


@hookimpl
def register_routes() -> Sequence[Endpoints]:
    """Declare the member API."""
    return (api.member,)


@hookimpl
def register_resources() -> Sequence[Resource]:
    """Declare the console's tables."""
    return (console.cases,)


@hookimpl
def register_schedules() -> Sequence[Schedule]:
    """Declare what runs by the clock."""
    return jobs.SCHEDULES


@hookimpl
def erase_member(ctx: Context, member: UUID) -> None:
    """Remove what the member wrote."""
    privacy.erase(ctx, member)


@hookimpl
def merge_members(ctx: Context, member: UUID, merged: UUID) -> None:
    """Move the merged member's cases."""
    privacy.merge(ctx, member, merged)


@hookimpl
def export_member(ctx: Context, member: UUID) -> dict[str, Any]:
    """Give the member's cases."""
    return privacy.export(ctx, member)
