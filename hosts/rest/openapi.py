"""The API's description, OpenAPI 3.1, made by spectree from the same declarations that are served.

spectree reads decorated responders. Ours are made for it here and serve nothing: the adapter does the
validating, and a running request never passes through spectree. What spectree cannot know (the types of path
parameters, that unknown fields are refused, the media type of problems) is put in afterwards.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, RootModel, create_model
from spectree import Response, SecurityScheme, SpecTree, Tag
from spectree.models import SecureType, SecuritySchemeData
from spectree.plugins.falcon_plugin import FalconPlugin

from core.contract.rest import Answer
from core.runtime import Runtime
from hosts.rest.inputs import CURSOR_LENGTH, MOST_ROWS, PATH_LENGTH
from hosts.rest.problems import MEDIA, ProblemDocument
from hosts.rest.routes import Route

Document = dict[str, Any]  # JSON
VERSION = "1.0"
_DESCRIPTION = """\
Members use `/v1`, staff and integration keys `/admin/v1`. Send `Authorization: Bearer …`; before login name
the brand in `X-Roost-Tenant`. Money is in fen, times are RFC 3339, ids are UUIDs, lists are keyset pages
(`limit`, `cursor`).
Every refusal is a problem document (RFC 9457) with a stable `code`. Unknown fields are refused."""
_PATH_SCHEMAS: Mapping[str, Document] = {
    "uuid": {"type": "string", "format": "uuid"},
    "int": {"type": "integer", "format": "int64"},
    "date": {"type": "string", "format": "date"},
    "str": {"type": "string", "minLength": 1, "maxLength": PATH_LENGTH, "pattern": r"^[^\u0000/]+$"},
}
_KEY: Any = (
    str,
    Field(
        alias="Idempotency-Key",
        description="a fresh random value for each act, the same for a repeat",
        min_length=1,
        max_length=200,
        pattern="^[!-~]+$",
        examples=["3f1c9c0e-5d0f-4b7f-9a55-0d8d0f7a1c11"],
    ),
)
_TENANT: Any = (
    str | None,
    Field(None, alias="X-Roost-Tenant", description="the brand, where the host does not name it"),
)
_LIMIT: Any = (int, Field(20, ge=1, le=MOST_ROWS, description="rows of a page"))
_CURSOR: Any = (str, Field("", max_length=CURSOR_LENGTH, description="`next_cursor` of the page before"))


@dataclass
class _Node:
    """What spectree takes for a route of a router."""

    uri_template: str
    method_map: dict[str, Any]


class _Tree(SpecTree):
    """Works each model's schema out once, however many responses show it."""

    def _add_model(self, model: Any, mode: Any = "validation") -> str:
        key = self.naming_strategy(model)
        return key if key in self.models else super()._add_model(model, mode)


def build(runtime: Runtime, routes: Iterable[Route]) -> Document:
    """Return the OpenAPI document of some routes."""
    names: dict[int, str] = {}
    kept: list[type[BaseModel]] = []  # so that no id in `names` is used twice
    nodes: dict[str, _Node] = {}
    known = list(routes)

    class Backend(FalconPlugin):
        def find_routes(self) -> list[Any]:
            return list(nodes.values())

        def register_route(self, app: Any) -> None:
            """Serve nothing."""

    tree = _Tree(
        backend=Backend,
        annotations=False,
        title="Roost",
        description=_DESCRIPTION,
        version=VERSION,
        openapi_version="3.1.0",
        naming_strategy=lambda model: names.get(id(model), model.__name__),
        nested_naming_strategy=lambda parent, child: f"{parent}.{_plain(child)}",
        validation_error_model=ProblemDocument,
        security_schemes=[
            _scheme("member", "a member's session"),
            _scheme("staff", "a staff session or an integration key"),
        ],
    )
    tree.app = None
    names[id(ProblemDocument)] = "Problem"

    def named(slug: str, model: type[BaseModel], suffix: str = "") -> type[BaseModel]:
        wanted = f"{slug}.{_plain(model.__name__)}{suffix}"
        taken = {name for key, name in names.items() if key != id(model)}
        name, number = wanted, 1
        while name in taken:
            number += 1
            name = f"{wanted}{number}"
        names[id(model)] = name
        kept.append(model)
        return model

    for route in known:
        node = nodes.setdefault(route.path, _Node(route.path, {}))
        responder = _responder(tree, runtime, route, named)
        node.method_map[route.endpoint.method] = responder
    return _finish(tree.spec, known)


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_")


