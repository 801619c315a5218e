"""What WeChat answers, hears and declares."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from integrations.wechat import api, checks, console, inbox, jobs, messages, privacy, risk, shipping
from integrations.wechat.schemas import WechatSettings
from roost import (
    Callback,
    Channel,
    ConditionKind,
    ContentCheck,
    Context,
    Endpoints,
    Job,
    Listener,
    Page,
    Panel,
    Resource,
    Schedule,
    Settlement,
    hookimpl,
)


@hookimpl
def register_settings() -> type[WechatSettings]:
    """Declare the settings."""
    return WechatSettings


@hookimpl
def register_routes() -> Sequence[Endpoints]:
    """Declare the login, the members' subscriptions and the pictures of codes."""
    return (api.public, api.member, api.staff)


@hookimpl
def register_callbacks() -> Sequence[Callback]:
    """Declare where WeChat pushes to, and shakes hands first."""
    return (Callback(inbox.receive, ("GET", "POST")),)


@hookimpl
def register_channels() -> Sequence[Channel]:
    """Declare subscribe messages as a way to reach a member."""
    return (messages.channel,)


@hookimpl
def register_checks() -> Sequence[ContentCheck]:
    """Declare WeChat's machine for texts and pictures."""
    return (checks.check,)


@hookimpl
def register_conditions() -> Sequence[ConditionKind]:
    """Declare the question how risky a member is."""
    return (risk.condition,)


@hookimpl
def register_listener() -> Listener:
    """Hear of orders that go out."""
    return shipping.listener


@hookimpl
def register_resources() -> Sequence[Resource]:
    """Declare the console's tables."""
    return (console.templates, console.quotas, console.pictures, console.pushes, console.shipments)


@hookimpl
def register_pages() -> Sequence[Page]:
    """Declare the page of codes to print."""
    return (console.gallery,)


@hookimpl
def register_panels() -> Sequence[Panel]:
    """Declare the dashboard's panel."""
    return (console.status,)


@hookimpl
def register_jobs() -> Sequence[Job]:
    """Declare the jobs."""
    return jobs.JOBS


@hookimpl
def register_schedules() -> Sequence[Schedule]:
    """Declare what runs by the clock."""
    return jobs.SCHEDULES


@hookimpl
def payment_settled(ctx: Context, settlement: Settlement) -> None:
    """Remember WeChat's number of a payment: its shipping is told under it."""
    shipping.settled(ctx, settlement)


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
    """Give what the member agreed to, and what is known of them here."""
    return privacy.export(ctx, member)


@hookimpl
def purge_tenant(ctx: Context) -> None:
    """Delete everything of the tenant."""
    privacy.purge(ctx)
