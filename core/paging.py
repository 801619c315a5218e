"""Keyset pages over a query: stable under inserts, no OFFSET, one more row read than shown."""

from typing import Any
from uuid import UUID

from core.contract.rest import PageQuery
from core.errors import Invalid


def keyset(query: Any, key: Any, page: PageQuery, *, descending: bool = True) -> tuple[list[Any], str | None]:
    """Return (rows, next cursor) of a query along a unique `key` column (an id: UUIDv7 follows time).

    Newest first unless `descending` is false. The cursor is the last key shown, as text; raises Invalid for one that
    was never given out.
    """
    if page.cursor:
        after = _value(page.cursor)
        query = query.where(key < after if descending else key > after)
    rows = list(query.order_by(key.desc() if descending else key.asc()).limit(page.limit + 1))
    more = len(rows) > page.limit
    rows = rows[: page.limit]
    return rows, str(getattr(rows[-1], key.name)) if more else None


def _value(cursor: str) -> UUID | int:
    try:
        return int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 19 else UUID(cursor)
    except ValueError:
        raise Invalid(
            "this cursor is not one of ours: use next_cursor of the page before, or none",
            "分页游标无效",
            fields=[{"path": "query.cursor", "message": "not a cursor of this list"}],
        ) from None
