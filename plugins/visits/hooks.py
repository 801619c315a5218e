"""Hook calls turned into service calls."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from plugins.visits import api, console, jobs, keeping, silence
from plugins.visits.schemas import VisitSettings
from roost import (
    Context,
    Endpoints,
    Job,
    MemberConverted,
    MemberUpdated,
    Panel,
    Resource,
    Schedule,
    hookimpl,
)


@hookimpl
def register_settings() -> type[BaseModel]:
    """Return what a visit earns and when somebody is silent."""
    return VisitSettings


@hookimpl
def register_routes() -> Sequence[Endpoints]:
    """Return the endpoints."""
    return (api.member, api.staff)


@hookimpl
def register_resources() -> Sequence[Resource]:
    """Return the console's list of visits."""
    return (console.visits,)


@hookimpl
def register_panels() -> Sequence[Panel]:
    """Return today's figures."""
    return (console.today,)


@hookimpl
def register_jobs() -> Sequence[Job]:
    """Return the chains."""
    return jobs.JOBS


@hookimpl
def register_schedules() -> Sequence[Schedule]:
    """Return the nightly look."""
    return jobs.SCHEDULES


@hookimpl(origins=("live", "import"))
def member_converted(ctx: Context, fact: MemberConverted) -> None:
    """Count the silence from the membership's beginning."""
    silence.converted(ctx, fact)


@hookimpl(origins=("live", "import"))
def member_updated(ctx: Context, fact: MemberUpdated) -> None:
    """Count the silence anew after a freeze or a lapse."""
    silence.updated(ctx, fact)


@hookimpl
def erase_member(ctx: Context, member: UUID) -> None:
    """Delete the member's visits."""
    keeping.forget(ctx, member)


@hookimpl
def merge_members(ctx: Context, member: UUID, merged: UUID) -> None:
    """Move the visits."""
    keeping.move(ctx, member, merged)


@hookimpl
def export_member(ctx: Context, member: UUID) -> dict[str, Any] | None:
    """Return all visits."""
    return keeping.export(ctx, member)


@hookimpl
def purge_tenant(ctx: Context) -> None:
    """Delete everything of the tenant."""
    keeping.purge(ctx)