def _scheme(name: str, says: str) -> SecurityScheme:
    return SecurityScheme(name=name, data=SecuritySchemeData(type=SecureType.HTTP, scheme="bearer", description=says))


def _responder(tree: SpecTree, runtime: Runtime, route: Route, named: Callable[..., Any]) -> Any:
    endpoint, shape = route.endpoint, route.shape
    refusals = ["400", "401", "403", "404", "409", "413", "415", "422", "429", "503"]
    codes: dict[str, Any] = {f"HTTP_{code}": ProblemDocument for code in refusals}
    success = f"HTTP_{route.status}"
    reply = shape.reply
    if isinstance(reply, type) and issubclass(reply, BaseModel):
        codes[success] = named(route.slug, reply)
    elif reply is not None and reply is not Answer:
        codes[success] = named(route.slug, RootModel[reply], "Reply")  # type: ignore[valid-type]  # a type read at run time
    response = Response(*([] if success in codes else [success]), **codes)
    plugin = runtime.registry.plugins.get(route.slug)
    tag = Tag(name=route.tag, description=plugin.manifest.summary.en if plugin else "")
    decorate = tree.validate(
        query=_query(route, named),
        json=named(route.slug, _closed(shape.body), ".request") if shape.body is not None else None,
        headers=_headers(route, named),
        resp=response,
        tags=[tag],
        security={} if endpoint.audience == "public" else {endpoint.audience: []},
        skip_validation=True,
        operation_id=operation_id(route),
        path_parameter_descriptions={name: name.replace("_", " ") for name, _ in shape.path},
    )

    def respond(self: object, req: object, resp: object) -> None:
        raise NotImplementedError

    respond.__name__ = operation_id(route)
    respond.__doc__ = _says(route)
    return type("Resource", (), {"respond": decorate(respond)})().respond


def operation_id(route: Route) -> str:
    """Return a name for the operation that stays while its method and path do."""
    return re.sub(r"\W+", "_", f"{route.endpoint.method.lower()}{route.path}").strip("_")


def _says(route: Route) -> str:
    text = (route.endpoint.function.__doc__ or "").strip()
    notes = [f"Permission: `{route.endpoint.permission}`."] if route.endpoint.permission else []
    notes += [f"At most {route.endpoint.rate}."] if route.endpoint.rate else []
    notes += [f"Since {route.endpoint.since}."]
    return text + "\n\n" + " ".join(notes)


def _closed(model: type[BaseModel]) -> type[BaseModel]:
    """Return the request's model as the adapter validates it: unknown fields refused."""
    if issubclass(model, RootModel):
        return model
    closed: type[BaseModel] = type(
        model.__name__,
        (model,),
        {"model_config": ConfigDict(extra="forbid"), "__doc__": model.__doc__, "__module__": __name__},
    )
    return closed


def _query(route: Route, named: Callable[..., Any]) -> type[BaseModel] | None:
    shape = route.shape
    if shape.query is None and not shape.page:
        return None
    more: dict[str, Any] = {"limit": _LIMIT, "cursor": _CURSOR} if shape.page else {}
    made: type[BaseModel] = create_model(f"{operation_id(route)}_query", __base__=shape.query or BaseModel, **more)
    return named(route.slug, made)  # type: ignore[no-any-return]  # what it was given


