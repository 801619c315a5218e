"""Columns of many rows as PostgreSQL's array literals: much quicker to make than lists of adapted parameters."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

Kind = Literal["uuid", "bigint", "integer", "smallint", "text", "boolean", "date", "timestamptz", "bytea"]
SQLITE_PARAMETERS = 30_000  # of one statement; the library's limit is 32,766
Row = Sequence[Any]  # Any: values of the columns, in order

# peewee's name of a type → PostgreSQL's
KINDS: dict[str, Kind] = {
    "UUID": "uuid",
    "BIGINT": "bigint",
    "INT": "integer",
    "SMALLINT": "smallint",
    "VARCHAR": "text",
    "TEXT": "text",
    "BOOL": "boolean",
    "DATE": "date",
    "TIMESTAMPTZ": "timestamptz",
    "BLOB": "bytea",
}


def _plain(values: Sequence[Any]) -> str:
    return ",".join(map(str, values))


def _uuids(values: Sequence[Any]) -> str:
    return ",".join([value if isinstance(value, str) else value.hex for value in values])


def _texts(values: Sequence[str]) -> str:
    joined = '","'.join(values)
    if "\\" in joined or joined.count('"') != 2 * (len(values) - 1):
        joined = '","'.join([value.replace("\\", "\\\\").replace('"', '\\"') for value in values])
    return f'"{joined}"'


def _iso(values: Sequence[Any]) -> str:
    return ",".join([value.isoformat() for value in values])


def _bytes(values: Sequence[Any]) -> str:
    return ",".join([f'"\\\\x{bytes(value).hex()}"' for value in values])


_ENCODERS: dict[Kind, Callable[[Sequence[Any]], str]] = {
    "uuid": _uuids,
    "bigint": _plain,
    "integer": _plain,
    "smallint": _plain,
    "text": _texts,
    "boolean": _plain,
    "date": _iso,
    "timestamptz": _iso,
    "bytea": _bytes,
}


def array(kind: Kind, values: Sequence[Any]) -> str:
    """Return one column's values as an array literal; None is NULL."""
    if not values:
        return "{}"
    encode, first, count = _ENCODERS[kind], values[0], len(values)
    if first is values[-1] and values.count(first) == count:  # a column of one value is common: now, a reason, NULL
        each = "NULL" if first is None else encode([first])
        return "{" + ",".join([each] * count) + "}"
    if None in values:
        return "{" + ",".join(["NULL" if value is None else encode([value]) for value in values]) + "}"
    return "{" + encode(values) + "}"


def arrays(columns: Sequence[tuple[str, Kind]], rows: Sequence[Row]) -> list[str]:
    """Turn rows into one array literal per column."""
    return [array(kind, values) for (_, kind), values in zip(columns, zip(*rows, strict=True), strict=True)]
