"""The fields of a form, read off a pydantic model: what each is called, how it is typed in, what it holds."""

import enum
import json
import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, SecretStr, create_model
from pydantic import Field as ModelField
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from core.choices import choice_of
from core.clock import local_time
from core.contract.console import Choice, Column
from core.rewards import ConditionSpec, RewardSpec
from core.words import is_chinese, said
from hosts.console.field_names import CHOICE_NAMES, FIELD_NAMES
from hosts.console.showing import yuan

Kind = Literal[
    "text",
    "lines",
    "int",
    "decimal",
    "fen",
    "bool",
    "choice",
    "date",
    "datetime",
    "time",
    "list",
    "choices",
    "json",
    "venue",
    "venues",
    "member",
    "secret",
    "group",
    "rows",
]
Shape = Literal["", "models", "map", "values", "rewards", "conditions"]
LONG_LABEL = 24  # characters; a longer description becomes a hint
_IN_FEN = re.compile(r",? in fen\b")
_CLAUSE = re.compile(r"[，；：;:]")  # a label is the first clause of a description
LONG_TEXT = 200  # characters, from which a text gets a box of several lines
DEEPEST = 2  # groups within groups; what lies deeper is typed in as JSON
SECRET_WORDS = ("secret", "password", "private_key", "api_key", "api_v3_key", "aes_key")


@dataclass(frozen=True, slots=True)
class Field:
    """One input of a form. `path` is where its value stands in the model: `limits.total`."""

    path: str
    label: str
    help: str
    kind: Kind
    required: bool
    optional: bool  # may be null
    default: Any  # Any: what the model says, or None
    options: tuple[tuple[str, str], ...] = ()  # value, words
    attributes: Mapping[str, str] | None = None  # min, max, maxlength of the input
    item: Any = None  # the type of an item of a list
    choice: Choice | None = None  # where the choices come from when the form is shown
    shape: Shape = ""  # of rows: what the model holds; `item` is then the model of a row
    fields: tuple["Field", ...] = ()  # of a group


def fields_of(
    model: type[BaseModel], locale: str, columns: Sequence[Column] = (), *, prefix: str = "", depth: int = 0
) -> tuple[Field, ...]:
    """Return the fields of a model, in its order; one that is a column too has the words of the column."""
    known = {column.name: column for column in columns}
    return tuple(
        _field(name, info, locale, known.get(name), prefix, depth) for name, info in model.model_fields.items()
    )


def _unwrap(annotation: Any) -> tuple[Any, bool]:
    """Return a type without its `Annotated` and `| None`, and whether None is allowed."""
    optional = False
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = get_args(annotation)[0]
        elif origin in (Union, types.UnionType) and type(None) in get_args(annotation):
            rest = [a for a in get_args(annotation) if a is not type(None)]
            optional = True
            if len(rest) != 1:
                return Union[tuple(rest)], True  # noqa: UP007 -- made at run time
            annotation = rest[0]
        else:
            return annotation, optional


def _field(name: str, info: FieldInfo, locale: str, column: Column | None, prefix: str, depth: int) -> Field:
    kind_of, optional = _unwrap(info.annotation)
    extra: dict[str, Any] = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    default = None if info.default is PydanticUndefined else info.default
    if info.default_factory is not None:
        default = info.get_default(call_default_factory=True, validated_data={})
    label, explained = _words(name, info, extra, column, locale)
    choice = choice_of(info) or (Choice(extra["source"]) if extra.get("source") else None)
    shape, item = _shape(kind_of, choice)
    kind: Kind
    options: tuple[tuple[str, str], ...] = ()
    if shape:
        kind = "rows"
    elif choice is not None:
        kind, item = ("choices", str) if get_origin(kind_of) in (list, tuple, set, frozenset) else ("choice", None)
    else:
        kind, options, item = _kind(name, kind_of, extra, info, depth)
    if kind == "fen":  # it is typed in yuan, whatever its model counts in
        label, explained = _in_yuan(label), _in_yuan(explained)
    inner: tuple[Field, ...] = ()
    if kind == "group":
        inner = fields_of(kind_of, locale, prefix=f"{prefix}{name}.", depth=depth + 1)
    if kind == "bool" and optional:
        kind, options = (
            "choice",
            (("true", "是" if locale == "zh" else "Yes"), ("false", "否" if locale == "zh" else "No")),
        )
    return Field(
        path=prefix + name,
        label=label,
        help=explained,
        kind=kind,
        required=info.is_required(),
        optional=optional,
        default=default,
        options=tuple((value, _choice(extra, column, value, text, locale)) for value, text in options),
        attributes=_attributes(kind, info),
        item=item,
        choice=choice,
        shape=shape,
        fields=inner,
    )


