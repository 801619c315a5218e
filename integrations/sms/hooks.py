"""What text messages answer and declare."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from integrations.sms import api, channel, console, inbox, jobs, privacy
from integrations.sms.schemas import SmsSettings
from roost import Callback, Channel, Context, Endpoints, Job, Panel, Resource, Schedule, hookimpl


@hookimpl
def register_settings() -> type[SmsSettings]:
    """Declare the settings."""
    return SmsSettings


@hookimpl
def register_routes() -> Sequence[Endpoints]:
    """Declare the login and the change of phone."""
    return (api.public, api.member)


@hookimpl
def register_callbacks() -> Sequence[Callback]:
    """Declare where providers push receipts and replies to."""
    return (Callback(inbox.receive),)


@hookimpl
def register_channels() -> Sequence[Channel]:
    """Declare the channel."""
    return (channel.channel,)


@hookimpl
def register_resources() -> Sequence[Resource]:
    """Declare the console's tables."""
    return (console.messages, console.replies, console.opt_outs, console.days)


@hookimpl
def register_panels() -> Sequence[Panel]:
    """Declare what the days cost."""
    return (console.spend,)


@hookimpl
def register_jobs() -> Sequence[Job]:
    """Declare the jobs."""
    return jobs.JOBS


@hookimpl
def register_schedules() -> Sequence[Schedule]:
    """Declare what runs by the clock."""
    return jobs.SCHEDULES


@hookimpl
def erase_member(ctx: Context, member: UUID) -> None:
    """Forget the member."""
    privacy.erase(ctx, member)


@hookimpl
def merge_members(ctx: Context, member: UUID, merged: UUID) -> None:
    """Move the merged member's messages."""
    privacy.merge(ctx, member, merged)


@hookimpl
def export_member(ctx: Context, member: UUID) -> dict[str, Any] | None:
    """Give the member's messages."""
    return privacy.export(ctx, member)


@hookimpl
def purge_tenant(ctx: Context) -> None:
    """Delete everything of the tenant."""
    privacy.purge(ctx)
