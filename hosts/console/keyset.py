"""Filters and keyset pages over a resource's table, from its declaration."""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal
from uuid import UUID

from peewee import BigIntegerField, BooleanField, DateField, IntegerField, UUIDField
from pydantic import BaseModel, ConfigDict, Field, create_model

from core.clock import local_day_end, local_midnight
from core.contract.console import Column, Resource
from core.contract.context import Context
from core.contract.rest import PageQuery
from core.errors import Invalid
from core.fields import TimeField

MOST_ROWS = 100  # a page


def primary_key(resource: Resource) -> Any:  # Any: a peewee field
    """Return the field of the table's primary key."""
    return resource.model._meta.primary_key


def key_type(resource: Resource) -> type[UUID] | type[int] | type[str]:
    """Return the Python type of a row's id, as it stands in a path."""
    field = primary_key(resource)
    if isinstance(field, UUIDField):
        return UUID
    return int if isinstance(field, IntegerField | BigIntegerField) else str


def read_key(resource: Resource, text: str) -> UUID | int | str | None:
    """Return a row's id from a path segment, or None when it cannot be one."""
    kind = key_type(resource)
    try:
        key = kind(text)
    except ValueError:
        return None
    return None if isinstance(key, int) and not 0 <= key < 2**63 else key


# --- filters ------------------------------------------------------------------------------------------------


def filters(resource: Resource) -> list[Column]:
    """Return the columns a list can be filtered by; the member's column is always one."""
    chosen = [column for column in resource.columns if column.filter]
    member = resource.member
    if member and member in resource.model._meta.fields and all(column.name != member for column in chosen):
        title = next((c.title for c in resource.columns if c.name == member), None)
        if title is not None:
            chosen.append(Column(member, title, "member", filter=True))
    return [column for column in chosen if column.name in resource.model._meta.fields]


def filter_model(slug: str, resource: Resource) -> type[BaseModel]:
    """Return the pydantic model of a list's query: every filter optional, unknown ones refused.

    A column of time or date gives `NAME_from` and `NAME_to`: days in the tenant's time zone, both included.
    """
    literal: Any = Literal  # Any: a Literal made at run time
    fields: dict[str, Any] = {}
    for column in filters(resource):
        if column.kind in ("time", "date"):
            fields[f"{column.name}_from"] = (
                date | None,
                Field(None, description=f"{column.title.en}: first day"),
            )
            fields[f"{column.name}_to"] = (
                date | None,
                Field(None, description=f"{column.title.en}: last day"),
            )
            continue
        field = getattr(resource.model, column.name)
        kind: Any = str
        if isinstance(field, UUIDField):
            kind = UUID
        elif isinstance(field, BooleanField):
            kind = bool
        elif column.kind == "choice" and column.choices:
            kind = literal[tuple(column.choices)]
        elif isinstance(field, IntegerField | BigIntegerField):
            kind = int
        most = getattr(field, "max_length", None)
        if kind is str:
            options = Field(None, description=column.title.en, max_length=most or 200)
        elif kind is int:
            options = Field(None, description=column.title.en, ge=-(2**31), lt=2**31)
        else:
            options = Field(None, description=column.title.en)
        fields[column.name] = (kind | None, options)
    name = "".join(part.title() for part in (*slug.split("_"), *resource.name.replace("-", "_").split("_"), "query"))
    return create_model(name, __config__=ConfigDict(extra="forbid"), **fields)


def conditions(ctx: Context, resource: Resource, wanted: BaseModel) -> list[Any]:
    """Return the WHERE parts of the filters that are set."""
    parts: list[Any] = []
    for column in filters(resource):
        field = getattr(resource.model, column.name)
        if column.kind not in ("time", "date"):
            value = getattr(wanted, column.name)
            if value is not None:
                parts.append(field == value)
            continue
        first, last = getattr(wanted, f"{column.name}_from"), getattr(wanted, f"{column.name}_to")
        if column.kind == "date":
            parts += [field >= first] if first else []
            parts += [field <= last] if last else []
        else:
            parts += [field >= local_midnight(first, ctx.tenant.zone)] if first else []
            parts += [field < local_day_end(last, ctx.tenant.zone)] if last else []
    return parts


# --- pages --------------------------------------------------------------------------------------------------


def page_of(resource: Resource, query: Any, page: PageQuery) -> tuple[list[Any], str | None]:
    """Return one page of rows along the resource's order, and the cursor of the next.

    Raises Invalid for a limit outside 1 to 100 or a cursor that is not one of ours.
    """
    if not 1 <= page.limit <= MOST_ROWS:
        raise Invalid(
            f"limit is 1 to {MOST_ROWS}, not {page.limit}",
            f"每页 1 至 {MOST_ROWS} 行",
            fields=[{"path": "query.limit", "message": f"1..{MOST_ROWS}"}],
        )
    along, down = getattr(resource.model, resource.order.lstrip("-")), resource.order.startswith("-")
    key = primary_key(resource)
    fields = [along] if along.name == key.name else [along, key]
    if page.cursor:
        query = query.where(_after(fields, _read_cursor(page.cursor, fields), down))
    query = query.order_by(*((field.desc() if down else field.asc()) for field in fields))
    rows = list(query.limit(page.limit + 1))
    if len(rows) <= page.limit:
        return rows, None
    rows = rows[: page.limit]
    return rows, _write_cursor([getattr(rows[-1], field.name) for field in fields])


def _after(fields: Sequence[Any], values: Sequence[Any], down: bool) -> Any:
    first, value = fields[0], values[0]
    beyond = first < value if down else first > value
    if len(fields) == 1:
        return beyond
    tie = fields[1] < values[1] if down else fields[1] > values[1]
    return beyond | ((first == value) & tie)


def _write_cursor(values: Sequence[Any]) -> str:
    plain = [
        value.isoformat() if isinstance(value, date) else value if isinstance(value, int) else str(value)
        for value in values
    ]
    return base64.urlsafe_b64encode(json.dumps(plain, separators=(",", ":")).encode()).decode().rstrip("=")


def _read_cursor(text: str, fields: Sequence[Any]) -> list[Any]:
    try:
        plain = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        if not isinstance(plain, list) or len(plain) != len(fields):
            raise ValueError("not a cursor of this list")
        return [_typed(field, value) for field, value in zip(fields, plain, strict=True)]
    except (ValueError, TypeError, binascii.Error, OverflowError):
        raise Invalid(
            "this cursor is not one that the list gave; start without it",
            "分页游标无效，请从第一页重新开始",
            fields=[{"path": "query.cursor", "message": "unknown cursor"}],
        ) from None


def _typed(field: Any, value: Any) -> Any:
    if isinstance(field, TimeField):
        instant = datetime.fromisoformat(value)
        return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    if isinstance(field, UUIDField):
        return UUID(str(value))
    if isinstance(field, DateField):
        return date.fromisoformat(value)
    if isinstance(field, IntegerField | BigIntegerField):
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63:
            raise ValueError("not a number")
        return value
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("not a text")
    return value
