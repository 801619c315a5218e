"""What notify hears and contributes."""

from typing import Any
from uuid import UUID

from plugins.notify import api, campaign_console, console, jobs, mail, notices, privacy, unsubscribing
from plugins.notify.settings import NotifySettings
from roost import Callback, Context, Contribution, Veto, hookimpl


@hookimpl
def contribute() -> Contribution:
    return Contribution(
        settings=NotifySettings,
        endpoints=[api.member],
        callbacks=[Callback(unsubscribing.receive, ("GET", "POST"))],
        resources=(*campaign_console.RESOURCES, *console.RESOURCES),
        panels=[campaign_console.PANEL],
        jobs=jobs.JOBS,
        schedules=jobs.SCHEDULES,
        channels=[mail.CHANNEL],
        notices=notices.NOTICES,
        listener=notices.LISTENER,
    )


@hookimpl
def may_switch_off(ctx: Context) -> Veto | None:
    """Refuse while a campaign is on its way."""
    return privacy.may_switch_off(ctx)


@hookimpl
def erase_member(ctx: Context, member: UUID) -> None:
    """Send nothing more to a member."""
    privacy.erase(ctx, member)


@hookimpl
def merge_members(ctx: Context, member: UUID, merged: UUID) -> None:
    """Join two records."""
    privacy.merge(ctx, member, merged)


@hookimpl
def export_member(ctx: Context, member: UUID) -> dict[str, Any]:
    """Give a member what is kept of them."""
    return privacy.export(ctx, member)
