"""Counters of limits and budgets. The conditional update decides who takes the last one."""

from uuid import UUID

from core.contract.context import Context
from core.members import Member
from core.rewards.models import RewardCounter
from core.rewards.specs import Period


def period_name(ctx: Context, period: Period) -> str:
    """Return the name of the present period in the tenant's calendar: 2026-11-22, 2026-11, 2026, life."""
    day = ctx.today().isoformat()
    return {"day": day, "month": day[:7], "year": day[:4], "life": "life"}[period]


def take(ctx: Context, rule: UUID, name: str, amount: int, most: int) -> bool:
    """Count `amount` against a limit; False, and nothing counted, when it would pass `most`."""
    door = RewardCounter.scoped(ctx)
    mine = (RewardCounter.rule == rule) & (RewardCounter.name == name)
    update = door.update(used=RewardCounter.used + amount).where(mine, RewardCounter.used + amount <= most)
    if update.execute():
        return True
    if amount > most or door.first(mine):
        return False
    door.insert(rule=rule, name=name, used=0).on_conflict_ignore().execute()
    return bool(update.clone().execute())


def give_back(ctx: Context, rule: UUID, name: str, amount: int) -> None:
    """Uncount what was taken back; never below zero."""
    door = RewardCounter.scoped(ctx)
    door.update(used=RewardCounter.used - amount).where(
        RewardCounter.rule == rule, RewardCounter.name == name, RewardCounter.used >= amount
    ).execute()


def used(ctx: Context, rule: UUID, name: str) -> int:
    """Return how much of a limit is used."""
    row = RewardCounter.scoped(ctx).first(RewardCounter.rule == rule, RewardCounter.name == name)
    return int(row.used) if row else 0


def used_by_merged(ctx: Context, rule: UUID, member: UUID, period: str) -> int:
    """Return what records that were merged into a member used of the member's own limit: one person, one
    limit.
    """
    merged = [row.id for row in Member.scoped(ctx).select(Member.id).where(Member.merged_into == member)]
    if not merged:
        return 0
    names = [f"member:{one}:{period}" for one in merged]
    rows = RewardCounter.scoped(ctx).select(RewardCounter.used)
    return sum(row.used for row in rows.where(RewardCounter.rule == rule, RewardCounter.name.in_(names)))
