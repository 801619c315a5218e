"""What media answers, hears and declares."""

from typing import Any
from uuid import UUID

from plugins.media import api, console, jobs, moderation, notices, privacy
from plugins.media.schemas import MediaSettings
from roost import Context, Contribution, Verdict, Veto, hookimpl


@hookimpl
def contribute() -> Contribution:
    return Contribution(
        settings=MediaSettings,
        endpoints=(api.member, api.staff),
        resources=(console.items, console.reports),
        pages=(console.queue,),
        panels=(console.panel,),
        jobs=jobs.JOBS,
        schedules=jobs.SCHEDULES,
        notices=(notices.rejected,),
    )


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
def export_member(ctx: Context, member: UUID) -> dict[str, Any]:
    """Give the member's items."""
    return privacy.export(ctx, member)


@hookimpl
def purge_tenant(ctx: Context) -> None:
    """Delete all of this tenant's files."""
    privacy.purge(ctx)
