"""Insert thousands of rows given by column: staged, and put in place by one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core import db
from core.bulk.inserting import KINDS, insert_rows
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
        columns = [(f"c{place}", KINDS[fields[name].field_type]) for place, name in enumerate(each)]
        names = ", ".join(f'"{fields[name].column_name}"' for name in (*each, *same))
        head = f'INSERT INTO "{table}" (tenant, {names}) SELECT'
        stage = Stage(f"stage_{len(_staged_plans)}_{table}"[:63], tuple(columns))
        source = ", ".join(name for name, _ in columns)
        tail = f"FROM {stage.name} WHERE true{' ON CONFLICT DO NOTHING' if ignore_conflicts else ''}"
        typed = "".join(f", %s::{KINDS[fields[name].field_type]}" for name in same)
        plain = ", ?" * len(same)
        statement = db.Sql(f"{head} %s, {source}{typed} {tail}", sqlite=f"{head} ?, {source}{plain} {tail}")
        held = _staged_plans.setdefault(key, _Staged(stage, statement))
    return held
