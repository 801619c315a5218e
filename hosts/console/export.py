"""Rows as a file, page by page: a list of a million rows never stands in memory at once."""

import csv
import io
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from pydantic import BaseModel

from core import db, members
from core.contract.console import Column
from core.contract.context import Context
from core.contract.rest import PageQuery
from hosts.console.keyset import MOST_ROWS
from hosts.console.resources import CORE, Desk, Row
from hosts.console.showing import Names, plain

MOST = 1_000_000  # rows of a file; a sheet of Excel holds 1,048,576
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
Value = str | int | float


def holds_phones(ctx: Context, desk: Desk) -> bool:
    """Tell whether a file of this resource has whole phone numbers in it, for this account."""
    return ctx.has("members.export") and any(column.kind == "phone" for column in desk.resource.columns)


def _pages(ctx: Context, desk: Desk, wanted: BaseModel) -> Iterator[list[list[Value]]]:
    """Yield the values of a page of rows at a time, each read in a transaction of its own."""
    columns = list(desk.resource.columns)
    clear = holds_phones(ctx, desk)
    cursor, count = "", 0
    while count < MOST:

        def read(cursor: str = cursor) -> tuple[list[list[Value]], str | None]:
            rows, following = desk.listing(ctx, wanted, PageQuery(limit=MOST_ROWS, cursor=cursor))
            names = Names.of(ctx, columns, rows, desk.slug)
            return [[_value(ctx, desk, c, row, names, clear) for c in columns] for row in rows], following

        with db.connection():
            values, following = ctx.run(read)
        count += len(values)
        yield values
        if following is None:
            return
        cursor = following


def _value(ctx: Context, desk: Desk, column: Column, row: Row, names: Names, clear: bool) -> Value:
    value = row.value(column.name)
    if column.kind == "phone" and clear:
        if desk.slug == CORE and desk.resource.name == "members":
            return members.phone_of(ctx.services.system(ctx.tenant, f"export by {ctx.actor}"), row.id)
        return str(value or "")
    return plain(ctx, column, value, names, ctx.locale)


def _harmless(value: Value) -> Value:
    """Return a text that a spreadsheet does not take for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def as_csv(ctx: Context, desk: Desk, wanted: BaseModel) -> Iterator[bytes]:
    """Yield a CSV file in UTF-8 with a byte order mark, so that Excel reads Chinese."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([column.title.in_(ctx.locale) for column in desk.resource.columns])
    yield b"\xef\xbb\xbf"
    for rows in _pages(ctx, desk, wanted):
        writer.writerows([_harmless(value) for value in row] for row in rows)
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()


def as_xlsx(ctx: Context, desk: Desk, wanted: BaseModel) -> Iterator[bytes]:
    """Yield an Excel file; its rows go through a temporary file."""
    # openpyxl takes ten megabytes of a process that may never write such a file.
    sheets: Any = import_module("hosts.console.sheets")
    header = [column.title.in_(ctx.locale) for column in desk.resource.columns]
    yield from sheets.write(desk.resource.name, header, _pages(ctx, desk, wanted))


WRITERS: dict[str, Callable[[Context, Desk, BaseModel], Iterator[bytes]]] = {"csv": as_csv, "xlsx": as_xlsx}
