"""What feedback answers and declares."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from plugins.feedback import api, console, jobs, notices, privacy, survey_console
from plugins.feedback.schemas import FeedbackSettings
from roost import Context, Endpoints, Job, Notice, Page, Panel, Resource, Schedule, hookimpl


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
    return (console.cases, survey_console.ROUNDS, survey_console.SURVEYS)


@hookimpl
def register_pages() -> Sequence[Page]:
    """Declare the page of averages."""
    return (survey_console.SATISFACTION,)


@hookimpl
def register_panels() -> Sequence[Panel]:
    """Declare the dashboard's figures."""
    return (console.WAITING, survey_console.PANEL)


@hookimpl
def register_jobs() -> Sequence[Job]:
    """Declare the chain that asks a round's members."""
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
def erase_member(ctx: Context, member: UUID) -> None:
    """Remove what the member wrote."""
    privacy.erase(ctx, member)


@hookimpl
def merge_members(ctx: Context, member: UUID, merged: UUID) -> None:
    """Move the merged member's cases and surveys."""
    privacy.merge(ctx, member, merged)


@hookimpl
def export_member(ctx: Context, member: UUID) -> dict[str, Any]:
    """Give the member's cases and surveys."""
    return privacy.export(ctx, member)


@hookimpl
def purge_tenant(ctx: Context) -> None:
    """Delete all of this tenant's feedback."""
    privacy.purge(ctx)
