"""What an endpoint's function takes and gives, read from its signature once."""

import functools
import inspect
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from core.contract.rest import Answer, Endpoint, Listing, PageQuery, Upload
from core.errors import ConfigurationError

PathKind = Literal["uuid", "int", "str", "date"]
_KINDS: dict[Any, PathKind] = {UUID: "uuid", int: "int", str: "str", date: "date"}


@dataclass(frozen=True, slots=True)
class Shape:
    """One endpoint's inputs and output."""

    path: tuple[tuple[str, PathKind], ...]  # path parameters in the order of the template
    body: type[BaseModel] | None
    body_required: bool
    query: type[BaseModel] | None
    page: bool
    session: bool  # core's own endpoints about sessions take the id of the one that calls
    key: bool  # an idempotent endpoint may take the key under which the ledger is to know the act
    data: bool  # the body is taken as it comes off the wire
    reply: Any  # a pydantic model, a type pydantic can dump, Answer, or None


def path_names(template: str) -> tuple[str, ...]:
    """Return the names in braces of a path template, left to right."""
    return tuple(part[1:-1] for part in template.split("/") if part.startswith("{") and part.endswith("}"))


def shape_of(endpoint: Endpoint, path: str, where: str) -> Shape:
    """Return the shape of an endpoint; raise ConfigurationError naming `where` for one that cannot be served."""
    try:
        shape = _read(endpoint.function, path, endpoint.method)  # type: ignore[arg-type]  # a class can be hashed
        if shape.key and not endpoint.idempotent:
            raise ConfigurationError("only an endpoint that is idempotent=True has a key to take")
        if shape.data != bool(endpoint.upload):
            raise ConfigurationError("an endpoint declared with upload=… takes data, and only such a one does")
        if shape.data and (not endpoint.remote or endpoint.idempotent or shape.body is not None):
            raise ConfigurationError("an upload is remote, has no body beside its data, and no Idempotency-Key")
        return shape
    except ConfigurationError as ex:
        raise ConfigurationError(f"{where}: {ex.message}") from None
    except NameError as ex:
        raise ConfigurationError(f"{where}: an annotation cannot be read ({ex})") from None


@functools.lru_cache(maxsize=4096)
def _read(function: Any, path: str, method: str) -> Shape:  # Any: a function, or a class derived from Remote
    remote = isinstance(function, type)
    taking: Callable[..., Any] = function.prepare if remote else function
    giving: Callable[..., Any] = function.complete if remote else function
    hints = typing.get_type_hints(taking)
    parameters = list(inspect.signature(taking).parameters)[1 if remote else 0 :]
    if not parameters or parameters[0] != "ctx":
        raise ConfigurationError("the first parameter is ctx")
    names = path_names(path)
    rest = [name for name in parameters[1:] if name not in names]
    if missing := [name for name in names if name not in parameters]:
        raise ConfigurationError(f"the path has {{{missing[0]}}}, which the function does not take")
    if strange := [name for name in rest if name not in ("body", "query", "page", "session", "key", "data")]:
        raise ConfigurationError(
            f"what is {strange[0]!r}? A function takes ctx, its path parameters, body or data, query and page"
        )
    kinds: list[tuple[str, PathKind]] = []
    for name in names:
        if hints.get(name) not in _KINDS:
            raise ConfigurationError(f"the path parameter {name} is annotated as UUID, int, str or date")
        kinds.append((name, _KINDS[hints[name]]))
    body, required = _optional(hints["body"]) if "body" in rest else (None, False)
    if body is not None and method == "GET":
        raise ConfigurationError("a GET has no body; take `query`")
    query = hints["query"] if "query" in rest else None
    for label, model in (("body", body), ("query", query)):
        if model is not None and not (isinstance(model, type) and issubclass(model, BaseModel)):
            raise ConfigurationError(f"{label} is annotated with a pydantic model, not {model!r}")
    reply = typing.get_type_hints(giving).get("return", None)
    reply = None if reply is type(None) else reply
    if reply is Answer and method != "GET":
        raise ConfigurationError("only a GET may return an Answer of its own; a write returns a pydantic model or None")
    if "data" in rest and hints["data"] is not Upload:
        raise ConfigurationError("data is annotated as Upload")
    page = "page" in rest
    if page and hints["page"] is not PageQuery:
        raise ConfigurationError("page is annotated as PageQuery")
    if page and not (isinstance(reply, type) and issubclass(reply, Listing)):
        raise ConfigurationError("an endpoint that takes page returns Listing[…]")
    if page and query is not None and {"limit", "cursor"} & set(query.model_fields):
        raise ConfigurationError("limit and cursor belong to page; leave them out of query")
    taken = ("session" in rest, "key" in rest, "data" in rest)
    return Shape(tuple(kinds), body, required, query, page, *taken, reply)


def _optional(annotation: Any) -> tuple[Any, bool]:
    """Split `Model | None` into the model and whether it must be there."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        inner = [a for a in typing.get_args(annotation) if a is not type(None)]
        if len(inner) == 1:
            return inner[0], False
    return annotation, True
