"""What levels hear and contribute."""

from typing import Any
from uuid import UUID

from plugins.levels import api, console, jobs, notices, rising, service
from plugins.levels.schemas import LevelSettings
from roost import (
    Context,
    Contribution,
    MemberMerged,
    MemberRegistered,
    PointsCredited,
    hookimpl,
)


@hookimpl
def contribute() -> Contribution:
    """Return all that this plugin gives."""
    return Contribution(
        settings=LevelSettings,
        endpoints=[api.member],
        resources=[console.STANDINGS, console.HISTORY],
        jobs=jobs.JOBS,
        schedules=jobs.SCHEDULES,
        notices=notices.NOTICES,
    )


@hookimpl
def member_registered(ctx: Context, fact: MemberRegistered) -> None:
    """Give the first level. Imported members get it with their first credit, or by the schedule."""
    rising.begin(ctx, fact.member)


@hookimpl(origins=("live", "import"))
def points_credited(ctx: Context, fact: PointsCredited) -> None:
    """Judge everyone whose growth moved, and everyone whose points did for the class rule."""
    rising.judge(ctx, {m.member for m in fact.movements if m.asset == "growth"}, fact=fact)
    rising.change_classes(ctx, {m.member for m in fact.movements if m.asset == "points"})
    if fact.origin == "import":
        rising.settle(ctx)


@hookimpl
def member_merged(ctx: Context, fact: MemberMerged) -> None:
    """Judge the survivor, whose growth is now that of both."""
    rising.judge(ctx, [fact.member])


@hookimpl
def member_summary(ctx: Context, member: UUID) -> dict[str, Any]:
    """Show the level in `/v1/me` and on the console."""
    return service.summary(ctx, member)


@hookimpl
def erase_member(ctx: Context, member: UUID) -> None:
    """Forget a member."""
    service.erase(ctx, member)


@hookimpl
def merge_members(ctx: Context, member: UUID, merged: UUID) -> None:
    """Join two records."""
    service.merge(ctx, member, merged)


@hookimpl
def export_member(ctx: Context, member: UUID) -> dict[str, Any]:
    """Give a member what is kept of them."""
    return service.export(ctx, member)


@hookimpl
def purge_tenant(ctx: Context) -> None:
    """Delete all."""
    service.purge(ctx)
