"""That a column has one of many values: one parameter on PostgreSQL, quick for thousands; `IN` on SQLite."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from peewee import SQL, Select, Value, fn

from core import db
from core.bulk.arrays import KINDS, Kind, array

MANY = 50  # values that SQLite gets as one
_AS_JSON = ("uuid", "text", "bigint", "integer")  # kinds that SQLite reads from a JSON text as it compares them


def one_of(field: Any, values: Sequence[Any]) -> Any:  # Any: peewee's field, and its expression
    """Return the condition that a field has one of many values: one parameter on PostgreSQL, quick for thousands.

    It is a subquery there, so that the plan is a join from the values into an index. `= ANY(…)` in a statement that is
    prepared while a table is young is planned as a filter, and stays one when the table has grown.
    """
    kind = KINDS.get(field.field_type, "text")
    if db.dialect() == "postgresql":
        return field.in_(Select(columns=[fn.unnest(Value(array(kind, values)).cast(f"{kind}[]"))]))
    if len(values) > MANY and kind in _AS_JSON:
        return field.in_(SQL("(SELECT value FROM json_each(?))", [_json(values)]))
    return field.in_(values)


def any_of(kind: Kind, values: Sequence[Any]) -> tuple[str, list[Any]]:
    """Return the same for a raw statement of core: `= ANY(…)`, and its parameters.

    An index answers it also inside an `OR`, where a subquery is a filter. Where there may be thousands, let the
    statement be planned for its values (`plan_anew`).
    """
    if db.dialect() == "postgresql":
        return f"= ANY(%s::{kind}[])", [array(kind, values)]
    if len(values) > MANY and kind in _AS_JSON:
        return "IN (SELECT value FROM json_each(%s))", [_json(values)]
    return f"IN ({','.join(['%s'] * len(values))})", list(values)


def _json(values: Sequence[Any]) -> str:
    """Return values as SQLite reads them from one text: ids as their digits."""
    return json.dumps([value.hex if isinstance(value, UUID) else value for value in values])
