"""The API's own pages: `/openapi.json` for machines, `/docs` for people. No script and nothing from elsewhere."""

import json
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from falcon import MEDIA_HTML, MEDIA_JSON, Request, Response
from jinja2 import Environment, FileSystemLoader, select_autoescape

from core.runtime import Runtime
from hosts.rest import openapi
from hosts.rest.routes import Route

_TEMPLATES = Path(__file__).parent / "templates"


class OpenApi:
    """`/openapi.json`, made when it is first asked for."""

    def __init__(self, runtime: Runtime, routes: Sequence[Route]) -> None:
        self.runtime, self.routes = runtime, routes
        self._lock = threading.Lock()
        self._document: dict[str, Any] | None = None
        self._bytes = b""

    @property
    def document(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        with self._lock:
            if self._document is None:
                self._document = openapi.build(self.runtime, self.routes)
                self._bytes = json.dumps(self._document, ensure_ascii=False).encode()
            return self._document

    def on_get(self, req: Request, resp: Response) -> None:
        """Give the document."""
        assert self.document
        resp.content_type = MEDIA_JSON
        resp.data = self._bytes


class DocsPage:
    """`/docs`: every operation on one page."""

    def __init__(self, api: OpenApi) -> None:
        self.api = api
        self._environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=select_autoescape(),
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def on_get(self, req: Request, resp: Response) -> None:
        """Give the page."""
        document = self.api.document
        page = self._environment.get_template("docs.html").render(
            info=document["info"],
            tags=document["tags"],
            groups=_groups(document),
            schemas=document["components"]["schemas"],
        )
        resp.content_type = MEDIA_HTML
        resp.text = page


def _groups(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the operations by tag, in the order of the paths."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            entry = {**operation, "path": path, "method": method.upper(), "schemas": _schemas(operation)}
            groups.setdefault(operation["tags"][0], []).append(entry)
    return groups


def _schemas(operation: dict[str, Any]) -> dict[str, str]:
    """Return the names of the request's and the reply's schema."""
    found: dict[str, str] = {}
    bodies: Iterable[tuple[str, Any]] = [("request", operation.get("requestBody", {}))]
    bodies = [*bodies, *((code, r) for code, r in operation["responses"].items() if code.startswith("2"))]
    for label, body in bodies:
        reference = body.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
        if reference:
            found[label] = reference.rpartition("/")[2]
    return found
