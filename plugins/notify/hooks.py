"""What notify hears and contributes."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from plugins.notify import api, console, jobs, mail, notices, privacy, unsubscribing
from plugins.notify.settings import NotifySettings
from roost import (
    Callback,
    Channel,
    Context,
    Endpoints,
    Job,
    Listener,
    Notice,
    Panel,
    Resource,
    Schedule,
    Veto,
    hookimpl,
)


@hookimpl
def register_settings() -> type[NotifySettings]:
    """Return the settings."""
    return NotifySettings


@hookimpl
def register_routes() -> Sequence[Endpoints]:
    """Return the member endpoints."""
    return [api.member]


@hookimpl
def register_callbacks() -> Sequence[Callback]:
    """Return what answers the link that ends marketing."""
    return [Callback(unsubscribing.receive, ("GET", "POST"))]


@hookimpl
def register_resources() -> Sequence[Resource]:
    """Return what staff work with."""
    return console.RESOURCES


@hookimpl
def register_panels() -> Sequence[Panel]:
    """Return the day's figures."""
    return [console.PANEL]


@hookimpl
def register_jobs() -> Sequence[Job]:
    """Return the messages and chains."""
    return jobs.JOBS


@hookimpl
def register_schedules() -> Sequence[Schedule]:
    """Return what runs by the clock."""
    return jobs.SCHEDULES


@hookimpl
def register_channels() -> Sequence[Channel]:
    """Return e-mail."""
    return [mail.CHANNEL]


@hookimpl
def register_notices() -> Sequence[Notice]:
    """Return what notify itself tells members."""
    return notices.NOTICES


@hookimpl
def register_listener() -> Listener:
    """Hear every fact that a plugin has a notice for."""
    return notices.LISTENER


@hookimpl
def may_switch_off(ctx: Context) -> Veto | None:
    """Refuse while a campaign is on its way."""
    return privacy.may_switch_off(ctx)


@hookimpl
def erase_member(ctx: Context, member: UUID) -> None:
    """Forget a member."""
    privacy.erase(ctx, member)


@hookimpl
def merge_members(ctx: Context, member: UUID, merged: UUID) -> None:
    """Join two records."""
    privacy.merge(ctx, member, merged)


@hookimpl
def export_member(ctx: Context, member: UUID) -> dict[str, Any]:
    """Give a member what is kept of them."""
    return privacy.export(ctx, member)


@hookimpl
def purge_tenant(ctx: Context) -> None:
    """Delete all."""
    privacy.purge(ctx)
