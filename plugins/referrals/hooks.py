"""What referrals hear and contribute."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from plugins.referrals import api, console, notices, paying, privacy, relations
from plugins.referrals.schemas import ReferralSettings
from roost import (
    Context,
    Endpoints,
    Fact,
    Job,
    Listener,
    MemberConverted,
    MemberRegistered,
    MemberUpdated,
    Notice,
    Resource,
    hookimpl,
)


@hookimpl
def register_settings() -> type[ReferralSettings]:
    """Return the settings."""
    return ReferralSettings


@hookimpl
def register_routes() -> Sequence[Endpoints]:
    """Return the member endpoints."""
    return [api.member]


@hookimpl
def register_resources() -> Sequence[Resource]:
    """Return what staff work with."""
    return [console.RELATIONS, console.REWARDS]


@hookimpl
def register_jobs() -> Sequence[Job]:
    """Return the payment of one reward, and the undoing of what was no referral."""
    return [Job("pay", paying.Pay, paying.pay), Job("void", privacy.Void, privacy.void)]


@hookimpl
def register_notices() -> Sequence[Notice]:
    """Return what members are told."""
    return notices.NOTICES


def _known(ctx: Context, fact: Fact) -> None:
    relations.known(ctx, fact.member)  # type: ignore[attr-defined]  # the SaaS link's, which need not be installed


@hookimpl
def register_listener() -> Listener:
    """Hear whom the business software knew before."""
    return Listener(lambda ctx: ("saas_member_known",), _known)


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