def _words(name: str, info: FieldInfo, extra: Mapping[str, Any], column: Column | None, locale: str) -> tuple[str, str]:
    """Return what a field is called, and the hint below it."""
    hint = said(info.description or "", locale)
    if hint and is_chinese(hint) != (locale == "zh"):
        hint = ""  # words in the other language help nobody
    called = extra.get(locale) or extra.get("zh") or info.title
    if isinstance(called, str):
        return called, hint if hint != called else ""
    if column is not None:
        return column.title.in_(locale), hint if hint != column.title.in_(locale) else ""
    first = _CLAUSE.split(hint, maxsplit=1)[0].strip()
    if first and len(first) <= LONG_LABEL and is_chinese(first) == (locale == "zh"):
        return first, hint if hint != first else ""
    if name in FIELD_NAMES:
        return FIELD_NAMES[name].in_(locale), hint
    return name.replace("_", " ").capitalize(), hint


def _in_yuan(words: str) -> str:
    return _IN_FEN.sub(" (yuan)", words.replace("（分）", "（元）"))


def _choice(extra: Mapping[str, Any], column: Column | None, value: str, text: str, locale: str) -> str:
    """Return the words for a choice: the column's, or `json_schema_extra={"choices": {"male": "男"}}`, or itself."""
    if column is not None and value in column.choices:
        return column.choices[value].in_(locale)
    given = extra.get("choices")
    said = given.get(value) if isinstance(given, Mapping) else None
    if isinstance(said, Mapping):
        return str(said.get(locale) or said.get("zh") or text)
    if said and locale == "zh":
        return str(said)
    return CHOICE_NAMES[text].in_(locale) if text in CHOICE_NAMES else text


def _kind(
    name: str, kind_of: Any, extra: Mapping[str, Any], info: FieldInfo, depth: int
) -> tuple[Kind, tuple[tuple[str, str], ...], Any]:
    asked = extra.get("kind")
    if asked in ("fen", "venue", "member", "secret", "lines", "json", "venues"):
        return asked, (), UUID if asked == "venues" else None
    origin = get_origin(kind_of)
    if origin is Literal:
        return "choice", tuple((str(v), str(v)) for v in get_args(kind_of)), None
    if origin in (list, tuple, set, frozenset):
        return _list_kind(name, kind_of)
    if not isinstance(kind_of, type):
        return "json", (), None
    if issubclass(kind_of, enum.Enum):
        return "choice", tuple((str(m.value), str(m.value)) for m in kind_of), None
    if issubclass(kind_of, BaseModel):
        return ("group" if depth < DEEPEST and kind_of.model_fields else "json"), (), None
    if issubclass(kind_of, SecretStr) or (issubclass(kind_of, str) and any(w in name.lower() for w in SECRET_WORDS)):
        return "secret", (), None
    simple: list[tuple[type, Kind]] = [
        (bool, "bool"),
        (int, "int"),
        (float, "decimal"),
        (Decimal, "decimal"),
        (datetime, "datetime"),
        (AwareDatetime, "datetime"),  # at run time it is no datetime
        (date, "date"),
        (time, "time"),
    ]
    for python, kind in simple:
        if issubclass(kind_of, python):
            return ("fen" if kind == "int" and (name == "fen" or name.endswith("_fen")) else kind), (), None
    if issubclass(kind_of, UUID):
        if name == "venue" or name.endswith(("_venue", "venue_id")):
            return "venue", (), None
        return ("member" if name == "member" or name.endswith(("_member", "member_id")) else "text"), (), None
    if issubclass(kind_of, timedelta):
        return "text", (), None
    if issubclass(kind_of, str):
        return ("lines" if (_limit(info, "max_length") or 0) > LONG_TEXT else "text"), (), None
    return "json", (), None


