"""What the SaaS link answers, hears and declares."""

from typing import Any
from uuid import UUID

from integrations.qinniao import api, console, inbox, jobs, leads, privacy
from integrations.qinniao.schemas import QinniaoSettings
from roost import Callback, Context, Contribution, MemberRegistered, hookimpl

FROM_THE_SAAS = "saas"  # the channel of people whom the SaaS brought: it knows them


@hookimpl
def contribute() -> Contribution:
    """Return all that this plugin gives."""
    return Contribution(
        settings=QinniaoSettings,
        endpoints=(api.staff,),
        callbacks=(Callback(inbox.receive),),
        resources=(console.people, console.events, console.objects, console.lists, console.circuits, console.retries),
        panels=(console.lag,),
        jobs=jobs.JOBS,
        schedules=jobs.SCHEDULES,
    )


@hookimpl
def member_registered(ctx: Context, fact: MemberRegistered) -> None:
    """Match the new person with the SaaS, or push them to it."""
    if fact.channel != FROM_THE_SAAS:
        leads.start(ctx, fact.member)


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
    """Give how the member stands with the SaaS."""
    return privacy.export(ctx, member)


@hookimpl
def purge_tenant(ctx: Context) -> None:
    """Delete everything of the tenant."""
    privacy.purge(ctx)
