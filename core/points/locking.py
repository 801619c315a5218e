"""Lock accounts, one or many, always in the order of their ids. A door does this before it reads any lot."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from core import db
from core.bulk import Write, any_of, write_all
from core.ids import new_id
from core.points.book import Book
from core.points.journal import Journal

ACCOUNT_COLUMNS = "id, member, asset, balance, held, debt, next_expiry, version"
_FIND = f"SELECT {ACCOUNT_COLUMNS} FROM account WHERE tenant = %s AND member = %s AND asset = %s"
_LOCK = db.Sql(f"{_FIND} FOR UPDATE", sqlite=_FIND)
_OPEN = Write(
    "INSERT INTO account (id, tenant, member, asset, balance, held, debt, version, created_at)"
    " SELECT d.id, {tenant}, d.member, d.asset, 0, 0, 0, 0, d.created_at FROM {rows}"
    " WHERE true ON CONFLICT (tenant, member, asset) DO NOTHING",
    (("id", "uuid"), ("member", "uuid"), ("asset", "text"), ("created_at", "timestamptz")),
)


def lock(journal: Journal, member: UUID, asset: str) -> Book | None:
    """Lock a member's account until the transaction ends; None when there is none. SQLite is locked as a whole."""
    ctx = journal.ctx
    row = db.fetch_one(ctx.scope, _LOCK, (ctx.tenant.id, member, asset))
    return Book(journal, row) if row is not None else None


def lock_or_open(journal: Journal, member: UUID, asset: str) -> Book:
    """Lock a member's account, made on demand: two that make it at once end up with one."""
    book = lock(journal, member, asset)
    if book is None:
        open_accounts(journal, [(member, asset)])
        book = lock(journal, member, asset)
        assert book is not None
    return book


def open_accounts(journal: Journal, owners: Sequence[tuple[UUID, str]]) -> None:
    """Make the accounts that are not there yet."""
    rows = [(new_id(), member, asset, journal.now) for member, asset in owners]
    write_all(journal.ctx.scope, journal.ctx.tenant.id, ((_OPEN, rows),))


def lock_by_id(journal: Journal, accounts: Sequence[UUID]) -> dict[UUID, Book]:
    """Lock accounts in the order of their ids."""
    condition, values = any_of("uuid", accounts)
    return {book.id: book for book in _lock_where(journal, f"id {condition}", values)}


def lock_owned(journal: Journal, owners: Collection[tuple[UUID, str]]) -> dict[tuple[UUID, str], Book]:
    """Lock the accounts of (member, asset) pairs that exist, in the order of their ids."""
    found: dict[tuple[UUID, str], Book] = {}
    by_asset: dict[str, list[UUID]] = {}
    for member, asset in owners:
        by_asset.setdefault(asset, []).append(member)
    conditions, values = [], []
    for asset, members in sorted(by_asset.items()):
        condition, parameters = any_of("uuid", members)
        conditions.append(f"(asset = %s AND member {condition})")
        values += [asset, *parameters]
    for book in _lock_where(journal, f"({' OR '.join(conditions)})", values):
        found[(book.member, book.asset)] = book
    return found


def _lock_where(journal: Journal, condition: str, values: Sequence[Any]) -> list[Book]:
    ctx = journal.ctx
    text = f"SELECT {ACCOUNT_COLUMNS} FROM account WHERE tenant = %s AND {condition} ORDER BY id"
    rows = db.fetch_all(ctx.scope, db.Sql(f"{text} FOR UPDATE", sqlite=text), [ctx.tenant.id, *values])
    return [Book(journal, row) for row in rows]
