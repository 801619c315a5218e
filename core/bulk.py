"""Many rows of one tenant at once: written in one message for imports, deleted in short transactions by the clock.

In an import making a statement costs more than running it.

PostgreSQL gets one array literal per column and unnests them, so that the statement stays the same, and
prepared, whatever the number of rows. SQLite, where a statement costs no round trip, gets rows of VALUES.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from peewee import Select, Value, fn

from core import db
from core.contract.context import Context
from core.db import EVERY_TENANT
from core.errors import UnscopedQuery
from core.tables import TenantModel, refuse_uneven

SQLITE_PARAMETERS = 30_000  # of one statement; the library's limit is 32,766
DELETED_AT_ONCE = 5000  # rows of one transaction
Encoder = Callable[[Any], str]  # Any: a column's value


def _plain(value: Any) -> str:
    return "NULL" if value is None else str(value)


def _quoted(value: Any) -> str:
    if value is None:
        return "NULL"
    text: str = value
    if '"' in text or "\\" in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _instant(value: datetime | date | None) -> str:
    return "NULL" if value is None else value.isoformat()


def _bytes(value: Any) -> str:
    return "NULL" if value is None else f'"\\\\x{bytes(value).hex()}"'


# peewee's name of a type → PostgreSQL's, and how a value stands in an array
_KINDS: dict[str, tuple[str, Encoder]] = {
    "UUID": ("uuid", _plain),
    "BIGINT": ("bigint", _plain),
    "INT": ("integer", _plain),
    "SMALLINT": ("smallint", _plain),
    "VARCHAR": ("text", _quoted),
    "TEXT": ("text", _quoted),
    "BOOL": ("boolean", _plain),
    "DATE": ("date", _instant),
    "TIMESTAMPTZ": ("timestamptz", _instant),
    "BLOB": ("bytea", _bytes),
}


_ARRAYS: dict[type, str] = {UUID: "uuid[]", int: "bigint[]", str: "text[]", bytes: "bytea[]"}


@dataclass(frozen=True, slots=True)
class _Plan:
    """How rows of one table with one set of columns are sent."""

    head: str
    columns: tuple[tuple[Any, str, Encoder], ...]  # (peewee field, PostgreSQL type, encoder)
    postgres: db.Sql
    tail: str


_plans: dict[tuple[type[TenantModel], tuple[str, ...], bool, tuple[str, ...]], _Plan] = {}


def _plan(model: type[TenantModel], names: tuple[str, ...], ignore_conflicts: bool, replace: tuple[str, ...]) -> _Plan:
    key = (model, names, ignore_conflicts, replace)
    held = _plans.get(key)
    if held is not None:
        return held
    fields = model._meta.fields
    columns = tuple((fields[name], *_KINDS[fields[name].field_type]) for name in names)
    quoted = ", ".join(f'"{field.column_name}"' for field, _, _ in columns)
    head = f'INSERT INTO "{model._meta.table_name}" (tenant, {quoted})'
    tail = " ON CONFLICT DO NOTHING" if ignore_conflicts else _replacing(model, names, replace) if replace else ""
    arrays = ", ".join(f"%s::{kind}[]" for _, kind, _ in columns)
    postgres = db.Sql(f"{head} SELECT %s, d.* FROM unnest({arrays}) AS d WHERE true{tail}")
    return _plans.setdefault(key, _Plan(head, columns, postgres, tail))


def _replacing(model: type[TenantModel], names: tuple[str, ...], replace: tuple[str, ...]) -> str:
    meta: Any = model._meta
    fields, kept = meta.fields, {*replace, meta.primary_key.name}
    same = ", ".join(f'"{fields[name].column_name}"' for name in ("tenant", *replace))
    columns = [fields[name].column_name for name in names if name not in kept]
    return f" ON CONFLICT ({same}) DO UPDATE SET " + ", ".join(f'"{name}" = excluded."{name}"' for name in columns)


def insert_rows(
    ctx: Context,
    model: type[TenantModel],
    rows: Sequence[Mapping[str, Any]],
    *,
    ignore_conflicts: bool = False,
    replace: Sequence[str] = (),
) -> int:
    """Insert rows of the context's tenant now; return how many went in. All have the same keys: names of fields.
    ValueError names the first row that has others.

    Fields left out get the model's defaults. With `ignore_conflicts` a row that is there already is passed over; with
    `replace`, the fields of a unique index beside the tenant, it is overwritten but for its primary key. Raises what
    the database raises; needs an open transaction to be one act.
    """
    if not rows:
        return 0
    if ctx.scope == EVERY_TENANT:
        raise UnscopedQuery(f"insert_rows({model.__name__}) needs the context of one tenant")
    db.refuse_when_read_only()
    given = tuple(rows[0])
    defaults = {f.name: d for f, d in model._meta.defaults.items() if f.name not in given}
    plan = _plan(model, (*given, *defaults), ignore_conflicts, tuple(replace))
    try:
        columns: list[list[Any]] = [[row[name] for row in rows] for name in given]
    except KeyError:
        refuse_uneven(model, rows)
        raise
    if sum(map(len, rows)) != len(given) * len(rows):  # each has those of the first, so one has more
        refuse_uneven(model, rows)
    columns += [[default() if callable(default) else default for _ in rows] for default in defaults.values()]
    for values, (field, _, _) in zip(columns, plan.columns, strict=True):
        if field.field_type == "TEXT":  # JSON is text to the driver: only its field knows how to write it
            values[:] = [field.db_value(value) for value in values]
    if db.dialect() == "postgresql":
        literals = [
            "{" + ",".join(map(encode, values)) + "}"
            for values, (_, _, encode) in zip(columns, plan.columns, strict=True)
        ]
        return int(db.run(ctx.scope, plan.postgres, [ctx.tenant.id, *literals]).rowcount)
    return _insert_sqlite(ctx, plan, columns, len(rows))


def _insert_sqlite(ctx: Context, plan: _Plan, columns: list[list[Any]], count: int) -> int:
    for values, (field, kind, _) in zip(columns, plan.columns, strict=True):
        if kind == "date":
            values[:] = [None if value is None else value.isoformat() for value in values]
        elif kind == "boolean":
            values[:] = [None if value is None else field.db_value(value) for value in values]
    rows = list(zip(*columns, strict=True))
    size = SQLITE_PARAMETERS // (len(columns) + 1)
    mark = "(" + ",".join(["?"] * (len(columns) + 1)) + ")"
    inserted = 0
    for start in range(0, count, size):
        chunk = rows[start : start + size]
        marks = ",".join([mark] * len(chunk))
        statement = db.Sql("", sqlite=f"{plan.head} VALUES {marks}{plan.tail}")
        values = [value for row in chunk for value in (ctx.tenant.id, *row)]
        inserted += db.run(ctx.scope, statement, values).rowcount
    return inserted


def one_of(field: Any, values: Sequence[Any]) -> Any:  # Any: peewee's field, and its expression
    """Return the condition that a field has one of many values: one parameter on PostgreSQL, quick for thousands.

    It is a subquery there, so that the plan is a join from the values into an index. `= ANY(…)` in a statement that is
    prepared while a table is young is planned as a filter, and stays one when the table has grown.
    """
    if db.dialect() == "postgresql":
        array = Value(list(values), unpack=False).cast(_array_of(values))
        return field.in_(Select(columns=[fn.unnest(array)]))
    return field.in_(values)


def among(values: Sequence[Any]) -> tuple[str, list[Any]]:
    """Return the same for a raw statement of core: what follows the column, and the parameters."""
    if db.dialect() == "postgresql":
        return f"IN (SELECT unnest(%s::{_array_of(values)}))", [list(values)]
    return f"IN ({','.join(['%s'] * len(values))})", list(values)


def _array_of(values: Sequence[Any]) -> str:
    return _ARRAYS[type(values[0])] if values else "text[]"


# --- deletion --------------------------------------------------------------------------------------------------------


def delete_some(ctx: Context, model: type[TenantModel], *where: Any) -> bool:
    """Delete a tenant's rows that match, at most `DELETED_AT_ONCE`, so that the transaction stays short.

    Tells whether more may be left: a schedule then goes on by `return Next(Slot(slot=slot))`.
    """
    whole: Any = model._meta.primary_key
    (name,) = (name for name in getattr(whole, "field_names", [whole.name]) if name != "tenant")
    key = model._meta.fields[name]  # unique within a tenant
    some = model.scoped(ctx).select(key).where(*where).limit(DELETED_AT_ONCE)
    return int(model.scoped(ctx).delete().where(key.in_(some)).execute()) >= DELETED_AT_ONCE
