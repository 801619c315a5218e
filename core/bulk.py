"""Many rows of one tenant at once: written in one message for imports, deleted in short transactions by the clock.

In an import making a statement costs more than running it.

PostgreSQL gets one array literal per column and unnests them, so that the statement stays the same, and
prepared, whatever the number of rows. SQLite, where a statement costs no round trip, gets rows of VALUES.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from peewee import SQL, Select, Value, fn

from core import db
from core.context import Context
from core.db import EVERY_TENANT
from core.errors import UnscopedQuery
from core.staging import Stage, plan_anew
from core.tables import TenantModel

SQLITE_PARAMETERS = 30_000  # of one statement; the library's limit is 32,766
DELETED_AT_ONCE = 5000  # rows of one transaction
FEW = 50  # rows that go in without being staged
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
    columns: list[list[Any]] = [[row[name] for row in rows] for name in given]
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


@dataclass(frozen=True, slots=True)
class Same:
    """One value for all rows of an `insert_columns`."""

    value: Any  # Any: a column's value


def insert_columns(
    ctx: Context,
    model: type[TenantModel],
    count: int,
    columns: Mapping[str, Sequence[Any] | Same],
    *,
    ignore_conflicts: bool = False,
) -> int:
    """Insert `count` rows given by column, as `insert_rows` does by row; return how many went in.

    It is the quicker way for thousands: the rows are staged, a value that all of them have is sent once, and ids may be
    given as their 32 hexadecimal digits. Needs an open transaction.
    """
    if count <= FEW:
        whole = {name: [c.value] * count if isinstance(c, Same) else c for name, c in columns.items()}
        rows = [dict(zip(whole, values, strict=True)) for values in zip(*whole.values(), strict=True)]
        return insert_rows(ctx, model, rows, ignore_conflicts=ignore_conflicts)
    if ctx.scope == EVERY_TENANT:
        raise UnscopedQuery(f"insert_columns({model.__name__}) needs the context of one tenant")
    fields, given = model._meta.fields, dict(columns)
    for field, default in model._meta.defaults.items():
        if field.name not in given:
            given[field.name] = [default() for _ in range(count)] if callable(default) else Same(default)
    each: dict[str, Sequence[Any]] = {}
    same: dict[str, Any] = {}
    for name, column in given.items():
        whole_json = fields[name].field_type == "TEXT"  # only its field knows how to write it
        if isinstance(column, Same):
            same[name] = fields[name].db_value(column.value)
        else:
            each[name] = [fields[name].db_value(value) for value in column] if whole_json else column
    staged = _staged(model, tuple(each), tuple(same), ignore_conflicts)
    with staged.stage.filled(ctx.scope, list(each.values())):
        return int(db.run(ctx.scope, staged.statement, [ctx.tenant.id, *same.values()]).rowcount)


@dataclass(frozen=True, slots=True)
class _Staged:
    stage: Stage
    statement: db.Sql


_staged_plans: dict[tuple[type[TenantModel], tuple[str, ...], tuple[str, ...], bool], _Staged] = {}


def _staged(model: type[TenantModel], each: tuple[str, ...], same: tuple[str, ...], ignore_conflicts: bool) -> _Staged:
    key = (model, each, same, ignore_conflicts)
    held = _staged_plans.get(key)
    if held is None:
        fields, table = model._meta.fields, model._meta.table_name
        columns = [(f"c{place}", _KINDS[fields[name].field_type][0]) for place, name in enumerate(each)]
        names = ", ".join(f'"{fields[name].column_name}"' for name in (*each, *same))
        head = f'INSERT INTO "{table}" (tenant, {names}) SELECT'
        stage = Stage(f"stage_{len(_staged_plans)}_{table}"[:63], tuple(columns))
        source = ", ".join(name for name, _ in columns)
        tail = f"FROM {stage.name} WHERE true{' ON CONFLICT DO NOTHING' if ignore_conflicts else ''}"
        typed = "".join(f", %s::{_KINDS[fields[name].field_type][0]}" for name in same)
        plain = ", ?" * len(same)
        statement = db.Sql(f"{head} %s, {source}{typed} {tail}", sqlite=f"{head} ?, {source}{plain} {tail}")
        held = _staged_plans.setdefault(key, _Staged(stage, statement))
    return held


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
    """Return the condition for a raw statement of core: what follows the column, and the parameters.

    Plan such a statement anew (`core.staging`) where there may be thousands of values.
    """
    if db.dialect() == "postgresql":
        return f"= ANY(%s::{_array_of(values)})", [_literal(values)]
    if len(values) > FEW and not isinstance(values[0], bytes):
        return "IN (SELECT value FROM json_each(%s))", [_json(values)]
    return f"IN ({','.join(['%s'] * len(values))})", list(values)


def rows_among(ctx: Context, model: type[TenantModel], field: Any, values: Sequence[Any], *where: Any) -> list[Any]:
    """Return a tenant's rows of which a field has one of thousands of values, and other conditions hold.

    Any: peewee's fields, expressions and rows. Needs an open transaction.
    """
    if not values:
        return []
    plan_anew(ctx.scope)
    if db.dialect() == "postgresql":
        condition = field == fn.ANY(Value(_literal(values)).cast(_array_of(values)))
    else:
        condition = field.in_(SQL("(SELECT value FROM json_each(?))", [_json(values)]))
    return list(model.scoped(ctx).select().where(condition, *where))


def _json(values: Sequence[Any]) -> str:
    """Return values as the JSON array that SQLite reads them from: ids as their digits."""
    return json.dumps([value.hex if isinstance(value, UUID) else value for value in values])


def _literal(values: Sequence[Any]) -> str:
    first = values[0] if values else None
    encode = _quoted if isinstance(first, str) else _bytes if isinstance(first, bytes) else _plain
    return "{" + ",".join(map(encode, values)) + "}"


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
