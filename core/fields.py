"""Column types that mean the same on SQLite and PostgreSQL, and how raw rows are read back."""

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from peewee import BlobField, CharField, Field, TextField

from core.errors import Invalid
from core.words import Text, kept


def as_time(value: datetime | str | None) -> datetime | None:
    """Read an instant from a raw row: PostgreSQL gives a datetime, SQLite text."""
    if value is None or isinstance(value, datetime):
        return value.astimezone(UTC) if value else None
    return datetime.fromisoformat(value)


def as_uuid(value: UUID | str | None) -> UUID | None:
    """Read an id from a raw row: PostgreSQL gives a UUID, SQLite its hex digits."""
    return UUID(value) if isinstance(value, str) else value


def uuid_of(value: UUID | str) -> UUID:
    """Read an id of a raw row that is never NULL."""
    return UUID(value) if isinstance(value, str) else value


class TimeField(Field):
    """An instant: `timestamptz` on PostgreSQL; on SQLite UTC text of fixed width, so that text order is time order."""

    field_type = "TIMESTAMPTZ"

    def db_value(self, value: Any) -> Any:  # Any: peewee passes nodes as well as instants
        """Refuse naive datetimes; give the driver UTC."""
        if not isinstance(value, datetime):
            return value
        if value.tzinfo is None:
            raise ValueError(f"{self.name}: a naive datetime ({value}) has no place in a row; use ctx.now()")
        try:
            return value.astimezone(UTC)
        except OverflowError:
            raise Invalid(f"{self.name}: {value} is before or after all time", "时间超出范围") from None

    def python_value(self, value: Any) -> datetime | None:  # Any: a driver's value
        """Return an aware datetime in UTC."""
        return as_time(value)


class JsonField(TextField):
    """A JSON value kept as compact text: read and written whole, never queried by path."""

    def db_value(self, value: Any) -> Any:
        """Dump to text; keys keep their order."""
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def python_value(self, value: Any) -> Any:
        """Load from text."""
        return None if value is None else json.loads(value)


class SealedField(BlobField):
    """What `seal(ctx, purpose, …)` made. The declaration is what a key rotation finds the column by.

    `purpose` is the one that the value is sealed for; the field's own name unless it is given. `read` makes of the
    clear text what a member takes away in an export (`json.loads` where it is JSON). `seal` refuses a purpose that no
    column of the plugin declares, so nothing sealed can be forgotten when the keys change.
    """

    def __init__(  # Any: a peewee field's own options
        self, purpose: str = "", read: Callable[[str], Any] | None = None, **options: Any
    ) -> None:
        self._purpose, self.read = purpose, read
        super().__init__(**options)

    @property
    def purpose(self) -> str:
        """Return what the value is sealed for."""
        return self._purpose or str(self.name)


class WordsField(CharField):
    """Words that the system or people write: give it a `Text` for those in two languages. See `roost.said`."""

    def db_value(self, value: Any) -> Any:
        """Keep both languages of a `Text`."""
        return kept(value, self.max_length) if isinstance(value, Text) else value


def whole(clear: str) -> str | None:
    """Return a clear text as it is: what a blind index is of, unless the field says otherwise."""
    return clear


class BlindField(BlobField):
    """The blind index, made by `blind(ctx, purpose, …)`, of what a sealed column of the same row holds.

    `of` names that `SealedField`; `read(clear)` picks what is indexed out of its clear text. A key rotation makes the
    index anew from there: one that stands beside no sealed value cannot be brought to a new key.
    """

    def __init__(
        self, purpose: str = "", of: str = "", read: Callable[[str], str | None] = whole, **options: Any
    ) -> None:
        self._purpose, self.of, self.read = purpose, of, read
        super().__init__(**options)

    @property
    def purpose(self) -> str:
        """Return what the index is made for."""
        return self._purpose or str(self.name)


def _sqlite_time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(" ", "microseconds")  # strftime writes the year 392 in three digits


def register_sqlite_adapters() -> None:
    """Teach the sqlite3 driver our instants and ids; called when a SQLite database is opened."""
    sqlite3.register_adapter(datetime, _sqlite_time)
    sqlite3.register_adapter(UUID, lambda value: value.hex)