def _headers(route: Route, named: Callable[..., Any]) -> type[BaseModel] | None:
    fields: dict[str, Any] = {}
    if route.endpoint.audience == "public":
        fields["tenant"] = _TENANT
    if route.endpoint.method != "GET" and not route.shape.data:
        fields["key"] = _KEY if route.endpoint.idempotent else (str | None, _optional_key())
    if not fields:
        return None
    made: type[BaseModel] = create_model(f"{operation_id(route)}_headers", **fields)
    return named(route.slug, made)  # type: ignore[no-any-return]  # what it was given


def _optional_key() -> Any:  # Any: pydantic's FieldInfo
    return Field(
        None,
        alias="Idempotency-Key",
        description="honoured: the same value gives the first answer again",
        max_length=200,
    )


# --- what spectree cannot know ---------------------------------------------------------------------------------------


def _finish(spec: Document, routes: Iterable[Route]) -> Document:
    for route in routes:
        operation: Document = spec["paths"][route.path][route.endpoint.method.lower()]
        kinds = dict(route.shape.path)
        for parameter in operation["parameters"]:
            if parameter["in"] == "path":
                parameter["schema"] = dict(_PATH_SCHEMAS[kinds[parameter["name"]]])
            elif parameter["in"] == "header":
                parameter["schema"] = _without_null(parameter["schema"])
        if route.shape.data:
            _say_upload(operation, route.endpoint.upload)
        body = operation.get("requestBody")
        if body is not None and not route.shape.data:
            body["required"] = route.shape.body_required
            _close(spec, body, set())
        for code, response in operation["responses"].items():
            if code.startswith(("4", "5")) and "application/json" in response.get("content", {}):
                response["content"] = {MEDIA: response["content"]["application/json"]}
        if route.shape.reply is Answer:
            operation["responses"]["200"]["content"] = {"*/*": {}}
    used = _used(spec)
    schemas = spec["components"]["schemas"]
    spec["components"]["schemas"] = {name: schema for name, schema in sorted(schemas.items()) if name in used}
    return spec


def _say_upload(operation: Document, most: int) -> None:
    """Say of an operation that its body is a file: raw, or in a multipart form."""
    raw: Document = {"type": "string", "format": "binary", "maxLength": most}
    form: Document = {"type": "object", "properties": {"file": raw}, "required": ["file"]}
    operation["requestBody"] = {
        "description": f"the file, at most {most} bytes; a form's other fields are passed over",
        "required": True,
        "content": {"application/octet-stream": {"schema": raw}, "multipart/form-data": {"schema": form}},
    }
    refused = operation["responses"]["413"]
    operation["responses"]["411"] = {**refused, "description": "Length Required"}


def _without_null(schema: Document) -> Document:
    """Return a header's schema without the null that a header cannot be."""
    plain = [s for s in schema.get("anyOf", ()) if s.get("type") != "null"]
    if len(plain) == 1:
        rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
        return {**rest, **plain[0]}
    return schema


def _close(spec: Document, node: Any, seen: set[str]) -> None:
    """Say of every object with named fields below `node` that it takes no others."""
    if isinstance(node, list):
        for item in node:
            _close(spec, item, seen)
    elif isinstance(node, dict):
        if node.get("type") == "object" and "properties" in node:
            node["additionalProperties"] = False
        reference = node.get("$ref")
        if isinstance(reference, str) and reference not in seen:
            seen.add(reference)
            _close(spec, spec["components"]["schemas"][reference.rpartition("/")[2]], seen)
        for item in node.values():
            _close(spec, item, seen)


def _used(spec: Document) -> set[str]:
    """Return the names of the schemas that paths reach: models of queries and headers are spelled out there already."""
    found: set[str] = set()
    waiting: list[Any] = [spec["paths"]]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str):
                name = reference.rpartition("/")[2]
                if name not in found:
                    found.add(name)
                    waiting.append(spec["components"]["schemas"][name])
            waiting.extend(node.values())
    return found
