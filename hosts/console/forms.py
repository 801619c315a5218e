"""Forms: what is shown, what came back, and what is wrong with it, each message beside its field."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from core.choices import options
from core.clock import local_instant
from core.contract.console import Column
from core.contract.context import Context
from core.errors import RoostError
from hosts.console.fields import Field, as_typed, fields_of
from hosts.console.rows_of_forms import (
    RowView,
    Sent,
    changed,
    held_rows,
    joined,
    kinds_of,
    row_of,
    sent_rows,
)
from hosts.console.showing import find_members

M = TypeVar("M", bound=BaseModel)
BODY = "body."


@dataclass(frozen=True)
class FormView:
    """A form ready for its template: fields, what stands in them, and what is wrong."""

    fields: tuple[Field, ...]
    values: Mapping[str, Any]  # path to text, list of texts, bool, or the rows of a list
    errors: Mapping[str, str] = field(default_factory=dict)  # path to message
    problem: str = ""  # what is wrong with the whole
    kinds: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)  # what a rule's rows may be, by path

    def refused(self, ex: "FormError | RoostError", locale: str) -> "FormView":
        """Return the form with what is wrong: beside the field where it has one, above the form otherwise."""
        if isinstance(ex, FormError):
            return replace(self, errors=ex.errors, problem=ex.problem)
        errors, rest = {}, []
        for wrong in ex.fields:
            path = wrong["path"].removeprefix(BODY)
            if path in self.values:
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


def form_of(
    ctx: Context, model: type[BaseModel], source: Any = None, columns: Sequence[Column] = (), row: Any = None
) -> FormView:
    """Return a form that holds `source` (an object or a mapping of values), or the model's defaults.

    `row` is the id of the row that the form is for, whose own parts may be choices.
    """
    values: dict[str, Any] = {}
    fields = _fill(ctx, fields_of(model, ctx.locale, columns), source, values, row)
    return FormView(fields, values, kinds=_kinds(ctx, fields, values))


def _kinds(ctx: Context, fields: Sequence[Field], values: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    found = {}
    for one in _leaves(fields):
        if one.kind == "rows":
            found[one.path] = [(name, kind.title.in_(ctx.locale)) for name, kind in kinds_of(ctx, one).items()]
            for part in values.get(one.path, ()):
                found |= _kinds(ctx, part.fields, values)
    return found


def _with_choices(ctx: Context, one: Field, row: Any, *held: str) -> Field:
    """Fill in the choices that come from the tenant's own data; what is held already stays one of them."""
    if one.choice is None or one.kind == "rows":
        return one
    found = options(ctx, one.choice.source, row if one.choice.of_row else None)
    known = {value for value, _ in found}
    gone = "（已停用）" if ctx.locale == "zh" else " (off)"
    return replace(one, options=(*found, *((value, value + gone) for value in held if value and value not in known)))


def _fill(
    ctx: Context, fields: Sequence[Field], source: Any, values: dict[str, Any], row: Any = None
) -> tuple[Field, ...]:
    made = []
    for one in fields:
        name = one.path.rpartition(".")[2]
        missing = object()
        held = source.get(name, missing) if isinstance(source, Mapping) else getattr(source, name, missing)
        value = one.default if held is missing or source is None else held
        if one.kind == "group":
            made.append(replace(one, fields=_fill(ctx, one.fields, value, values, row)))
        elif one.kind == "rows":
            values[one.path] = tuple(_filled(ctx, one, place, kind, held, values, row) for place, (kind, held) in
                                     enumerate(held_rows(one, value)))  # fmt: skip
            made.append(one)
        else:
            typed = as_typed(one, value, ctx.tenant.zone)
            values[one.path] = typed
            made.append(_with_choices(ctx, one, row, *(typed if isinstance(typed, list) else [str(typed)])))
    return tuple(made)


def _filled(ctx: Context, one: Field, place: int, kind: str, held: Any, values: dict[str, Any], row: Any) -> RowView:
    part = row_of(ctx, one, place, kind, held if kind else None)
    inner = {**held.get("spec", {}), "negate": held.get("negate", False)} if kind else held
    return replace(part, fields=_fill(ctx, part.fields, inner, values, row))


