"""The common credit in one message on PostgreSQL: an account that is new, or owes nothing and has no dead lot.

It reads no lots, so the trap of an old snapshot is not in it: the conflict waits for the account's lock and then adds
to what it finds. Where a condition does not hold, only the operation is written, and the long way goes on from there.
"""

from datetime import datetime
from typing import Any

from core import db
from core.contract.facts import Movement
from core.ids import new_id
from core.points.journal import Journal
from core.points.operations import CREDIT, Begun, Story, check_key, find_begun, require_transaction

_CREDIT = db.Sql(
    "WITH asked AS (INSERT INTO operation (id, tenant, plugin, key, door, digest, recorded_at)"
    " VALUES (%(id)s, %(tenant)s, %(plugin)s, %(key)s, 'credit', %(digest)s, %(now)s)"
    " ON CONFLICT (tenant, plugin, key) DO NOTHING RETURNING id),"
    " moved AS (INSERT INTO account AS held"
    " (id, tenant, member, asset, balance, held, debt, next_expiry, version, created_at)"
    " SELECT %(account)s, %(tenant)s, %(member)s, %(asset)s, %(amount)s, 0, 0, %(expires_at)s::timestamptz, 1, %(now)s"
    " FROM asked ON CONFLICT (tenant, member, asset) DO UPDATE SET balance = held.balance + excluded.balance,"
    " version = held.version + 1, next_expiry = LEAST(held.next_expiry, excluded.next_expiry)"
    " WHERE held.debt = 0 AND (held.next_expiry IS NULL OR held.next_expiry > %(now)s)"
    " RETURNING held.id, held.balance, held.version),"
    " written AS (INSERT INTO entry (id, tenant, operation, account, seq, kind, amount, balance_after, owed, reversed,"
    " reason, venue, cause, rule, rule_version, occurred_at, recorded_at)"
    " SELECT %(id)s, %(tenant)s, %(id)s, id, version, 'credit', %(amount)s, balance, 0, 0,"
    " %(reason)s, %(venue)s::uuid, %(cause)s, %(rule)s, %(rule_version)s::int, %(occurred_at)s, %(now)s FROM moved),"
    " made AS (INSERT INTO lot (id, tenant, account, amount, remaining, expires_at)"
    " SELECT %(id)s, %(tenant)s, id, %(amount)s, %(amount)s, %(expires_at)s::timestamptz FROM moved)"
    " SELECT asked.id, moved.balance FROM (SELECT 1) one LEFT JOIN asked ON true LEFT JOIN moved ON true"
)


def quick_credit(
    journal: Journal, key: str, content: tuple[Any, ...], told: Story, expires_at: datetime | None
) -> tuple[Begun, int | None]:
    """Begin a credit and, where nothing stands in the way, do it; return (what was begun, the balance if done)."""
    ctx = journal.ctx
    check_key(key)
    require_transaction()
    member, asset, amount, reason = content[:4]
    operation, said = new_id(), CREDIT.digest(content)
    values: Any = {  # Any: the drivers' protocol also knows parameters by name
        "id": operation, "account": new_id(), "tenant": ctx.tenant.id, "plugin": ctx.plugin, "key": key, "digest": said,
        "now": journal.now, "amount": amount, "expires_at": expires_at, "member": member, "asset": asset,
        "reason": reason, "venue": told.venue, "cause": told.cause, "rule": told.rule,
        "rule_version": told.rule_version, "occurred_at": told.occurred_at,
    }  # fmt: skip
    row = db.fetch_one(ctx.scope, _CREDIT, values)
    assert row is not None
    if row[0] is None:
        return find_begun(ctx, CREDIT, key, said, content), None
    begun = Begun(operation, again=False)
    if row[1] is None:
        return begun, None
    journal.credited.append(Movement(member=member, asset=asset, amount=amount, reason=reason, entry=operation))
    return begun, int(row[1])
