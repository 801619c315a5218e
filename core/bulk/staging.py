"""Rows put into a temporary table of the connection, for the statements that then work on all of them at once.

PostgreSQL takes them by COPY: less work on both sides than parameters, whatever their number. SQLite, where a
statement costs no round trip, takes them one by one into its own temporary table. Nobody else sees them, and they are
gone before the transaction ends. Only inside a transaction.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from core import db

_PLAN_ANEW = db.Sql("SET LOCAL plan_cache_mode = force_custom_plan")
_MARKED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
NULL = "\\N"  # how COPY writes it
Values = Sequence[Any]  # Any: a column's values, of its kind or None


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
    columns: tuple[tuple[str, str], ...]

    @contextmanager
    def filled(self, scope: int, columns: Sequence[Values]) -> Iterator[None]:
        """Put rows, given by column, into the table until the end of the block."""
        if not db.in_transaction():
            raise RuntimeError("rows are staged for a transaction: open one first")
        db.refuse_when_read_only()
        names = ", ".join(name for name, _ in self.columns)
        if db.dialect() == "postgresql":
            parts = ", ".join(f"{name} {kind}" for name, kind in self.columns)
            plan_anew(scope)
            db.run_later(
                scope, db.Sql(f"CREATE TEMPORARY TABLE IF NOT EXISTS {self.name} ({parts}) ON COMMIT DELETE ROWS")
            )
            encode, table = copied, self.name
        else:
            db.run(scope, db.Sql(f"CREATE TEMPORARY TABLE IF NOT EXISTS {self.name} ({names})"))
            encode, table = bound, f"temp.{self.name}"
        db.run_later(scope, db.Sql(f"DELETE FROM {table}"))
        ready = [encode(kind, values) for (_, kind), values in zip(self.columns, columns, strict=True)]
        db.load(scope, table, [name for name, _ in self.columns], ready)
        yield
        db.run_later(scope, db.Sql(f"DELETE FROM {table}"))  # not after an error: that takes the rows back with it


def _each(encode: Callable[[Any], Any], values: Values, missing: Any) -> list[Any]:
    """Encode values; one that stands several times in a row, as the same object, is encoded once."""
    found: list[Any] = []
    last, text = None, missing
    for value in values:
        if value is not last:
            last, text = value, missing if value is None else encode(value)
        found.append(text)
    return found


def _instants(values: Values, encode: Callable[[datetime], str], missing: Any) -> list[Any]:
    """Encode instants, each once: in a file of purchases many are the same."""
    known: dict[datetime | None, Any] = {value: encode(value) for value in set(values) if value is not None}
    known[None] = missing
    return [known[value] for value in values]


def _hex(value: Any) -> str:  # Any: an id, or its text
    return value if type(value) is str else str(value.hex)


def _marked(values: Values) -> list[str]:
    if None in values:
        return [NULL if value is None else value.translate(_MARKED) for value in values]
    joined = "".join(values)
    if "\\" in joined or "\t" in joined or "\n" in joined or "\r" in joined:
        return [value.translate(_MARKED) for value in values]
    return list(values)


def copied(kind: str, values: Values) -> list[str]:
    """Return values as COPY's text format has them."""
    if kind in ("text", "varchar"):
        return _marked(values)
    if kind == "uuid":
        return _each(_hex, values, NULL)
    if kind == "timestamptz":
        return _instants(values, datetime.isoformat, NULL)
    if kind == "date":
        return _each(date.isoformat, values, NULL)
    if kind == "bytea":
        return _each(lambda value: f"\\\\x{bytes(value).hex()}", values, NULL)
    return [NULL if value is None else str(value) for value in values]  # numbers; True and False are words it reads


def bound(kind: str, values: Values) -> list[Any]:
    """Return values as SQLite's driver takes them without asking us again."""
    if kind == "uuid":
        return _each(_hex, values, None)
    if kind == "timestamptz":
        return _instants(values, lambda value: value.astimezone(UTC).isoformat(" ", "microseconds"), None)
    if kind == "date":
        return _each(date.isoformat, values, None)
    return list(values)