def as_sent(
    ctx: Context, model: type[BaseModel], sent: Sent, columns: Sequence[Column] = (), row: Any = None
) -> FormView:
    """Return a form that holds what the browser sent, to be shown again."""
    values: dict[str, Any] = {}
    fields = _again(ctx, fields_of(model, ctx.locale, columns), sent, values, row)
    return FormView(fields, values, kinds=_kinds(ctx, fields, values))


def edited(
    ctx: Context, model: type[BaseModel], sent: Sent, columns: Sequence[Column] = (), row: Any = None
) -> FormView | None:
    """Return the form with a row more or less when that was asked for, or None when it is to be saved."""
    form = changed(sent)
    return as_sent(ctx, model, form, columns, row) if form is not None else None


def _again(ctx: Context, fields: Sequence[Field], sent: Sent, values: dict[str, Any], row: Any) -> tuple[Field, ...]:
    made = []
    for one in fields:
        given = sent.get(one.path, ())
        if one.kind == "group":
            made.append(replace(one, fields=_again(ctx, one.fields, sent, values, row)))
            continue
        if one.kind == "rows":
            parts = []
            for place, kind in sent_rows(one, sent):
                said = _rule_row(ctx, one, place, kind, sent, {}) if kind else None
                part = row_of(ctx, one, place, kind, said)
                parts.append(replace(part, fields=_again(ctx, part.fields, sent, values, row)))
            values[one.path] = tuple(parts)
        elif one.kind == "bool":
            values[one.path] = bool(given)
        elif one.kind in ("choices", "venues"):
            values[one.path] = list(given)
        else:
            values[one.path] = "" if one.kind == "secret" else (given[0] if given else _default(one, sent, ctx))
        made.append(_with_choices(ctx, one, row))
    return tuple(made)


def _default(one: Field, sent: Sent, ctx: Context) -> str:
    """Return what stands in a field that was not shown yet: one of a row that was just added."""
    return str(as_typed(one, one.default, ctx.tenant.zone)) if "." in one.path else ""


def read(ctx: Context, model: type[M], sent: Sent, *, kept: Mapping[str, Any] | None = None, row: Any = None) -> M:
    """Return the model out of what the browser sent, or raise FormError with a message for each field.

    `kept` holds the stored values of secrets, which stand where theirs was left empty.
    """
    errors: dict[str, str] = {}
    known: dict[str, str] = {}
    values = _values(ctx, fields_of(model, ctx.locale), sent, kept or {}, errors, known, row)
    try:
        made = model.model_validate(values)
    except ValidationError as ex:
        problem = ""
        for wrong in ex.errors():
            path, message = _place(known, wrong["loc"]), say(wrong, ctx.locale)
            if path:
                errors.setdefault(path, message)
            else:
                problem = problem or message
        raise FormError(errors, problem) from None
    if errors:
        raise FormError(errors)
    return made


def form_words(
    ctx: Context, model: type[BaseModel], values: Mapping[str, Any], columns: Sequence[Column] = ()
) -> list[tuple[str, str]]:
    """Return what a form says, in words: labels, and values as they would be chosen."""
    view = form_of(ctx, model, values, columns)
    said = []
    for one in _leaves(view.fields):
        held = view.values[one.path]
        if one.path not in values or held in ("", None, [], ()):
            continue
        choices = dict(one.options)
        if one.kind == "rows":
            words = " + ".join(part.sentence or part.title for part in held)
        elif one.kind == "bool":
            words = ("Yes" if held else "No") if ctx.locale == "en" else ("是" if held else "否")
        elif one.kind in ("venue", "venues"):
            named = dict(options(ctx, "venues"))
            words = "、".join(named.get(str(v)) or str(v) for v in (held if isinstance(held, list) else [held]))
        elif isinstance(held, list):
            words = "、".join(str(choices.get(v) or v) for v in held)
        else:
            words = f"¥{held}" if one.kind == "fen" else choices.get(held, held)
        said.append((one.label, words))
    return said


