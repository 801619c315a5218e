"""What is wrong with a value, in Chinese and English, from pydantic's errors. Never the value itself."""

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

_ZH = {
    "missing": "必填",
    "extra_forbidden": "没有这个字段",
    "json_invalid": "不是合法的 JSON",
    "json_type": "不是合法的 JSON",
    "model_type": "应为对象",
    "model_attributes_type": "应为对象",
    "dict_type": "应为对象",
    "list_type": "应为数组",
    "tuple_type": "应为数组",
    "set_type": "应为数组",
    "string_type": "应为字符串",
    "string_too_short": "至少 {min_length} 个字符",
    "string_too_long": "最多 {max_length} 个字符",
    "string_pattern_mismatch": "格式不符",
    "int_type": "应为整数",
    "int_parsing": "应为整数",
    "int_from_float": "应为整数",
    "int_parsing_size": "数字太大",
    "float_type": "应为数字",
    "float_parsing": "应为数字",
    "decimal_type": "应为数字",
    "decimal_parsing": "应为数字",
    "finite_number": "应为有限的数字",
    "bool_type": "应为 true 或 false",
    "bool_parsing": "应为 true 或 false",
    "greater_than": "应大于 {gt}",
    "greater_than_equal": "应不小于 {ge}",
    "less_than": "应小于 {lt}",
    "less_than_equal": "应不大于 {le}",
    "multiple_of": "应为 {multiple_of} 的倍数",
    "too_short": "至少 {min_length} 项",
    "too_long": "最多 {max_length} 项",
    "uuid_type": "应为 id",
    "uuid_parsing": "应为 id",
    "enum": "只能是 {expected}",
    "literal_error": "只能是 {expected}",
    "date_type": "应为日期，如 2026-11-22",
    "date_parsing": "应为日期，如 2026-11-22",
    "date_from_datetime_parsing": "应为日期，如 2026-11-22",
    "datetime_type": "应为带时区的时间，如 2026-11-22T10:00:00+08:00",
    "datetime_parsing": "应为带时区的时间，如 2026-11-22T10:00:00+08:00",
    "datetime_from_date_parsing": "应为带时区的时间，如 2026-11-22T10:00:00+08:00",
    "timezone_aware": "时间要带时区，如 2026-11-22T10:00:00+08:00",
    "time_type": "应为时间，如 10:00",
    "time_parsing": "应为时间，如 10:00",
    "url_parsing": "应为网址",
    "url_scheme": "应为网址",
}


def fields_of(ex: ValidationError, where: str, *, english: bool) -> list[dict[str, str]]:
    """Return `{"path", "message"}` for each thing that is wrong; `where` is body, query or path."""
    return [
        {"path": path_of(where, error["loc"]), "message": _say(error, english)}
        for error in ex.errors(include_url=False, include_input=False)[:50]
    ]


def path_of(where: str, loc: Iterable[int | str]) -> str:
    """Return a dotted path such as `body.rewards.0.kind`."""
    return ".".join([where, *(str(part) for part in loc)])


def _say(error: Any, english: bool) -> str:  # Any: pydantic's ErrorDetails
    if english:
        return str(error["msg"])
    words = _ZH.get(error["type"])
    if words is None:
        return str(error["msg"]) if error["type"] in ("value_error", "assertion_error") else "格式不正确"
    return words.format_map(error.get("ctx") or {})
