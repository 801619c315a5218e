"""The lifecycle: lead, member, lapsed, as the business software says; and the level."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from core.contract.context import Context
from core.contract.facts import LevelDown, LevelUp, MemberConverted, MemberUpdated
from core.errors import Invalid
from core.members.finding import row_of
from core.members.lapsing import note_lapse, state_on
from core.members.models import Member


def set_membership(
    ctx: Context,
    member_id: UUID,
    *,
    state: Literal["member", "lapsed"],
    valid_until: date | None = None,
    frozen: bool = False,
    venue: UUID | None = None,
    version: int = 0,
    occurred_at: datetime | None = None,
) -> bool:
    """Take over what the business software says of a membership; return whether anything changed.

    News older than what is stored (a lower `version`) is ignored: pushes come late and shuffled. The first
    membership of a life publishes `member_converted`, everything else `member_updated`; a return after a
    lapse is no conversion, also when the lapse is the first thing we hear. `venue` None keeps the home
    venue.

    A membership whose last day has passed is over, whatever is said of it: see `core.members.lapsing`. The first of
    a life is a conversion all the same, and then a lapse.
    """
    if state not in ("member", "lapsed"):
        raise Invalid(f"a membership is member or lapsed, not {state!r}", "会籍状态不正确")
    row = row_of(ctx, member_id, lock=True)
    if row.erased_at is not None or version < row.membership_version:
        return False
    lapsed = note_lapse(ctx, row)  # what ended before this news came ended first
    wanted: dict[str, Any] = {
        "state": state,
        "valid_until": valid_until,
        "frozen": frozen,
        "venue": venue or row.venue,
    }
    first = row.converted_at is None
    if not first:
        wanted["state"] = state_on(Member(**wanted), ctx.today())
    changes = {name: value for name, value in wanted.items() if getattr(row, name) != value}
    values = dict(changes)
    if first:
        values["converted_at"] = occurred_at or ctx.now()
    if version != row.membership_version:
        values["membership_version"] = version
    if values:
        Member.scoped(ctx).update(**values).where(Member.id == row.id).execute()
    if first and state == "member":
        ctx.publish(MemberConverted(member=row.id, venue=wanted["venue"], occurred_at=occurred_at))
        note_lapse(ctx, row_of(ctx, row.id))
    elif changes:
        ctx.publish(MemberUpdated(member=row.id, changed=tuple(sorted(changes)), occurred_at=occurred_at))
    return lapsed or bool(changes)


def set_level(ctx: Context, member_id: UUID, level: str, *, passed: Sequence[str] = (), up: bool) -> bool:
    """Set a member's level; publish `level_up` or `level_down`; return False when they have it already.

    The policy is the caller's. `passed` names each level reached on the way up, lowest first, the new one
    last.
    """
    if len(level) > 40:
        raise Invalid("a level's code has at most 40 characters", "等级编码过长")
    row = row_of(ctx, member_id, lock=True)
    if row.level == level:
        return False
    Member.scoped(ctx).update(level=level).where(Member.id == row.id).execute()
    if up:
        ctx.publish(LevelUp(member=row.id, old=row.level, new=level, passed=tuple(passed) or (level,)))
    else:
        ctx.publish(LevelDown(member=row.id, old=row.level, new=level))
    return True
