"""Who may call what, for which tenant, and what comes back."""

from collections.abc import Callable
from typing import Any

import pytest

from core import tenants
from core.contract.context import Context
from core.contract.rest import Endpoints
from hosts.server.app import make_app
from hosts.testkit.plugin import Api


@pytest.fixture
def token(api: Api, member: Callable[..., Any], enable_plugin: Callable[..., None]) -> str:
    """Return the token of a member of a tenant with the probe on."""
    enable_plugin("probe")
    return api.as_member(member())


def test_without_a_token_or_with_a_foreign_one_it_is_401(api: Api, token: str) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": token},
        {"Authorization": f"Basic {token}"},
        {"Authorization": f"Bearer {token}x"},
        {"Authorization": "Bearer é"},
        {"Authorization": "Bearer " + "x" * 5000},
        {"Authorization": f"Bearer rst_zzz_{'a' * 43}"},
    ):
        reply = api.get("/v1/me", headers=headers)
        assert (reply.status_code, reply.json["code"]) == (401, "unauthorized"), headers
        assert reply.headers["www-authenticate"] == "Bearer"


def test_a_token_at_another_tenants_address_is_401(
    api: Api, token: str, tenant: Context, new_tenant: Callable[..., Context]
) -> None:
    new_tenant("other")
    tenants.create_tenant("hosted", "Hosted", now=tenant.now(), host="hosted.example")
    assert api.get("/v1/me", token=token, headers={"X-Roost-Tenant": "acme"}).status_code == 200
    assert api.get("/v1/me", token=token, headers={"Host": "unknown.example"}).status_code == 200
    for headers in ({"X-Roost-Tenant": "other"}, {"X-Roost-Tenant": "nobody"}, {"Host": "hosted.example:8000"}):
        reply = api.get("/v1/me", token=token, headers=headers)
        assert (reply.status_code, reply.json["code"]) == (401, "tenant_mismatch"), headers


def test_before_login_the_tenant_comes_from_the_header_or_the_host(
    api: Api, tenant: Context, enable_plugin: Callable[..., None]
) -> None:
    enable_plugin("probe")
    now = tenant.now()
    tenants.create_tenant("hosted", "Hosted", now=now, host="hosted.example", plugins=("probe",))
    client = api.client
    assert client.simulate_post("/v1/probe/open", headers={"X-Roost-Tenant": "acme"}).json["what"]["tenant"] == "acme"
    assert client.simulate_post("/v1/probe/open", headers={"Host": "hosted.example"}).json["what"]["tenant"] == "hosted"
    reply = client.simulate_post("/v1/probe/open")
    assert (reply.status_code, reply.json["code"]) == (400, "tenant_missing")
    for bad in ("nobody", "x" * 300, "../acme", "acme "):
        reply = client.simulate_post("/v1/probe/open", headers={"X-Roost-Tenant": bad})
        assert reply.status_code in (200, 404), reply.text
        assert (reply.status_code == 200) == (bad.strip() == "acme")


def test_a_plugin_that_is_off_is_not_there(api: Api, token: str, tenant: Context) -> None:
    assert api.post("/v1/probe/bare", token=token).status_code == 204
    tenants.disable_plugin(tenant, "probe")
    reply = api.post("/v1/probe/bare", token=token)
    assert (reply.status_code, reply.json["code"]) == (404, "not_found")
    assert reply.json["detail"] == api.get("/v1/nowhere", token=token).json["detail"], "off looks like absent"
    assert api.post("/v1/probe/open").status_code == 404
    staff = api.as_staff("probe.use")
    assert api.get("/admin/v1/probe/staff-only", token=staff).status_code == 404
    tenants.enable_plugin(tenant, "probe")
    assert api.post("/v1/probe/bare", token=token).status_code == 204, "on again at once, in the same process"


def test_members_staff_and_keys_each_have_their_own_side(api: Api, token: str) -> None:
    staff, lower, key = api.as_staff("probe.use"), api.as_staff("members.view"), api.as_key("probe.use")
    path = "/admin/v1/probe/staff-only"
    assert api.get(path, token=staff).json["what"]["kind"] == "staff"
    assert api.get(path, token=key).json["what"]["kind"] == "key"
    refused = api.get(path, token=lower)
    assert (refused.status_code, refused.json["code"], refused.json["permission"]) == (403, "forbidden", "probe.use")
    assert api.get(path, token=token).json["code"] == "wrong_audience"
    assert api.get("/v1/me", token=staff).json["code"] == "wrong_audience"
    assert api.get("/v1/me", token=key).status_code == 403