def _shape(kind_of: Any, choice: Choice | None) -> tuple[Shape, Any]:
    """Return what the rows of a list or mapping are, and the model of one; "" for what is typed in otherwise."""
    origin, arguments = get_origin(kind_of), [a for a in get_args(kind_of) if a is not Ellipsis]
    if origin in (list, tuple) and len(arguments) == 1:
        item, _ = _unwrap(arguments[0])
        if item is RewardSpec:
            return "rewards", item
        if item is ConditionSpec:
            return "conditions", item
        if isinstance(item, type) and issubclass(item, BaseModel):
            return "models", item
        if choice is not None and choice.ordered:
            said: Any = {"zh": "选择", "en": "Choice"}
            marked = Annotated[str, choice]
            return "values", create_model("Entry", value=(marked, ModelField(json_schema_extra=said)))
    if origin is dict and len(arguments) == 2:
        key, held = arguments
        named: Any = (key, ModelField(json_schema_extra={"zh": "名称", "en": "Name"}))
        value, _ = _unwrap(held)
        if isinstance(value, type) and issubclass(value, BaseModel):
            return "map", create_model("Entry", key=named, **_fields_again(value))
        plain = isinstance(value, type) and issubclass(value, str | int) and not issubclass(value, bool)
        if plain or get_origin(value) is Literal:
            said = {"zh": "值", "en": "Value"}
            return "map", create_model("Entry", key=named, value=(held, ModelField(json_schema_extra=said)))
    return "", None


def _fields_again(model: type[BaseModel]) -> dict[str, Any]:
    return {name: (info.annotation, info) for name, info in model.model_fields.items()}


def _list_kind(name: str, kind_of: Any) -> tuple[Kind, tuple[tuple[str, str], ...], Any]:
    arguments = [a for a in get_args(kind_of) if a is not Ellipsis]
    if len(arguments) != 1:
        return "json", (), None
    item, _ = _unwrap(arguments[0])
    if get_origin(item) is Literal:
        return "choices", tuple((str(v), str(v)) for v in get_args(item)), item
    if isinstance(item, type) and issubclass(item, enum.Enum):
        return "choices", tuple((str(m.value), str(m.value)) for m in item), item
    if item is UUID and name.rstrip("s").endswith("venue"):
        return "venues", (), item
    if isinstance(item, type) and issubclass(item, str | int | UUID | date) and not issubclass(item, bool):
        return "list", (), item
    return "json", (), None


def _limit(info: FieldInfo, name: str) -> Any:
    return next((value for m in info.metadata if (value := getattr(m, name, None)) is not None), None)


def _attributes(kind: Kind, info: FieldInfo) -> dict[str, str]:
    found: dict[str, str] = {}
    if kind in ("int", "decimal", "fen"):
        low, high = _limit(info, "ge"), _limit(info, "le")
        if low is None and kind == "int" and isinstance(_limit(info, "gt"), int):
            low = _limit(info, "gt") + 1
        for attribute, value in (("min", low), ("max", high)):
            if isinstance(value, int | float | Decimal):
                found[attribute] = str(Decimal(value) / 100) if kind == "fen" else str(value)
        found["step"] = {"int": "1", "decimal": "any", "fen": "0.01"}[kind]
    if kind in ("text", "lines", "secret") and isinstance(_limit(info, "max_length"), int):
        found["maxlength"] = str(_limit(info, "max_length"))
    return found


def as_typed(field: Field, value: Any, zone: str) -> Any:  # Any: text, or a list of texts, or a bool
    """Return a value of the model as an input holds it."""
    if value is None or field.kind == "secret":
        return [] if field.kind in ("choices", "venues") else ""
    if isinstance(value, enum.Enum):
        value = value.value
    match field.kind:
        case "bool":
            return bool(value)
        case "fen":
            return yuan(int(value)).replace(",", "")
        case "datetime" if isinstance(value, datetime):
            aware = value if value.tzinfo else value.replace(tzinfo=UTC)
            return local_time(aware, zone).strftime("%Y-%m-%dT%H:%M")
        case "list":
            return "\n".join(str(v) for v in value)
        case "choices" | "venues":
            return [str(v.value if isinstance(v, enum.Enum) else v) for v in value]
        case "choice" if isinstance(value, bool):
            return "true" if value else "false"
        case "rows":
            return ()
        case "json":
            return json.dumps(_jsonable(value), ensure_ascii=False, indent=2, default=str)
        case "time" if isinstance(value, time):
            return value.strftime("%H:%M")
        case _:
            return str(value)


def _jsonable(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, list | tuple | set | frozenset):
        return [_jsonable(v) for v in value]
    return {str(k): _jsonable(v) for k, v in value.items()} if isinstance(value, Mapping) else value
