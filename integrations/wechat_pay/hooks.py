"""What WeChat Pay declares, answers and keeps."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from integrations.wechat_pay import console, inbox, jobs, payments, privacy
from integrations.wechat_pay.schemas import WechatPaySettings
from roost import Callback, Context, Job, Panel, PaymentMethod, Resource, Schedule, Veto, hookimpl


@hookimpl
def register_settings() -> type[WechatPaySettings]:
    """Declare the settings."""
    return WechatPaySettings


@hookimpl
def register_payments() -> Sequence[PaymentMethod]:
    """Declare the payment method."""
    return (payments.METHOD,)


@hookimpl
def register_callbacks() -> Sequence[Callback]:
    """Declare where WeChat Pay tells of payments and refunds."""
    return (Callback(inbox.receive),)


@hookimpl
def register_resources() -> Sequence[Resource]:
    """Declare the desk's tables."""
    return (console.trades, console.refunds, console.settlements, console.pushes)


@hookimpl
def register_panels() -> Sequence[Panel]:
    """Declare the dashboard's panel."""
    return (console.panel,)


@hookimpl
def register_jobs() -> Sequence[Job]:
    """Declare the jobs."""
    return jobs.JOBS


@hookimpl
def register_schedules() -> Sequence[Schedule]:
    """Declare what runs by the clock."""
    return jobs.SCHEDULES


@hookimpl
def may_switch_off(ctx: Context) -> Veto | None:
    """Refuse while money is on its way."""
    return privacy.may_switch_off(ctx)


@hookimpl
def may_change_settings(ctx: Context, settings: WechatPaySettings) -> Veto | None:
    """Refuse another merchant while money of this one is on its way."""
    if settings.mchid == ctx.settings(WechatPaySettings).mchid:
        return None
    return privacy.may_change_merchant(ctx, settings.mchid)


@hookimpl
def erase_member(ctx: Context, member: UUID) -> None:
    """Refuse while a payment of theirs is under way."""
    privacy.erase(ctx, member)


@hookimpl
def merge_members(ctx: Context, member: UUID, merged: UUID) -> None:
    """Move the merged member's payments."""
    privacy.merge(ctx, member, merged)


@hookimpl
def export_member(ctx: Context, member: UUID) -> dict[str, Any] | None:
    """Give the member's payments."""
    return privacy.export(ctx, member)


@hookimpl
def purge_tenant(ctx: Context) -> None:
    """Delete everything of the tenant."""
    privacy.purge(ctx)
