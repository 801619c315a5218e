"""Rows put into a temporary table of the connection, for the statements that then work on all of them at once.

PostgreSQL takes them by COPY: less work on both sides than parameters, whatever their number. SQLite, where a
statement costs no round trip, takes them one by one into its own temporary table. Nobody else sees them, and they are
gone before the transaction ends. Only inside a transaction.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any

from core import db
from core.bulk.arrays import Kind, Row
from core.bulk.packing import each, instants, packed

_PLAN_ANEW = db.Sql("SET LOCAL plan_cache_mode = force_custom_plan")


def plan_anew(scope: int) -> None:
    """Have PostgreSQL plan each statement of the open transaction for the values it comes with.

    One over thousands of values that was planned while a table was young would be run the same way when it has grown.
    """
    if db.dialect() == "postgresql" and db.in_transaction():
        db.run_later(scope, _PLAN_ANEW)


@dataclass(frozen=True, slots=True)
class Stage:
    """A temporary table: its name, and its columns with PostgreSQL's names of their types."""

    name: str
    columns: tuple[tuple[str, Kind], ...]

    @contextmanager
    def filled(self, scope: int, columns: Sequence[Row]) -> Iterator[None]:
        """Put rows, given by column, into the table until the end of the block. Ids may be their digits."""
        if not db.in_transaction():
            raise RuntimeError("rows are staged for a transaction: open one first")
        db.refuse_when_read_only()
        names, kinds = zip(*self.columns, strict=True)
        if db.dialect() == "postgresql":
            plan_anew(scope)
            parts = ", ".join(f"{name} {kind}" for name, kind in self.columns)
            made = f"CREATE TEMPORARY TABLE IF NOT EXISTS {self.name} ({parts}) ON COMMIT DELETE ROWS"
        else:
            made = f"CREATE TEMPORARY TABLE IF NOT EXISTS {self.name} ({', '.join(names)})"
        emptied = db.Sql(f"DELETE FROM {self.name}")
        db.run_later(scope, db.Sql(made))
        db.run_later(scope, emptied)
        if db.dialect() == "postgresql":
            order, rows = packed(kinds, columns)
            db.copy(scope, f"{self.name} ({', '.join(names[place] for place in order)})", rows)
        else:
            marks = ", ".join("?" * len(names))
            db.insert_each(f"INSERT INTO {self.name} VALUES ({marks})", list(map(_bound, kinds, columns)))
        yield
        db.run_later(scope, emptied)  # not after an error: that takes the rows back with it


def _bound(kind: Kind, values: Row) -> Sequence[Any]:
    """Return values as SQLite's driver takes them without asking us again."""
    if kind == "uuid":
        return each(lambda value: value if type(value) is str else value.hex, values)
    if kind == "timestamptz":
        return instants(lambda value: value.astimezone(UTC).isoformat(" ", "microseconds"), values)
    if kind == "date":
        return each(date.isoformat, values)
    return values
