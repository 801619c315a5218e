"""Whose points die soon: for reminders, a page of members at a time."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core import db
from core.contract.context import Context
from core.fields import as_time, uuid_of
from core.points.operations import check_asset

NOBODY = UUID(int=0)  # before every member

# `next_expiry` narrows it to accounts that may have such a lot; the lots themselves say how much.
_EXPIRING = db.Sql(
    "SELECT a.member, MIN(l.expires_at), SUM(l.remaining) FROM account a JOIN lot l ON l.tenant = a.tenant"
    " AND l.account = a.id AND l.remaining > 0 AND l.expires_at > %s AND l.expires_at <= %s"
    " WHERE a.tenant = %s AND a.asset = %s AND a.member > %s AND a.next_expiry <= %s"
    " GROUP BY a.member ORDER BY a.member LIMIT %s"
)


@dataclass(frozen=True, slots=True)
class Expiring:
    """What a member will lose: `amount` in all until the instant asked for, the first of it at `first_at`."""

    member: UUID
    first_at: datetime
    amount: int


def expiring(
    ctx: Context, before: datetime, *, asset: str = "points", after: UUID = NOBODY, limit: int = 500
) -> list[Expiring]:
    """Return the members some of whose lots die from now until `before`, by id, beginning after an id."""
    check_asset(asset)
    values = (ctx.now(), before, ctx.tenant.id, asset, after, before, limit)
    found = []
    for member, first_at, amount in db.fetch_all(ctx.scope, _EXPIRING, values):
        at = as_time(first_at)
        assert at is not None
        found.append(Expiring(uuid_of(member), at, int(amount)))
    return found
