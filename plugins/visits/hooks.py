"""Hook calls turned into service calls."""

from typing import Any
from uuid import UUID

from plugins.visits import api, console, jobs, keeping, silence
from plugins.visits.schemas import VisitSettings
from roost import (
    Context,
    Contribution,
    MemberConverted,
    MemberUpdated,
    hookimpl,
)


@hookimpl
def contribute() -> Contribution:
    """Return all that this plugin gives."""
    return Contribution(
        settings=VisitSettings,
        endpoints=(api.member, api.staff),
        resources=(console.visits,),
        panels=(console.today,),
        jobs=jobs.JOBS,
        schedules=jobs.SCHEDULES,
    )


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
