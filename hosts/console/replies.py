"""What a row is over REST: derived from the columns that its resource declares and the table that they are of."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from peewee import BlobField, BooleanField, CharField, DateField, IntegerField, TextField, UUIDField
from pydantic import BaseModel, Field, create_model

from core.contract.bodies import Row
from core.contract.console import Column, Resource
from core.errors import ConfigurationError
from core.fields import JsonField, TimeField
from core.rewards import ConditionSpec, RewardSpec

# Any: peewee's classes of fields, and types made at run time
_OF_FIELDS: tuple[tuple[Any, Any], ...] = (
    (UUIDField, UUID),
    (BooleanField, bool),
    (IntegerField, int),
    (TimeField, datetime),
    (DateField, date),
    (JsonField, None),  # as the kind says
    ((CharField, TextField), str),
)
_OF_KINDS: dict[str, Any] = {
    "int": int,
    "fen": int,
    "points": int,
    "bool": bool,
    "time": datetime,
    "date": date,
    "member": UUID,
    "venue": UUID,
}
_OF_JSON: dict[str, Any] = {
    "text": list[str],
    "choice": list[str],
    "table": list[dict[str, Any]],
    "facts": dict[str, Any],
    "rewards": list[RewardSpec],
    "conditions": list[ConditionSpec],
}


def reply_of(slug: str, resource: Resource) -> type[BaseModel]:
    """Return the pydantic model of a row over REST: its own `reply`, or the id, the columns and what is `also` told.

    Raises ConfigurationError for a column whose type neither the table nor its kind says.
    """
    if resource.reply is not None:
        return resource.reply
    key: Any = resource.model._meta.primary_key
    told = {column.name: column for column in resource.columns if column.rest}
    told |= {column.name: column for column in resource.also if isinstance(column, Column)}
    named = (key.name, *(name for name in resource.also if isinstance(name, str)))
    fields: dict[str, Any] = {
        name: (_of_table(slug, resource, name, "text"), ...) for name in named if name not in told
    }
    for name, column in told.items():
        kind = column.type if column.type is not None else _of_table(slug, resource, name, column.kind)
        fields[name] = (kind, Field(description=_says(column)))
    words = f"{slug}_{resource.name}_row".replace("-", "_").split("_")
    model_name = "".join(word.title() for word in words)
    return create_model(model_name, __base__=Row, __doc__=f"A row as staff see it: {resource.title.en}.", **fields)


def _says(column: Column) -> str:
    """Return what the API's page says of a column: its own words, or its title with the codes that it may have."""
    codes = [str(code) or "empty" for code in column.choices]
    if column.says or not codes:
        return column.says or (f"{column.title.en}, in fen" if column.kind == "fen" else column.title.en)
    return f"{column.title.en}: {' or '.join([', '.join(codes[:-1]), codes[-1]] if codes[1:] else codes)}"


def _of_table(slug: str, resource: Resource, name: str, kind: str) -> Any:
    field = resource.model._meta.fields.get(name)
    if field is None or isinstance(field, BlobField):  # what is sealed is presented as text
        return _OF_KINDS.get(kind) or (_OF_JSON[kind] if kind in ("table", "facts") else str)
    found = next((made for fields, made in _OF_FIELDS if isinstance(field, fields)), None) or _OF_JSON.get(kind)
    if found is None:
        raise ConfigurationError(
            f"{slug}: resource {resource.name}: say what {name!r} is over REST, Column(…, type=…), or give a reply"
        )
    return found | None if field.null else found
