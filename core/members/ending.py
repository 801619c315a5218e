"""Find the members whose membership ends soon."""

from datetime import date
from uuid import UUID

from core.contract.context import Context
from core.members.lapsing import in_states
from core.members.models import Member
from core.members.views import MemberView, view


def ending(ctx: Context, first: date, last: date, *, after: UUID | None = None, limit: int = 500) -> list[MemberView]:
    """Return members whose last valid day lies from `first` to `last`, by id, beginning after an id.

    Frozen, merged and erased ones are left out: a frozen membership is extended when it goes on.
    """
    query = (
        Member.scoped(ctx)
        .select()
        .where(
            in_states(ctx, ("member",)),
            Member.valid_until.between(first, last),
            Member.frozen == False,  # noqa: E712 -- a query expression
            Member.merged_into.is_null(),
            Member.erased_at.is_null(),
        )
    )
    if after is not None:
        query = query.where(Member.id > after)
    return [view(ctx, row) for row in query.order_by(Member.id).limit(limit)]
