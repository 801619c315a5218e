"""That a column has one of many values: one parameter on PostgreSQL, quick for thousands; `IN` on SQLite."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from peewee import SQL, Select, Value, fn

from core import db
from core.bulk.arrays import Kind, array
from core.bulk.staging import plan_anew
from core.contract.context import Context
from core.tables import TenantModel

_KINDS: dict[type, Kind] = {UUID: "uuid", int: "bigint", str: "text", bytes: "bytea"}
MANY = 50  # values that SQLite gets as one text


def one_of(field: Any, values: Sequence[Any]) -> Any:  # Any: peewee's field, and its expression
    """Return the condition that a field has one of many values: one parameter on PostgreSQL, quick for thousands.

    It is a subquery there, so that the plan is a join from the values into an index. `= ANY(…)` in a statement that is
    prepared while a table is young is planned as a filter, and stays one when the table has grown.
    """
    if values and db.dialect() == "postgresql":
        given = Value(list(values), unpack=False).cast(f"{_kind_of(values)}[]")
        return field.in_(Select(columns=[fn.unnest(given)]))
    return field.in_(values)


def any_of(kind: Kind, values: Sequence[Any]) -> tuple[str, list[Any]]:
    """Return the same for a raw statement: `= ANY(…)`, and its parameters.

    An index answers it also inside an `OR`, where a subquery is a filter. Have such a statement planned anew
    (`plan_anew`) where there may be thousands of values.
    """
    if db.dialect() == "postgresql":
        return f"= ANY(%s::{kind}[])", [array(kind, values)]
    if len(values) > MANY and kind in ("uuid", "text", "bigint"):
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
        condition = field == fn.ANY(Value(array(_kind_of(values), values)).cast(f"{_kind_of(values)}[]"))
    else:
        condition = field.in_(SQL("(SELECT value FROM json_each(?))", [_json(values)]))
    return list(model.scoped(ctx).select().where(condition, *where))


def _json(values: Sequence[Any]) -> str:
    """Return values as the JSON array that SQLite reads them from: ids as their digits."""
    return json.dumps([value.hex if isinstance(value, UUID) else value for value in values])


def _kind_of(values: Sequence[Any]) -> Kind:
    return _KINDS[type(values[0])]
