"""What referrals hear and contribute."""

from typing import Any
from uuid import UUID

from plugins.referrals import api, console, notices, paying, privacy, relations
from plugins.referrals.schemas import ReferralSettings
from roost import (
    Context,
    Contribution,
    Job,
    MemberConverted,
    MemberRegistered,
    MemberUpdated,
    hookimpl,
)


@hookimpl
def contribute() -> Contribution:
    """Return all that this plugin gives."""
    return Contribution(
        settings=ReferralSettings,
        endpoints=[api.member],
        resources=[console.RELATIONS, console.REWARDS],
        jobs=[Job("pay", paying.Pay, paying.pay), Job("void", privacy.Void, privacy.void)],
        notices=notices.NOTICES,
    )


@hookimpl
def member_registered(ctx: Context, fact: MemberRegistered) -> None:
    """Bind whoever came by an invitation."""
    relations.registered(ctx, fact.member, fact.invitation, fact.occurred_at)


@hookimpl
def member_converted(ctx: Context, fact: MemberConverted) -> None:
    """Fix the relation and pay for it."""
    relations.converted(ctx, fact.member, fact.occurred_at)


@hookimpl
def member_updated(ctx: Context, fact: MemberUpdated) -> None:
    """Claw back from a membership that was refunded within days."""
    if "state" in fact.changed:
        relations.ended_early(ctx, fact.member, fact.occurred_at)


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
