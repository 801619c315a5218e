"""Insert many rows of one tenant in one message, for imports: there making a statement costs more than running it.

PostgreSQL gets one array literal per column and unnests them, so that the statement stays the same, and
prepared, whatever the number of rows. SQLite, where a statement costs no round trip, gets rows of VALUES.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core import db
from core.bulk.arrays import KINDS, SQLITE_PARAMETERS, Kind, array
from core.contract.context import Context
from core.db import EVERY_TENANT
from core.errors import UnscopedQuery
from core.tables import TenantModel, refuse_uneven

FEW = 20  # rows that a statement of their own is quickest for; more go in as columns


@dataclass(frozen=True, slots=True)
class _Plan:
    """How rows of one table with one set of columns are sent."""

    head: str
    columns: tuple[tuple[Any, Kind], ...]  # Any: peewee's field
    postgres: db.Sql
    tail: str


_plans: dict[tuple[type[TenantModel], tuple[str, ...], bool, tuple[str, ...]], _Plan] = {}


def _plan(model: type[TenantModel], names: tuple[str, ...], ignore_conflicts: bool, replace: tuple[str, ...]) -> _Plan:
    key = (model, names, ignore_conflicts, replace)
    held = _plans.get(key)
    if held is not None:
        return held
    fields = model._meta.fields
    columns = tuple((fields[name], KINDS[fields[name].field_type]) for name in names)
    quoted = ", ".join(f'"{field.column_name}"' for field, _ in columns)
    head = f'INSERT INTO "{model._meta.table_name}" (tenant, {quoted})'
    tail = " ON CONFLICT DO NOTHING" if ignore_conflicts else _replacing(model, names, replace) if replace else ""
    arrays = ", ".join(f"%s::{kind}[]" for _, kind in columns)
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
    for values, (field, _) in zip(columns, plan.columns, strict=True):
        if field.field_type == "TEXT":  # JSON is text to the driver: only its field knows how to write it
            values[:] = [field.db_value(value) for value in values]
    if db.dialect() == "postgresql":
        literals = [array(kind, values) for values, (_, kind) in zip(columns, plan.columns, strict=True)]
        return int(db.run(ctx.scope, plan.postgres, [ctx.tenant.id, *literals]).rowcount)
    return _insert_sqlite(ctx, plan, columns, len(rows))


def _insert_sqlite(ctx: Context, plan: _Plan, columns: list[list[Any]], count: int) -> int:
    for values, (field, kind) in zip(columns, plan.columns, strict=True):
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


# --- few rows, of which nobody waits for the outcome -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT of few rows as text: what precedes VALUES, one row of marks, and the columns of the marks."""

    model: type[TenantModel]
    head: str
    row: str
    columns: tuple[str, ...]  # the tenant first; what stands in `row` itself is a default of the model

    def statement(self, count: int) -> db.Sql:
        """Return the statement for `count` rows."""
        held = _inserts.get((self.head, count))
        if held is None:
            held = _inserts[(self.head, count)] = db.Sql(self.head + ",".join([self.row] * count))
        return held


_inserts: dict[tuple[str, int], db.Sql] = {}


def insert_later(ctx: Context, insert: Insert, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows with the next statement that somebody waits for; at once, as columns, when they are many."""
    if len(rows) > FEW:
        names = insert.columns[1:]
        insert_rows(ctx, insert.model, [dict(zip(names, values[1:], strict=True)) for values in rows])
    elif rows:
        db.run_later(ctx.scope, insert.statement(len(rows)), [value for values in rows for value in values])