def test_a_get_cannot_write(api: Api, token: str, counts: Callable[[], dict[str, int]]) -> None:
    before = counts()
    assert api.get("/v1/probe/writes", token=token).status_code == 500
    assert counts() == before


def test_a_failure_says_nothing_but_the_requests_id(api: Api, token: str, counts: Callable[[], dict[str, int]]) -> None:
    reply = api.get("/v1/probe/secret", token=token)
    assert reply.status_code == 500
    assert "hunter2" not in reply.text
    assert "13800000000" not in reply.text
    assert "Traceback" not in reply.text
    assert set(reply.json) == {"type", "title", "status", "code", "detail", "request_id"}
    before = counts()
    assert api.post("/v1/probe/venues", token=token, json={"code": "a", "fail": "yes"}).status_code == 500
    assert api.post("/v1/probe/venues", token=token, json={"code": "a", "fail": "conflict"}).status_code == 409
    assert counts() == before, "what an endpoint wrote before it failed is gone"


def test_problems_speak_the_callers_language(api: Api, token: str) -> None:
    said = {"zh": ("输入有误", "应为整数"), "en": ("the input cannot be accepted", "Input should be a valid integer")}
    for accept, language in (
        ("", "zh"),
        ("en", "en"),
        ("en-US,en;q=0.9", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("fr", "zh"),
        ("zh;q=0.1,en;q=0.5", "en"),
        ("en;q=x", "zh"),
        (";;;,,=", "zh"),
        ("EN", "en"),
    ):
        reply = api.post("/v1/probe/echo", token=token, json={"amount": "x"}, headers={"Accept-Language": accept})
        assert reply.headers["content-language"] == language, accept
        assert (reply.json["detail"], reply.json["fields"][0]["message"]) == said[language]


def test_a_sane_request_id_is_kept_and_another_replaced(api: Api, token: str) -> None:
    assert (
        api.get("/v1/me", token=token, headers={"X-Request-Id": "trace-12345"}).headers["x-request-id"] == "trace-12345"
    )
    for odd in ("short", "x" * 65, "with space 123", "new\tline1234", "{'a': 12345}"):
        given = api.get("/v1/me", token=token, headers={"X-Request-Id": odd}).headers["x-request-id"]
        assert given != odd
        assert len(given) == 32


def test_bytes_of_an_endpoints_own_go_out_as_they_are(api: Api, token: str) -> None:
    reply: Any = api.get("/v1/probe/picture", token=token)
    assert (reply.content, reply.headers["content-type"]) == (b"\x89PNG", "image/png")


def test_an_answer_is_never_cached_or_sniffed(api: Api, token: str) -> None:
    headers = api.get("/v1/me", token=token).headers
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")


def test_me_takes_three_statements(api: Api, token: str, statements: list[str], member: Callable[..., Any]) -> None:
    assert api.get("/v1/me", token=token).status_code == 200
    statements.clear()
    assert api.get("/v1/me", token=token).status_code == 200
    assert len(statements) <= 3, statements


def test_a_repeated_route_breaks_the_plugin_that_comes_second_and_the_others_go_on(api: Api, token: str) -> None:
    probe = api.runtime.registry.plugins["probe"]
    app = make_app(api.runtime, [("later", probe.gives.endpoints[0])])
    assert {r.slug for r in app.routes} == {"core", "probe", "later"}, "another prefix is another route"
    app = make_app(api.runtime, [("probe", probe.gives.endpoints[0])])
    assert "probe" not in {r.slug for r in app.routes}
    assert "probe declares the route GET /v1/probe/kinds" in api.runtime.registry.broken.pop("probe")


def test_a_rate_that_cannot_be_read_breaks_its_plugin_and_the_others_go_on(api: Api) -> None:
    group = Endpoints("public", prefix="/v1/late")

    @group.get("/one", rate="30/fortnight")
    def one(ctx: Context) -> None:
        """Answer nothing."""

    app = make_app(api.runtime, [("late", group)])
    assert {r.slug for r in app.routes} == {"core", "probe"}
    assert "30/fortnight" in api.runtime.registry.broken.pop("late")
