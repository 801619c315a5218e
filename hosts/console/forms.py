"""Forms: what is shown, what came back, and what is wrong with it, each message beside its field."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from core import identity
from core.contract.console import Column
from core.contract.context import Context
from core.errors import RoostError
from hosts.console.fields import Field, as_typed, fields_of
from hosts.console.showing import find_members

M = TypeVar("M", bound=BaseModel)
Sent = Mapping[str, Sequence[str]]  # a form as the browser sent it
BODY = "body."


@dataclass(frozen=True)
class FormView:
    """A form ready for its template: fields, what stands in them, and what is wrong."""

    fields: tuple[Field, ...]
    values: Mapping[str, Any]  # path to text, list of texts, or bool
    errors: Mapping[str, str] = field(default_factory=dict)  # path to message
    problem: str = ""  # what is wrong with the whole

    def refused(self, ex: "FormError | RoostError", locale: str) -> "FormView":
        """Return the form with what is wrong: beside the field where it has one, above the form otherwise."""
        if isinstance(ex, FormError):
            return replace(self, errors=ex.errors, problem=ex.problem)
        known = set(_paths(self.fields))
        errors, rest = {}, []
        for wrong in ex.fields:
            path = wrong["path"].removeprefix(BODY)
            if path in known:
                errors[path] = ex.message_zh if locale == "zh" and len(ex.fields) == 1 else wrong["message"]
            else:
                rest.append(wrong["message"])
        said = ex.message if locale == "en" else ex.message_zh
        return replace(self, errors=errors, problem="" if errors and not rest else said)


class FormError(Exception):
    """What the browser sent does not fit the model."""

    def __init__(self, errors: Mapping[str, str], problem: str = "") -> None:
        super().__init__("the form has errors")
        self.errors, self.problem = errors, problem


def form_of(ctx: Context, model: type[BaseModel], source: Any = None, columns: Sequence[Column] = ()) -> FormView:
    """Return a form that holds `source` (an object or a mapping of values), or the model's defaults."""
    fields = _with_choices(ctx, fields_of(model, ctx.locale, columns))
    values: dict[str, Any] = {}
    _fill(fields, source, values, ctx.tenant.zone)
    return FormView(fields, values)


def _with_choices(ctx: Context, fields: Sequence[Field]) -> tuple[Field, ...]:
    """Fill in the choices that come from the tenant's own data."""
    made = []
    for one in fields:
        if one.source == "roles":
            one = replace(one, options=tuple((r.code, f"{r.name}（{r.code}）") for r in identity.roles(ctx)))
        elif one.source == "permissions":
            known = identity.known_permissions(ctx)
            one = replace(one, options=tuple((c, f"{words}（{c}）") for c, words in known.items() if ctx.has(c)))
        made.append(one)
    return tuple(made)


def _fill(fields: Sequence[Field], source: Any, values: dict[str, Any], zone: str) -> None:
    for one in fields:
        name = one.path.rpartition(".")[2]
        missing = object()
        held = source.get(name, missing) if isinstance(source, Mapping) else getattr(source, name, missing)
        value = one.default if held is missing or source is None else held
        if one.kind == "group":
            _fill(one.fields, value, values, zone)
        else:
            values[one.path] = as_typed(one, value, zone)


def as_sent(ctx: Context, model: type[BaseModel], sent: Sent, columns: Sequence[Column] = ()) -> FormView:
    """Return a form that holds what the browser sent, to be shown again."""
    fields = _with_choices(ctx, fields_of(model, ctx.locale, columns))
    values: dict[str, Any] = {}
    for one in _leaves(fields):
        given = sent.get(one.path, ())
        if one.kind == "bool":
            values[one.path] = bool(given)
        elif one.kind in ("choices", "venues"):
            values[one.path] = list(given)
        else:
            values[one.path] = "" if one.kind == "secret" else (given[0] if given else "")
    return FormView(fields, values)


def read(ctx: Context, model: type[M], sent: Sent, *, kept: Mapping[str, Any] | None = None) -> M:
    """Return the model out of what the browser sent, or raise FormError with a message for each field.

    `kept` holds the stored values of secrets, which stand where theirs was left empty.
    """
    errors: dict[str, str] = {}
    fields = fields_of(model, ctx.locale)
    values = _values(ctx, fields, sent, kept or {}, errors)
    try:
        made = model.model_validate(values)
    except ValidationError as ex:
        problem = ""
        for wrong in ex.errors():
            path, message = _place(fields, wrong["loc"]), say(wrong, ctx.locale)
            if path:
                deeper = ".".join(str(part) for part in wrong["loc"])[len(path) + 1 :]
                errors.setdefault(path, f"{deeper}: {message}" if deeper else message)
            else:
                problem = problem or message
        raise FormError(errors, problem) from None
    if errors:
        raise FormError(errors)
    return made


def _leaves(fields: Sequence[Field]) -> list[Field]:
    return [leaf for one in fields for leaf in (_leaves(one.fields) if one.kind == "group" else [one])]


def _paths(fields: Sequence[Field]) -> list[str]:
    return [one.path for one in _leaves(fields)]


