"""Columns of many rows as PostgreSQL's COPY takes them in binary form: nothing is written out to be read again."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import chain, repeat
from struct import Struct
from typing import Any

from core.bulk.arrays import Kind, Row

_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_SINCE = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL's first instant
_FIRST_DAY = date(2000, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)
_length = Struct(">i").pack
# What has one width: struct's letter for it, and the width.
_FIXED: dict[Kind, tuple[str, int]] = {
    "uuid": ("16s", 16),
    "bigint": ("q", 8),
    "integer": ("i", 4),
    "smallint": ("h", 2),
    "boolean": ("?", 1),
    "date": ("i", 4),
    "timestamptz": ("q", 8),
}


def packed(kinds: Sequence[Kind], columns: Sequence[Row]) -> tuple[list[int], bytes]:
    """Return rows, given by column, as COPY's binary form, and in which order it has the columns."""
    fixed: list[int] = []
    loose: list[int] = []
    formats, values, pieces = ">h", [], []
    for place, (kind, column) in enumerate(zip(kinds, columns, strict=True)):
        ready = _ENCODERS.get(kind, list)(column)
        if kind in _FIXED and None not in ready:
            letter, width = _FIXED[kind]
            formats += f"i{letter}"
            values += [repeat(width), ready]
            fixed.append(place)
        else:
            pieces.append(_pieces(kind, ready))
            loose.append(place)
    rows: Iterable[bytes] = map(Struct(formats).pack, repeat(len(kinds), len(columns[0])), *values)
    if pieces:
        rows = chain.from_iterable(zip(rows, *pieces, strict=True))
    return fixed + loose, _HEAD + b"".join(rows) + _END


def _pieces(kind: Kind, values: Sequence[Any]) -> list[bytes]:
    """Return each value with its length before it; values are bytes or what the kind's letter packs."""
    if kind in _FIXED:
        letter, width = _FIXED[kind]
        pack = Struct(f">i{letter}").pack
        return [_NULL if value is None else pack(width, value) for value in values]
    return [_NULL if value is None else _length(len(value)) + value for value in values]


def each(encode: Callable[[Any], Any], values: Row) -> list[Any]:
    """Encode values but None; one that stands several times in a row, as the same object, is encoded once."""
    found: list[Any] = []
    last, ready = None, None
    for value in values:
        if value is not last:
            last, ready = value, None if value is None else encode(value)
        found.append(ready)
    return found


def instants(encode: Callable[[datetime], Any], values: Row) -> list[Any]:
    """Encode instants but None, each once: in a file of purchases many are the same."""
    known = {value: None if value is None else encode(value) for value in set(values)}
    return [known[value] for value in values]


def _uuid(value: Any) -> bytes:  # Any: an id of either library, or its digits
    return bytes.fromhex(value) if type(value) is str else bytes(value.bytes)


_ENCODERS: dict[Kind, Callable[[Row], list[Any]]] = {
    "uuid": lambda values: each(_uuid, values),
    "text": lambda values: each(str.encode, values),
    "bytea": lambda values: each(bytes, values),
    "date": lambda values: each(lambda day: day.toordinal() - _FIRST_DAY, values),
    "timestamptz": lambda values: instants(lambda instant: (instant - _SINCE) // _MICROSECOND, values),
}
