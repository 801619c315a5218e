"""What media answers, hears and declares."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from plugins.media import api, console, jobs, moderation, notices, privacy
from plugins.media.schemas import MediaSettings
from roost import Context, Endpoints, Job, Notice, Page, Panel, Resource, Schedule, Verdict, Veto, hookimpl


@hookimpl
def register_settings() -> type[MediaSettings]:
    """Declare the settings."""
    return MediaSettings


@hookimpl
def register_routes() -> Sequence[Endpoints]:
    """Declare the API of members and of staff who upload."""
    return (api.member, api.staff)


@hookimpl
def register_resources() -> Sequence[Resource]:
    """Declare the console's tables."""
    return (console.items, console.reports)


@hookimpl
def register_pages() -> Sequence[Page]:
    """Declare the queue."""
    return (console.queue,)


@hookimpl
def register_panels() -> Sequence[Panel]:
    """Declare the dashboard's figure."""
    return (console.panel,)


@hookimpl
def register_jobs() -> Sequence[Job]:
    """Declare the jobs."""
    return jobs.JOBS


@hookimpl
def register_schedules() -> Sequence[Schedule]:
    """Declare the sweep."""
    return jobs.SCHEDULES


@hookimpl
def register_notices() -> Sequence[Notice]:
    """Declare what members are told of."""
    return (notices.rejected,)


@hookimpl
def content_judged(ctx: Context, check: str, trace: str, verdict: Verdict) -> bool | None:
    """Act on a verdict that came later."""
    return moderation.heard(ctx, check, trace, verdict)


@hookimpl
def may_switch_off(ctx: Context) -> Veto | None:
    """Refuse while uploads are at work or files wait to be deleted."""
    return privacy.may_switch_off(ctx)


@hookimpl
def erase_member(ctx: Context, member: UUID) -> None:
    """Delete what the member uploaded."""
    privacy.erase(ctx, member)


@hookimpl
def merge_members(ctx: Context, member: UUID, merged: UUID) -> None:
    """Move the merged member's items."""
    privacy.merge(ctx, member, merged)


@hookimpl
def export_member(ctx: Context, member: UUID) -> dict[str, Any]:
    """Give the member's items."""
    return privacy.export(ctx, member)


@hookimpl
def purge_tenant(ctx: Context) -> None:
    """Delete all of this tenant's media."""
    privacy.purge(ctx)
