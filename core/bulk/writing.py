"""Run core's own statements over many rows in one message, in either dialect.

PostgreSQL gets one array per column and unnests them: one statement text whatever the number of rows, so that it stays
prepared. A few rows are quicker as VALUES, which it plans once and for all. SQLite, where a statement costs no round
trip, always gets VALUES.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core import db
from core.bulk.arrays import SQLITE_PARAMETERS, Kind, Row, arrays

FEW = 3  # rows of one write: as VALUES up to here


@dataclass(frozen=True, slots=True)
class Write:
    """A statement over many rows. `text` names the source of its rows `{rows}` and may use one scalar, the tenant.

    In `text` the tenant is `{tenant}` and the columns are those of the alias `d`.
    """

    text: str
    columns: tuple[tuple[str, Kind], ...]

    def postgres(self, count: int) -> str:
        """Return the text for `count` rows if they are few, else for arrays of any length."""
        names = ", ".join(name for name, _ in self.columns)
        if count <= FEW:
            row = "(" + ", ".join(f"%s::{kind}" for _, kind in self.columns) + ")"
            return self.text.format(tenant="%s", rows=f"(VALUES {', '.join([row] * count)}) AS d({names})")
        columns = ", ".join(f"%s::{kind}[]" for _, kind in self.columns)
        return self.text.format(tenant="%s", rows=f"unnest({columns}) AS d({names})")

    def sqlite(self, count: int) -> str:
        """Return the text for `count` rows."""
        row = "(" + ",".join(["?"] * len(self.columns)) + ")"
        names = ", ".join(f"column{n} AS {name}" for n, (name, _) in enumerate(self.columns, 1))
        rows = f"(SELECT {names} FROM (VALUES {','.join([row] * count)})) AS d"
        return self.text.format(tenant="?", rows=rows)

    def parameters(self, tenant: int, values: Sequence[Any]) -> list[Any]:
        """Put the tenant before or after the rows' values, as often as the text asks for it."""
        before, after = (part.count("{tenant}") for part in self.text.split("{rows}"))
        return [tenant] * before + list(values) + [tenant] * after


_combined: dict[tuple[tuple[int, int], ...], db.Sql] = {}  # by the writes, constants of their modules, and few rows


def _postgres_message(tenant: int, parts: Sequence[tuple[Write, Sequence[Row]]]) -> tuple[db.Sql, list[Any]]:
    signature = tuple((id(write), min(len(rows), FEW + 1)) for write, rows in parts)
    statement = _combined.get(signature)
    if statement is None:
        *first, last = [write.postgres(len(rows)) for write, rows in parts]
        named = ", ".join(f"w{n} AS ({text})" for n, text in enumerate(first))
        statement = _combined[signature] = db.Sql(f"WITH {named} {last}" if first else last)
    values: list[Any] = []
    for write, rows in parts:
        few = len(rows) <= FEW
        values += write.parameters(tenant, [v for row in rows for v in row] if few else arrays(write.columns, rows))
    return statement, values


def write_all(scope: int, tenant: int, parts: Sequence[tuple[Write, Sequence[Row]]]) -> None:
    """Run every write that has rows: one message on PostgreSQL, where none may read what another of them wrote."""
    parts = [(write, rows) for write, rows in parts if rows]
    if db.dialect() == "sqlite":
        for write, rows in parts:
            for statement, values in _sqlite_messages(write, tenant, rows):
                db.run(scope, statement, values)
    elif parts:
        db.run(scope, *_postgres_message(tenant, parts))


def write_returning(scope: int, tenant: int, write: Write, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """Run one write over rows and return what it returns."""
    if db.dialect() == "sqlite":
        messages = _sqlite_messages(write, tenant, rows)
        return [row for statement, values in messages for row in db.fetch_all(scope, statement, values)]
    return db.fetch_all(scope, *_postgres_message(tenant, [(write, rows)]))


def _sqlite_messages(write: Write, tenant: int, rows: Sequence[Row]) -> Iterator[tuple[db.Sql, list[Any]]]:
    size = SQLITE_PARAMETERS // len(write.columns)
    for start in range(0, len(rows), size):
        chunk = rows[start : start + size]
        values = [value for row in chunk for value in row]
        yield db.Sql("", sqlite=write.sqlite(len(chunk))), write.parameters(tenant, values)