def _leaves(fields: Sequence[Field]) -> list[Field]:
    return [leaf for one in fields for leaf in (_leaves(one.fields) if one.kind == "group" else [one])]


def _place(known: Mapping[str, str], location: Sequence[Any]) -> str:
    """Return the path of the input at the longest known beginning of pydantic's location."""
    parts = [str(part) for part in location]
    found = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((known[one] for one in found if one in known), "")


def _values(
    ctx: Context,
    fields: Sequence[Field],
    sent: Sent,
    kept: Mapping[str, Any],
    errors: dict[str, str],
    known: dict[str, str],
    row: Any = None,
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    locale = ctx.locale
    for one in fields:
        name = one.path.rpartition(".")[2]
        if one.kind == "group":
            within = kept.get(name)
            if one.optional and not any(sent.get(leaf.path, [""])[0] for leaf in _leaves(one.fields)):
                values[name] = None
            else:
                held = within if isinstance(within, Mapping) else {}
                values[name] = _values(ctx, one.fields, sent, held, errors, known, row)
            continue
        known[one.path] = one.path
        if one.kind == "rows":
            values[name] = _rows(ctx, one, sent, errors, known, row)
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
            except (ValueError, OverflowError, InvalidOperation):
                errors[one.path] = WRONG[one.kind][0 if locale == "zh" else 1]
                values[name] = given[0]
        _hold_to_choices(ctx, one, values.get(name), row, errors)
    return values


def _hold_to_choices(ctx: Context, one: Field, value: Any, row: Any, errors: dict[str, str]) -> None:
    """Refuse what is not among the choices that the form showed."""
    if one.choice is None or not value:
        return
    known = {v for v, _ in options(ctx, one.choice.source, row if one.choice.of_row else None)}
    picked = value if isinstance(value, list) else [value]
    if any(str(one_of) not in known for one_of in picked):
        errors[one.path] = "请从列表中选择" if ctx.locale == "zh" else "choose one of the list"


def _rows(
    ctx: Context, one: Field, sent: Sent, errors: dict[str, str], known: dict[str, str], row: Any
) -> Any:  # Any: a list or a mapping
    entries = []
    for place, kind in sent_rows(one, sent):
        if one.shape in ("rewards", "conditions"):
            entries.append(_rule_row(ctx, one, place, kind, sent, errors, known))
        else:
            part = row_of(ctx, one, place, "")
            entries.append(_values(ctx, part.fields, sent, {}, errors, known, row))
            if one.shape == "map":  # pydantic says where by the key
                stem = f"{one.path}.{entries[-1].get('key', '')}"
                inner = {leaf.path.rpartition(".")[2]: leaf.path for leaf in _leaves(part.fields)}
                known |= {stem if name == "value" else f"{stem}.{name}": path for name, path in inner.items()}
    return joined(one, entries)


def _rule_row(
    ctx: Context,
    one: Field,
    place: int,
    kind: str,
    sent: Sent,
    errors: dict[str, str],
    known: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Return a rule's row as its model holds it: a kind, and what the kind needs as JSON values."""
    part = row_of(ctx, one, place, kind)
    paths: dict[str, str] = {}
    held = _values(ctx, part.fields, sent, {}, errors, paths)
    said: dict[str, Any] = {"kind": kind}
    if one.shape == "conditions":
        said["negate"] = held.pop("negate", False)
    if known is not None:
        known |= paths
    found = kinds_of(ctx, one).get(kind)
    if found is None:
        errors.setdefault(one.path, "功能已停用，请移除" if ctx.locale == "zh" else "its plugin is off: remove it")
        return {**said, "spec": {}}
    try:
        said["spec"] = found.spec.model_validate(held).model_dump(mode="json", exclude_defaults=True)
    except ValidationError as ex:
        for wrong in ex.errors():
            where = _place(paths, (*part.path.split("."), "spec", *wrong["loc"])) or one.path
            errors.setdefault(where, say(wrong, ctx.locale))
        said["spec"] = {}
    return said


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
    elif one.required and (one.kind not in ("text", "lines") or "." in one.path):
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
            return local if local.tzinfo else local_instant(local.date(), local.time(), zone)
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
