"""Find members by the day and month of their birthday."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from core.contract.context import Context
from core.members.lapsing import in_states
from core.members.models import Member
from core.members.views import MemberView, view

OLDEST = 120  # years: the search names every year, so that an index on the whole date serves it


def born_on(
    ctx: Context,
    days: Iterable[tuple[int, int]],
    *,
    states: Iterable[str],
    after: UUID | None = None,
    limit: int = 500,
) -> list[MemberView]:
    """Return members born on one of the (month, day) pairs, by id, beginning after an id.

    Merged and erased ones are left out. 29 February is a pair of its own: ask for it where it should count.
    """
    this_year = ctx.today().year
    dates = [
        date(year, month, day)
        for month, day in days
        for year in range(this_year - OLDEST, this_year + 1)
        if (month, day) != (2, 29) or (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
    ]
    query = (
        Member.scoped(ctx)
        .select()
        .where(
            Member.birthday.in_(dates),
            in_states(ctx, states),
            Member.merged_into.is_null(),
            Member.erased_at.is_null(),
        )
    )
    if after is not None:
        query = query.where(Member.id > after)
    return [view(ctx, row) for row in query.order_by(Member.id).limit(limit)]
