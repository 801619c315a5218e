"""What the SaaS link answers, hears and declares."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from integrations.qinniao import api, console, inbox, jobs, leads, privacy
from integrations.qinniao.schemas import QinniaoSettings
from roost import Callback, Context, Endpoints, Job, MemberRegistered, Panel, Resource, Schedule, hookimpl

FROM_THE_SAAS = "saas"  # the channel of people whom the SaaS brought: it knows them


@hookimpl
def register_settings() -> type[QinniaoSettings]:
    """Declare the settings."""
    return QinniaoSettings


@hookimpl
def register_routes() -> Sequence[Endpoints]:
    """Declare the staff API."""
    return (api.staff,)


@hookimpl
def register_callbacks() -> Sequence[Callback]:
    """Declare where the SaaS pushes to."""
    return (Callback(inbox.receive),)


@hookimpl
def register_resources() -> Sequence[Resource]:
    """Declare the desk's tables."""
    return (console.people, console.events, console.objects, console.lists, console.circuits, console.retries)


@hookimpl
def register_panels() -> Sequence[Panel]:
    """Declare the lag panel."""
    return (console.lag,)


@hookimpl
def register_jobs() -> Sequence[Job]:
    """Declare the jobs."""
    return jobs.JOBS


@hookimpl
def register_schedules() -> Sequence[Schedule]:
    """Declare what runs by the clock."""
    return jobs.SCHEDULES


@hookimpl
def member_registered(ctx: Context, fact: MemberRegistered) -> None:
    """Match the new person with the SaaS, or push them to it."""
    if fact.channel != FROM_THE_SAAS:
        leads.start(ctx, fact.member)


@hookimpl
def erase_member(ctx: Context, member: UUID) -> None:
    """Forget the member."""
    privacy.erase(ctx, member)


@hookimpl
def merge_members(ctx: Context, member: UUID, merged: UUID) -> None:
    """Move the merged member's records."""
    privacy.merge(ctx, member, merged)


@hookimpl
def export_member(ctx: Context, member: UUID) -> dict[str, Any] | None:
    """Give how the member stands with the SaaS."""
    return privacy.export(ctx, member)


@hookimpl
def purge_tenant(ctx: Context) -> None:
    """Delete everything of the tenant."""
    privacy.purge(ctx)
