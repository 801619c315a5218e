"""Whom a batch is for: a list of ids, or everybody of a state, level, class or venue at the moment of the
preview.
"""

from dataclasses import dataclass
from uuid import UUID

from core import members
from core.contract.context import Context
from core.errors import Invalid
from core.members import Member

MOST = 50_000  # heads of one batch


@dataclass(frozen=True, slots=True)
class Audience:
    """What members have in common; what is empty does not narrow."""

    state: str = ""
    level: str = ""
    class_: str = ""
    venue: UUID | None = None


def audience(ctx: Context, wanted: Audience) -> list[UUID]:
    """Return the members of an audience, by id; merged and erased ones are left out.

    Raises Invalid for an audience without any condition, or of more than 50,000.
    """
    given = (
        (Member.level, wanted.level),
        (Member.class_, wanted.class_),
        (Member.venue, wanted.venue),
    )
    where = [column == value for column, value in given if value]
    if wanted.state:
        where.append(members.in_states(ctx, (wanted.state,)))
    if not where:
        raise Invalid(
            "say for whom: a state, a level, a class or a venue", "请至少选择一个会员条件", code="audience_needed"
        )
    query = Member.scoped(ctx).select(Member.id).where(Member.merged_into.is_null(), Member.erased_at.is_null())
    found = [row[0] for row in query.where(*where).order_by(Member.id).limit(MOST + 1).tuples()]
    if len(found) > MOST:
        raise Invalid(
            f"more than {MOST} members: narrow it down, or make several batches",
            f"人数超过 {MOST}，请缩小范围或分批发放",
            code="audience_too_large",
        )
    return found
