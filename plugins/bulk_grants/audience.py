"""Whom a batch is for: everybody of a state, level, class or venue at the moment of the draft."""

from dataclasses import dataclass
from uuid import UUID

from roost import Context, Invalid, members

MOST = 50_000  # members of one batch


@dataclass(frozen=True, slots=True)
class Audience:
    """What members have in common; what is empty does not narrow."""

    state: str = ""
    level: str = ""
    class_: str = ""
    venue: UUID | None = None


def members_of(ctx: Context, wanted: Audience) -> list[UUID]:
    """Return the members of an audience, by id; merged and erased ones are left out.

    Raises Invalid for an audience without any condition, or of more than 50,000.
    """
    member = members.Member
    given = ((member.level, wanted.level), (member.class_, wanted.class_), (member.venue, wanted.venue))
    where = [column == value for column, value in given if value]
    if wanted.state:
        where.append(members.in_states(ctx, (wanted.state,)))
    if not where:
        raise Invalid(
            "say for whom: a state, a level, a class or a venue", "请至少选择一个会员条件", code="audience_needed"
        )
    query = member.scoped(ctx).select(member.id).where(member.merged_into.is_null(), member.erased_at.is_null())
    found = [row[0] for row in query.where(*where).order_by(member.id).limit(MOST + 1).tuples()]
    if len(found) > MOST:
        raise Invalid(
            f"more than {MOST} members: narrow it down, or make several batches",
            f"人数超过 {MOST}，请缩小范围或分批发放",
            code="audience_too_large",
        )
    return found
