"""What referrals hear and contribute."""

from uuid import UUID

from plugins.referrals import api, console, merging, notices, paying, relations
from plugins.referrals.schemas import ReferralSettings
from roost import Context, Contribution, Fact, Job, Listener, MemberConverted, MemberRegistered, MemberUpdated, hookimpl


def _known(ctx: Context, fact: Fact) -> None:
    relations.known(ctx, fact.member)  # type: ignore[attr-defined]  # the SaaS link's, which need not be installed


@hookimpl
def contribute() -> Contribution:
    return Contribution(
        settings=ReferralSettings,
        endpoints=[api.member],
        resources=[console.RELATIONS, console.REWARDS],
        jobs=[Job("pay", paying.Pay, paying.pay), Job("void", merging.Void, merging.void)],
        notices=notices.NOTICES,
        listener=Listener(lambda ctx: ("saas_member_known",), _known),
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
def merge_members(ctx: Context, member: UUID, merged: UUID) -> None:
    """Join the relations of two records."""
    merging.merge(ctx, member, merged)
