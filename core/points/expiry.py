"""Expire dead lots of accounts that nobody touched. No door depends on this having run."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from core import db
from core.bulk import any_of
from core.contract.context import Context
from core.fields import as_time, uuid_of
from core.ids import new_id
from core.points.book import Book
from core.points.journal import Journal
from core.points.locking import ACCOUNT_COLUMNS
from core.points.operations import EXPIRE, begin, require_transaction

MOST_ACCOUNTS = 5000

# Accounts at work are passed over: whoever holds them expires their dead lots.
_DUE = f"SELECT {ACCOUNT_COLUMNS} FROM account WHERE tenant = %s AND next_expiry <= %s ORDER BY next_expiry LIMIT %s"
_DUE_ACCOUNTS = db.Sql(f"{_DUE} FOR UPDATE SKIP LOCKED", sqlite=_DUE)


def expire(ctx: Context, limit: int = 1000) -> int:
    """Expire the dead lots of up to `limit` accounts; publish one `points_expired`; return how many accounts lost some.

    0 means that there was nothing left to expire. Meant to be called until then, each time in a transaction of its own.
    """
    require_transaction()
    while True:
        journal = Journal(ctx)
        rows = db.fetch_all(ctx.scope, _DUE_ACCOUNTS, (ctx.tenant.id, journal.now, min(limit, MOST_ACCOUNTS)))
        if not rows:
            return 0
        books = [Book(journal, row) for row in rows]
        dead, later = _dated_lots(journal, books)
        operation = begin(ctx, EXPIRE, f"expire:{new_id()}").id if dead else new_id()
        for book in books:
            book.know_live(dead.get(book.id, ()), all_of_them=True)
            book.expire_dead(operation)
            book.next_expiry = as_time(later.get(book.id))
        journal.write()
        if dead:
            return len(dead)


def _dated_lots(journal: Journal, books: list[Book]) -> tuple[dict[UUID, list[tuple[Any, ...]]], dict[UUID, Any]]:
    """Return each account's dead lots in their order, and the expiry of its first live one."""
    ctx = journal.ctx
    condition, accounts = any_of("uuid", [book.id for book in books])
    where = f"FROM lot WHERE tenant = %s AND account {condition} AND remaining > 0 AND expires_at"
    dead: defaultdict[UUID, list[tuple[Any, ...]]] = defaultdict(list)
    for account, *lot in db.fetch_all(
        ctx.scope,
        db.Sql(f"SELECT account, id, remaining, expires_at {where} <= %s ORDER BY expires_at, id"),
        [ctx.tenant.id, *accounts, journal.now],
    ):
        dead[uuid_of(account)].append(tuple(lot))
    later = db.fetch_all(
        ctx.scope,
        db.Sql(f"SELECT account, MIN(expires_at) {where} > %s GROUP BY account"),
        [ctx.tenant.id, *accounts, journal.now],
    )
    return dead, {uuid_of(account): first for account, first in later}