def _place(fields: Sequence[Field], location: Sequence[Any]) -> str:
    """Return the longest known path at the beginning of pydantic's location."""
    parts = [str(part) for part in location]
    known = set(_paths(fields))
    return next((p for n in range(len(parts), 0, -1) if (p := ".".join(parts[:n])) in known), "")


def _values(
    ctx: Context,
    fields: Sequence[Field],
    sent: Sent,
    kept: Mapping[str, Any],
    errors: dict[str, str],
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    locale = ctx.locale
    for one in fields:
        name = one.path.rpartition(".")[2]
        if one.kind == "group":
            within = kept.get(name)
            if one.optional and not any(sent.get(p, [""])[0] for p in _paths(one.fields)):
                values[name] = None
            else:
                held = within if isinstance(within, Mapping) else {}
                values[name] = _values(ctx, one.fields, sent, held, errors)
            continue
        given = [text.strip() if one.kind != "lines" else text.replace("\r\n", "\n") for text in sent.get(one.path, ())]
        if one.kind == "bool":
            values[name] = bool(given)
        elif one.kind in ("choices", "venues"):
            values[name] = [v for v in given if v]
        elif one.kind == "list":
            values[name] = [line.strip() for line in re.split(r"[\n,，]", given[0] if given else "") if line.strip()]
        elif not given or not given[0]:
            _empty(one, name, values, kept, locale, errors)
        elif one.kind == "member":
            found = find_members(ctx, (sent.get(f"{one.path}:picked") or given)[0] or given[0])
            if len(found) == 1:
                values[name] = found[0].id
            else:
                errors[one.path] = _which(len(found), locale)
                values[name] = given[0]
        else:
            try:
                values[name] = _convert(one, given[0], ctx.tenant.zone)
            except (ValueError, InvalidOperation):
                errors[one.path] = WRONG[one.kind][0 if locale == "zh" else 1]
                values[name] = given[0]
    return values


def _which(count: int, locale: str) -> str:
    if count:
        return f"{count} members fit: choose one" if locale == "en" else f"有 {count} 位会员符合，请选择其中一位"
    return "no such member" if locale == "en" else "找不到该会员"


def _empty(
    one: Field,
    name: str,
    values: dict[str, Any],
    kept: Mapping[str, Any],
    locale: str,
    errors: dict[str, str],
) -> None:
    if one.kind == "secret" and name in kept:
        values[name] = kept[name]
    elif one.optional:
        values[name] = None
    elif one.required and one.kind not in ("text", "lines"):
        errors[one.path] = "必填" if locale == "zh" else "required"
    elif one.kind in ("text", "lines"):
        values[name] = ""


def _convert(one: Field, text: str, zone: str) -> Any:
    match one.kind:
        case "fen":
            amount = Decimal(text.replace(",", "").replace("¥", "")) * 100
            if not amount.is_finite() or amount != amount.to_integral_value():
                raise ValueError("not a whole number of fen")
            return int(amount)
        case "datetime":
            local = datetime.fromisoformat(text)
            return local if local.tzinfo else local.replace(tzinfo=ZoneInfo(zone))
        case "json":
            return json.loads(text)
        case _:
            return text


WRONG: dict[str, tuple[str, str]] = {
    "fen": ("请输入金额（元，最多两位小数）", "an amount in yuan, two decimals at most"),
    "datetime": ("日期时间格式不正确", "not a date and time"),
    "json": ("不是有效的 JSON", "not valid JSON"),
}
# pydantic's kinds of error, in Chinese; `{…}` is filled from the error's own context
SAID: dict[str, str] = {
    "missing": "必填",
    "greater_than": "必须大于 {gt}",
    "greater_than_equal": "不能小于 {ge}",
    "less_than": "必须小于 {lt}",
    "less_than_equal": "不能大于 {le}",
    "string_too_short": "至少 {min_length} 个字符",
    "string_too_long": "最多 {max_length} 个字符",
    "string_pattern_mismatch": "格式不正确（{pattern}）",
    "too_short": "至少 {min_length} 项",
    "too_long": "最多 {max_length} 项",
    "int_parsing": "请输入整数",
    "int_type": "请输入整数",
    "int_from_float": "请输入整数",
    "int_parsing_size": "数字过大",
    "float_parsing": "请输入数字",
    "decimal_parsing": "请输入数字",
    "bool_parsing": "请选择是或否",
    "date_parsing": "日期格式不正确",
    "date_from_datetime_parsing": "日期格式不正确",
    "datetime_parsing": "日期时间格式不正确",
    "datetime_from_date_parsing": "日期时间格式不正确",
    "time_parsing": "时间格式不正确",
    "timezone_aware": "缺少时区",
    "uuid_parsing": "编号格式不正确",
    "literal_error": "请从列表中选择",
    "enum": "请从列表中选择",
    "list_type": "应为列表",
    "dict_type": "应为对象",
    "model_type": "应为对象",
    "model_attributes_type": "应为对象",
    "extra_forbidden": "未知字段",
    "string_type": "应为文字",
}


def say(wrong: Any, locale: str) -> str:  # Any: pydantic's ErrorDetails
    """Return one of pydantic's errors in the reader's language."""
    message = str(wrong["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if locale == "en":
        return message
    template = SAID.get(wrong["type"])
    return template.format(**wrong.get("ctx", {})) if template else message
