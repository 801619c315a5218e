"""What gifts hear and contribute."""

from typing import Any
from uuid import UUID

from plugins.gifts import api, claims, console, giving, jobs, kinds, notices, privacy
from plugins.gifts.schemas import GiftSettings
from plugins.levels import LevelRevoked
from roost import Context, Contribution, LevelUp, MemberConverted, MemberUpdated, Veto, hookimpl


@hookimpl
def contribute() -> Contribution:
    return Contribution(
        settings=GiftSettings,
        endpoints=[api.member, api.staff],
        resources=[console.GIFTS, console.RULES, console.CLAIMS],
        pages=[console.COUNTER],
        panels=[console.WAITING],
        jobs=jobs.JOBS,
        schedules=jobs.SCHEDULES,
        rewards=kinds.KINDS,
        notices=notices.NOTICES,
    )


@hookimpl
def member_converted(ctx: Context, fact: MemberConverted) -> None:
    """Welcome a new member; only live: an imported conversion brings nothing."""
    giving.welcome(ctx, fact.member)


@hookimpl
def level_up(ctx: Context, fact: LevelUp) -> None:
    """Give what each level passed brings; only live."""
    giving.grown(ctx, fact.member, fact.passed)


@hookimpl(origins=("live", "import"))
def level_revoked(ctx: Context, fact: LevelRevoked) -> None:
    """Take back the gifts of a level that a refund took away."""
    giving.take_growth_back(ctx, fact.member, fact.revoked)


@hookimpl
def member_updated(ctx: Context, fact: MemberUpdated) -> None:
    """Take the welcome back from a membership that was refunded within days."""
    if "state" in fact.changed:
        giving.ended_early(ctx, fact.member, fact.occurred_at)


@hookimpl
def may_switch_off(ctx: Context) -> Veto | None:
    """Refuse while goods are in flight."""
    return privacy.may_switch_off(ctx)


@hookimpl
def member_summary(ctx: Context, member: UUID) -> dict[str, Any]:
    """Show how many gifts wait to be accepted, and how many vouchers are ready."""
    return claims.counts(ctx, member)


@hookimpl
def erase_member(ctx: Context, member: UUID) -> None:
    """Take back what nobody will accept any more."""
    privacy.erase(ctx, member)
