"""Read what a request carries, strictly: unknown fields, wrong types, huge numbers and odd characters are refused.

JSON is validated by pydantic in strict mode: "5" is no number and 1.0 no integer. A quick scan of the bytes
decides whether the slower look at every value is needed, because nearly no body has a number of nineteen
digits.
"""

import math
import re
import typing
from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from falcon import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from core.contract.rest import PageQuery
from core.errors import Invalid, NotFound
from hosts.rest.caller import wants_english
from hosts.rest.messages import fields_of, path_of
from hosts.rest.problems import BrokenJson, TooLarge, UnsupportedMedia
from hosts.rest.shape import PathKind, Shape

MOST_ROWS = 100  # a page
PATH_LENGTH = 200
QUERY_FIELDS = 100
CURSOR_LENGTH = 1000
LOWEST, HIGHEST = -(2**63), 2**63 - 1
# Of a number that stands where one may, and not of the digits within a text: ids and keys are full of them.
_SUSPICIOUS = re.compile(rb"(?:^|[:,\[\s])-?(?:[0-9]{19}|[0-9]+(?:\.[0-9]+)?[eE]\+?[0-9]{3})|\\u0000|NaN|Infinity")
_INT = re.compile(r"-?[0-9]{1,19}")
_EMPTY = (b"", b"{}", b"null")


def read_bytes(req: Request, limit: int) -> bytes:
    """Return the body; raise TooLarge for one over `limit` bytes, without reading the rest of it."""
    length = req.content_length
    if length is None:
        if "HTTP_TRANSFER_ENCODING" not in req.env:
            return b""
        data: bytes = req.env["wsgi.input"].read(limit + 1)
    elif length > limit:
        raise _too_large(limit)
    elif length == 0:
        return b""
    else:
        data = req.bounded_stream.read()
    if len(data) > limit:
        raise _too_large(limit)
    return data


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"a body has at most {limit} bytes", f"内容最多 {limit} 字节", limit=limit)


def check_json(req: Request) -> None:
    """Raise UnsupportedMedia unless the body says that it is JSON."""
    media = req.env.get("CONTENT_TYPE", "")
    if media == "application/json":
        return
    main = media.partition(";")[0].strip().lower()
    if main != "application/json" and not (main.startswith("application/") and main.endswith("+json")):
        raise UnsupportedMedia(
            "send JSON, with Content-Type: application/json",
            "请以 JSON 提交（Content-Type: application/json）",
        )


def body_reader(shape: Shape) -> Callable[[Request, bytes], BaseModel | None]:
    """Return a function that makes the body's model from its bytes."""
    model = shape.body
    if model is None:
        return _no_body
    validate = model.__pydantic_validator__.validate_json
    required = shape.body_required

    def read(req: Request, data: bytes) -> BaseModel | None:
        if not data and not required:
            return None
        if not data:
            raise _invalid_body("a body is required", "缺少请求内容")
        check_json(req)
        if _SUSPICIOUS.search(data):
            check_values(data)
        try:
            return validate(data, strict=True, extra="forbid")  # type: ignore[no-any-return]  # the model's instance
        except ValidationError as ex:
            raise _refusal(req, ex, "body") from None

    return read


def _no_body(req: Request, data: bytes) -> None:
    if data not in _EMPTY and data.strip() not in _EMPTY:
        check_json(req)
        raise _invalid_body("this takes no body", "该接口不接收请求内容")


def _invalid_body(message: str, message_zh: str) -> Invalid:
    return Invalid(message, message_zh, fields=[{"path": "body", "message": message}])


def _refusal(req: Request, ex: ValidationError, where: str) -> Invalid | BrokenJson:
    first = ex.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return BrokenJson(f"the body is not JSON: {first['msg']}", "请求内容不是合法的 JSON")
    english = wants_english(req.env.get("HTTP_ACCEPT_LANGUAGE", ""))
    return Invalid("the input cannot be accepted", "输入有误", fields=fields_of(ex, where, english=english))


def check_values(data: bytes) -> None:
    """Raise for a number that no column holds, one that is not finite, or a NUL character, anywhere in a JSON body."""
    try:
        value = from_json(data)
    except ValueError as ex:
        raise BrokenJson(f"the body is not JSON: {ex}", "请求内容不是合法的 JSON") from None
    waiting: list[tuple[tuple[int | str, ...], Any]] = [((), value)]
    while waiting:
        loc, item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(((*loc, name), inner) for name, inner in item.items())
            if any("\0" in name for name in item):
                raise _unfit("body", loc, "a name holds a NUL character", "字段名含有非法字符")
        elif isinstance(item, list):
            waiting.extend(((*loc, place), inner) for place, inner in enumerate(item))
        else:
            _check_scalar("body", loc, item)


