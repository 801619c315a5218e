"""Insert thousands of rows given by column: staged first, so that what they cost is the copying."""

from dataclasses import dataclass
from typing import Any

from core import db
from core.bulk.arrays import KINDS, Row
from core.bulk.inserting import insert_rows
from core.bulk.staging import Stage
from core.contract.context import Context
from core.db import EVERY_TENANT
from core.errors import UnscopedQuery
from core.tables import TenantModel

FEW = 50  # rows that go in without being staged


@dataclass(frozen=True, slots=True)
class Same:
    """One value for all rows of an `insert_columns`."""

    value: Any  # Any: a column's value


Columns = dict[str, Row | Same]  # by field


def insert_columns(
    ctx: Context, model: type[TenantModel], count: int, columns: Columns, *, ignore_conflicts: bool = False
) -> int:
    """Insert `count` rows given by column, as `insert_rows` does by row; return how many went in.

    A value that all of them have is sent once, and ids may be given as their 32 hexadecimal digits. Needs an open
    transaction.
    """
    if count <= FEW:
        whole = {name: [c.value] * count if isinstance(c, Same) else c for name, c in columns.items()}
        rows = [dict(zip(whole, values, strict=True)) for values in zip(*whole.values(), strict=True)]
        return insert_rows(ctx, model, rows, ignore_conflicts=ignore_conflicts)
    if ctx.scope == EVERY_TENANT:
        raise UnscopedQuery(f"insert_columns({model.__name__}) needs the context of one tenant")
    each, same = _split(model, _defaults(model, count, columns) | columns)
    stage, statement = _plan(model, tuple(each), tuple(same), ignore_conflicts)
    with stage.filled(ctx.scope, list(each.values())):
        return int(db.run(ctx.scope, statement, [ctx.tenant.id, *same.values()]).rowcount)


def _defaults(model: type[TenantModel], count: int, columns: Columns) -> Columns:
    """Return the model's defaults of fields that are left out."""
    left = {field.name: default for field, default in model._meta.defaults.items() if field.name not in columns}
    return {name: [d() for _ in range(count)] if callable(d) else Same(d) for name, d in left.items()}


def _split(model: type[TenantModel], columns: Columns) -> tuple[dict[str, Row], dict[str, Any]]:
    """Return the columns that differ from row to row, and the values that do not."""
    each: dict[str, Row] = {}
    same: dict[str, Any] = {}
    for name, column in columns.items():
        field = model._meta.fields[name]
        if isinstance(column, Same):
            same[name] = field.db_value(column.value)
        else:  # JSON is text to the driver: only its field knows how to write it
            each[name] = [field.db_value(value) for value in column] if field.field_type == "TEXT" else column
    return each, same


_plans: dict[tuple[type[TenantModel], tuple[str, ...], tuple[str, ...], bool], tuple[Stage, db.Sql]] = {}


def _plan(
    model: type[TenantModel], each: tuple[str, ...], same: tuple[str, ...], ignore_conflicts: bool
) -> tuple[Stage, db.Sql]:
    key = (model, each, same, ignore_conflicts)
    held = _plans.get(key)
    if held is not None:
        return held
    fields, table = model._meta.fields, model._meta.table_name
    columns = tuple((f"c{place}", KINDS[fields[name].field_type]) for place, name in enumerate(each))
    names = ", ".join(f'"{fields[name].column_name}"' for name in (*each, *same))
    head = f'INSERT INTO "{table}" (tenant, {names}) SELECT'
    stage = Stage(f"stage_{len(_plans)}_{table}"[:63], columns)
    source = ", ".join(name for name, _ in columns)
    tail = f"FROM {stage.name} WHERE true{' ON CONFLICT DO NOTHING' if ignore_conflicts else ''}"
    typed = "".join(f", %s::{KINDS[fields[name].field_type]}" for name in same)
    statement = db.Sql(f"{head} %s, {source}{typed} {tail}", sqlite=f"{head} ?, {source}{', ?' * len(same)} {tail}")
    return _plans.setdefault(key, (stage, statement))
