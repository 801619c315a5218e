"""Pushes of outside systems reach the plugin, on or off, in one transaction."""

from collections.abc import Callable
from typing import Any

from core import tenants
from core.contract.context import Context
from hosts.testkit.plugin import Api

GOOD = {"X-Signature": "good"}


def push(api: Api, query: str, headers: dict[str, str] | None = None, path: str = "/callbacks/probe/acme") -> Any:
    """Send a push as an outside system does: no token, no tenant header."""
    return api.client.simulate_post(path, query_string=query, headers=headers or GOOD, body=b"<xml/>")


def test_a_push_has_its_effect_and_the_plugins_own_answer(
    api: Api, tenant: Context, enable_plugin: Callable[..., None]
) -> None:
    enable_plugin("probe")
    reply = push(api, "code=a")
    assert (reply.status_code, reply.text, reply.headers["content-type"]) == (200, "success", "text/plain")
    assert [v.code for v in tenants.venues(tenant)] == ["a"]


def test_a_push_reaches_a_plugin_that_is_off(api: Api, tenant: Context) -> None:
    assert "probe" not in tenant.tenant.plugins
    assert push(api, "code=a").status_code == 200
    assert [v.code for v in tenants.venues(tenant)] == ["a"]


def test_what_cannot_be_verified_is_401_and_what_fails_leaves_nothing(api: Api, tenant: Context) -> None:
    assert push(api, "code=a", {"X-Signature": "bad"}).status_code == 401
    assert push(api, "code=a&fail=1").status_code == 500
    assert tenants.venues(tenant) == []


def test_a_push_to_nobody_is_404_and_by_another_method_405(api: Api, tenant: Context) -> None:
    for path in (
        "/callbacks/nothing/acme",
        "/callbacks/probe/nobody",
        f"/callbacks/probe/{'x' * 99}",
        "/callbacks/probe",
    ):
        assert push(api, "code=a", path=path).status_code == 404
    reply = api.client.simulate_get("/callbacks/probe/acme")
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")


def test_a_push_over_the_limit_is_413(api: Api, tenant: Context) -> None:
    body = b"x" * (api.runtime.settings.body_limit + 1)
    assert api.client.simulate_post("/callbacks/probe/acme", headers=GOOD, body=body).status_code == 413
