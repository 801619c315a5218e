"""A membership ends by itself with its last valid day, on the tenant's calendar; nobody has to say so.

There is one answer to "is this a member today": `state_on` of a row, `in_states` in a query. The sweep writes it down
and tells of it, so that nobody is misjudged between midnight and the sweep, nor while no worker runs. A frozen
membership (停卡) does not lapse: its end moves when it goes on.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any

from peewee import SQL

from core import db
from core.clock import local_day_end
from core.contract.context import Context
from core.contract.facts import MemberUpdated
from core.members.models import Member


def state_on(row: Member, day: date) -> str:
    """Return a row's state as of a date of the tenant's: lead, member or lapsed."""
    over = row.state == "member" and not row.frozen and row.valid_until is not None and row.valid_until < day
    return "lapsed" if over else str(row.state)


def _over(day: date) -> Any:  # Any: an expression of peewee
    held = (Member.state == "member") & (Member.frozen == False)  # noqa: E712 -- a query expression
    return held & Member.valid_until.is_null(False) & (Member.valid_until < day)


def in_states(ctx: Context, states: Iterable[str]) -> Any:  # Any: an expression of peewee
    """Return the condition that a member is in one of `states` today."""
    wanted, today = set(states), ctx.today()
    stored = Member.state.in_(sorted(wanted))
    if ("member" in wanted) == ("lapsed" in wanted):
        return stored
    return stored & ~_over(today) if "member" in wanted else stored | _over(today)


def note_lapse(ctx: Context, row: Member) -> bool:
    """Write down and publish that a membership is over, if it is and nobody did; return whether. The row is locked."""
    if row.merged_into is not None or row.erased_at is not None or state_on(row, ctx.today()) == row.state:
        return False
    Member.scoped(ctx).update(state="lapsed").where(Member.id == row.id).execute()
    row.state = "lapsed"
    assert row.valid_until is not None  # or it would not be over
    ended = local_day_end(row.valid_until, ctx.tenant.zone)
    ctx.publish(MemberUpdated(member=row.id, changed=("state",), occurred_at=ended))
    return True


def lapse(ctx: Context, limit: int = 500) -> int:
    """End the memberships whose last day has passed, up to `limit` of them; return how many.

    Each publishes one `member_updated` of `state`, which occurred at the end of that day, however late it is told.
    Rows that somebody holds are left to the next call.
    """
    query = (
        Member.scoped(ctx)
        .select()
        .where(SQL("state = 'member'"))  # in so many words: a prepared statement finds the index by it
        .where(_over(ctx.today()), Member.merged_into.is_null(), Member.erased_at.is_null())
        .order_by(Member.valid_until, Member.id)
        .limit(limit)
    )
    rows = query.for_update("FOR UPDATE SKIP LOCKED") if db.dialect() == "postgresql" else query
    return sum(note_lapse(ctx, row) for row in list(rows))
