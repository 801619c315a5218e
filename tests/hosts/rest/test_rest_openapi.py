"""The API's description says what the adapter does."""

import json
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest

from hosts.testkit.plugin import Api

pytestmark = pytest.mark.engines("sqlite")  # the description does not depend on the database


@pytest.fixture
def document(api: Api) -> dict[str, Any]:
    """Return the description."""
    reply = api.get("/openapi.json")
    assert reply.status_code == 200
    found: dict[str, Any] = json.loads(reply.text)
    return found


def test_it_is_openapi_3_1_with_every_route_once(api: Api, document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    described = {(m.upper(), path) for path, item in document["paths"].items() for m in item}
    assert described == {(r.endpoint.method, r.path) for r in api.app.routes}  # type: ignore[attr-defined]  # ours
    ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))


def test_every_schema_is_a_schema_and_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
        assert name.replace(".", "").replace("_", "").replace("-", "").isalnum(), name
    waiting: list[Any] = [document["paths"], document["components"]]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                assert node["$ref"].removeprefix("#/components/schemas/") in document["components"]["schemas"]
            waiting += node.values()


def operation(document: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    """Return one operation."""
    found: dict[str, Any] = document["paths"][path][method]
    return found


def test_parameters_have_their_types(document: dict[str, Any]) -> None:
    kinds = operation(document, "get", "/v1/probe/kinds/{owner}/{number}/{word}/{day}")
    schemas = {(p["in"], p["name"]): p["schema"] for p in kinds["parameters"]}
    assert schemas["path", "owner"]["format"] == "uuid"
    assert schemas["path", "number"]["type"] == "integer"
    assert schemas["path", "day"]["format"] == "date"
    assert schemas["query", "size"]["maximum"] == 100
    rows = {p["name"]: p["schema"] for p in operation(document, "get", "/v1/probe/rows")["parameters"]}
    assert (rows["limit"]["minimum"], rows["limit"]["maximum"]) == (1, 100)
    assert "cursor" in rows


def test_unknown_fields_are_refused_at_every_depth_of_a_request_and_allowed_in_replies(
    document: dict[str, Any],
) -> None:
    echo = operation(document, "post", "/v1/probe/echo")
    schemas = document["components"]["schemas"]
    body = schemas[echo["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]]
    assert body["additionalProperties"] is False
    inner = next(s for name, s in schemas.items() if name.startswith("probe.Body.request") and name.endswith("Inner"))
    assert inner["additionalProperties"] is False
    reply = schemas[echo["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]]
    assert "additionalProperties" not in reply
    assert operation(document, "post", "/v1/probe/maybe")["requestBody"]["required"] is False


def test_keys_tenants_security_and_problems_are_described(document: dict[str, Any]) -> None:
    def header(path: str, name: str, method: str = "post") -> Any:
        found = [p for p in operation(document, method, path)["parameters"] if (p["in"], p["name"]) == ("header", name)]
        return found[0]["required"] if found else None

    assert header("/v1/probe/points", "Idempotency-Key") is True
    assert header("/v1/probe/venues", "Idempotency-Key") is False
    assert header("/v1/probe/rows", "Idempotency-Key", "get") is None
    assert header("/v1/probe/open", "X-Roost-Tenant") is False
    assert operation(document, "get", "/v1/me")["security"] == [{"member": []}]
    assert operation(document, "get", "/admin/v1/members")["security"] == [{"staff": []}]
    assert operation(document, "post", "/v1/probe/open").get("security") in (None, [])
    assert document["components"]["securitySchemes"]["member"]["scheme"] == "bearer"
    refused = operation(document, "get", "/v1/me")["responses"]["401"]["content"]
    assert list(refused) == ["application/problem+json"]
    assert "204" in operation(document, "post", "/v1/probe/bare")["responses"]
    assert "201" in operation(document, "post", "/v1/probe/venues")["responses"]
    assert operation(document, "post", "/v1/probe/echo")["summary"] == "Say what was understood of the body."
    assert "`probe.use`" in operation(document, "get", "/admin/v1/probe/staff-only")["description"]


def test_the_page_for_people_shows_every_operation_and_loads_nothing_from_elsewhere(
    api: Api, document: dict[str, Any], enable_plugin: Callable[..., None]
) -> None:
    page = api.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    for path in document["paths"]:
        assert f"<code>{path}</code>" in page.text
    assert "<script" not in page.text
    assert "//" not in page.text.replace("https://json-schema.org", "").split("<h2>Schemas")[0]
