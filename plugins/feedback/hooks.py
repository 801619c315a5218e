"""What feedback answers and declares."""

from typing import Any
from uuid import UUID

from plugins.feedback import api, console, jobs, notices, pictures, privacy, survey_console
from plugins.feedback.schemas import FeedbackSettings
from roost import Context, Contribution, hookimpl


@hookimpl
def contribute() -> Contribution:
    return Contribution(
        settings=FeedbackSettings,
        endpoints=(api.member,),
        resources=(console.cases, survey_console.ROUNDS, survey_console.SURVEYS),
        pages=(survey_console.SATISFACTION,),
        panels=(console.WAITING, survey_console.PANEL),
        jobs=jobs.JOBS,
        schedules=jobs.SCHEDULES,
        notices=notices.NOTICES,
    )


@hookimpl
def erase_member(ctx: Context, member: UUID) -> None:
    """Remove what the member said."""
    privacy.erase(ctx, member)


@hookimpl
def merge_members(ctx: Context, member: UUID, merged: UUID) -> None:
    """Leave one survey open."""
    privacy.merge(ctx, member, merged)


@hookimpl
def export_member(ctx: Context, member: UUID) -> dict[str, Any]:
    """Give the member's cases and surveys."""
    return privacy.export(ctx, member)


@hookimpl
def purge_tenant(ctx: Context) -> None:
    """Let go of the pictures, which are media's."""
    pictures.detach_all(ctx)
