"""Count conversions a month and a quarter: one statement each, which also makes an inviter's conversions
wait in line.
"""

from datetime import date
from uuid import UUID

from plugins.referrals.models import ReferralsCount
from roost import Context, new_id


def month_of(day: date) -> str:
    """Return the name of a calendar month: 2026-11."""
    return f"{day.year}-{day.month:02d}"


def quarter_of(day: date) -> str:
    """Return the name of a calendar quarter: 2026-Q4."""
    return f"{day.year}-Q{(day.month + 2) // 3}"


def count(ctx: Context, member: UUID, period: str, change: int) -> int:
    """Add to a member's conversions of a period and return how many they are now; the row stays locked."""
    insert = ReferralsCount.scoped(ctx).insert(id=new_id(), member=member, period=period, conversions=max(change, 0))
    rows = (
        insert.on_conflict(
            conflict_target=[ReferralsCount.tenant, ReferralsCount.member, ReferralsCount.period],
            update={ReferralsCount.conversions: ReferralsCount.conversions + change},
        )
        .returning(ReferralsCount.conversions)
        .execute()
    )
    return int(next(iter(rows)).conversions)


def counted(ctx: Context, member: UUID, period: str) -> int:
    """Return a member's conversions of a period."""
    row = ReferralsCount.scoped(ctx).first(ReferralsCount.member == member, ReferralsCount.period == period)
    return int(row.conversions) if row else 0