def _check_scalar(where: str, loc: tuple[int | str, ...], item: Any) -> None:
    if isinstance(item, str):
        if "\0" in item:
            raise _unfit(where, loc, "a text holds a NUL character", "文本含有非法字符")
    elif isinstance(item, float):
        if not math.isfinite(item):
            raise _unfit(where, loc, "a number must be finite", "应为有限的数字")
    elif isinstance(item, int) and not LOWEST <= item <= HIGHEST:
        raise _unfit(where, loc, "a number has at most 64 bits", "数字太大")


def _unfit(where: str, loc: tuple[int | str, ...], message: str, message_zh: str) -> Invalid:
    return Invalid(message, message_zh, fields=[{"path": path_of(where, loc), "message": message}])


# --- query -----------------------------------------------------------------------------------------------------------


def query_reader(shape: Shape) -> Callable[[Request], tuple[BaseModel | None, PageQuery | None]]:
    """Return a function that makes the query's model and the page from the query string."""
    model = shape.query
    validate = model.__pydantic_validator__.validate_python if model is not None else None
    lists = frozenset(
        field.alias or name
        for name, field in (model.model_fields.items() if model else ())
        if _is_list(field.annotation)
    )
    has_page = shape.page
    first_page = PageQuery()

    def read(req: Request) -> tuple[BaseModel | None, PageQuery | None]:
        raw = req.env.get("QUERY_STRING", "")
        if not raw:
            values: dict[str, Any] = {}
        else:
            values = _split(raw, lists)
        page = (_page(values) if values else first_page) if has_page else None
        if validate is None:
            if values:
                name = next(iter(values))
                raise _unfit("query", (name[:100],), "there is no such parameter", "没有这个参数")
            return None, page
        try:
            found: BaseModel = validate(values, extra="forbid")
        except ValidationError as ex:
            raise _refusal(req, ex, "query") from None
        if values:
            for name, value in found.__dict__.items():
                _check_scalar("query", (name,), value)
        return found, page

    return read


def _is_list(annotation: Any) -> bool:
    origin = typing.get_origin(annotation)
    if origin in (list, tuple, set, frozenset):
        return True
    return any(_is_list(a) for a in typing.get_args(annotation)) if origin is not None else False


def _split(raw: str, lists: frozenset[str]) -> dict[str, Any]:
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, max_num_fields=QUERY_FIELDS)
    except ValueError:
        raise _unfit("query", (), f"a query has at most {QUERY_FIELDS} parameters", "参数过多") from None
    values: dict[str, Any] = {}
    for name, value in pairs:
        if "\0" in value or "\0" in name:
            raise _unfit("query", (name.replace("\0", "")[:100],), "a text holds a NUL character", "文本含有非法字符")
        if name in lists:
            values.setdefault(name, []).append(value)
        elif name in values:
            raise _unfit("query", (name,), "given twice", "参数重复")
        else:
            values[name] = value
    return values


def _page(values: dict[str, Any]) -> PageQuery:
    limit, cursor = values.pop("limit", None), values.pop("cursor", "")
    number = 20
    if limit is not None:
        number = int(limit) if _INT.fullmatch(limit) else 0
        if not 1 <= number <= MOST_ROWS:
            raise _unfit("query", ("limit",), f"1 to {MOST_ROWS}", f"1 至 {MOST_ROWS}")
    if len(cursor) > CURSOR_LENGTH:
        raise bad_cursor()
    return PageQuery(limit=number, cursor=cursor)


def bad_cursor() -> Invalid:
    """Return the refusal of a cursor that the list did not give."""
    return Invalid(
        "this cursor is not one that the list gave; start without it",
        "分页游标无效，请从第一页重新开始",
        code="bad_cursor",
        fields=[{"path": "query.cursor", "message": "unknown cursor"}],
    )


# --- path ------------------------------------------------------------------------------------------------------------


def path_value(name: str, kind: PathKind, text: str) -> UUID | int | str | date:
    """Return a path parameter as its type.

    Raises NotFound for what cannot be an id, Invalid for what is no number or no date.
    """
    if kind == "uuid":
        try:
            if len(text) == 36:
                return UUID(text)
        except ValueError:
            pass
        raise NotFound(f"{name} is not an id that exists", "没有这个 id", what=name)
    if kind == "str":
        if len(text) > PATH_LENGTH or "\0" in text:
            raise NotFound(f"{name} is not one that exists", "没有这一项", what=name)
        return text
    if kind == "int":
        if _INT.fullmatch(text) and LOWEST <= int(text) <= HIGHEST:
            return int(text)
        raise _unfit("path", (name,), "a whole number", "应为整数")
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise _unfit("path", (name,), "a date such as 2026-11-22", "应为日期，如 2026-11-22")
