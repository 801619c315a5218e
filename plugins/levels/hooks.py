"""What levels hear and contribute."""

from typing import Any
from uuid import UUID

from plugins.levels import api, classes, console, jobs, notices, refunding, rising, service
from plugins.levels.schemas import LevelSettings
from roost import (
    Context,
    Contribution,
    MemberConverted,
    MemberMerged,
    MemberRegistered,
    MemberUpdated,
    PointsCredited,
    PointsDebited,
    hookimpl,
)


@hookimpl
def contribute() -> Contribution:
    return Contribution(
        settings=LevelSettings,
        endpoints=[api.member],
        resources=[console.STANDINGS, console.HISTORY, console.CLASS_RULES],
        jobs=jobs.JOBS,
        schedules=jobs.SCHEDULES,
        conditions=[classes.POINTS_EARNED],
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
    classes.change(ctx, {m.member for m in fact.movements})
    if fact.origin == "import":
        rising.settle(ctx)


@hookimpl(origins=("live", "import"))
def points_debited(ctx: Context, fact: PointsDebited) -> None:
    """Take back what stood on growth that was refunded."""
    refunding.take_back(ctx, {m.member for m in fact.movements if m.asset == "growth"})


@hookimpl
def member_converted(ctx: Context, fact: MemberConverted) -> None:
    """Ask the class rules: some stand on the state or the venue."""
    classes.change(ctx, [fact.member])


@hookimpl
def member_updated(ctx: Context, fact: MemberUpdated) -> None:
    """Ask the class rules when something changed that they may ask for; a class that changed asks nothing again."""
    if set(fact.changed) - {"class"}:
        classes.change(ctx, [fact.member])


@hookimpl
def member_merged(ctx: Context, fact: MemberMerged) -> None:
    """Judge the survivor, whose growth is now that of both."""
    rising.judge(ctx, [fact.member])


@hookimpl
def member_summary(ctx: Context, member: UUID) -> dict[str, Any]:
    """Show the level in `/v1/me` and on the console."""
    return service.summary(ctx, member)
