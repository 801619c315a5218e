"""Rates hold for each caller, across processes, and cannot be dodged by a header."""

from collections.abc import Callable
from typing import Any

import falcon.testing
import pytest

from core import db
from core.clock import ManualClock
from core.contract.context import Context
from core.errors import ConfigurationError, TooManyRequests
from core.runtime import Runtime
from hosts.rest.ratelimit import RateLimits, SqlStorage, parse
from hosts.server.app import make_app
from hosts.testkit.plugin import Api
from hosts.testkit.servers import ValkeyServer


@pytest.fixture
def token(api: Api, member: Callable[..., Any], enable_plugin: Callable[..., None]) -> str:
    """Return the token of a member of a tenant with the probe on."""
    enable_plugin("probe")
    return api.as_member(member())


def test_a_caller_that_calls_too_often_is_told_when_to_come_back(
    api: Api, token: str, clock: ManualClock, member: Callable[..., Any]
) -> None:
    for _ in range(3):
        assert api.post("/v1/probe/limited", token=token).status_code == 204
    clock.advance(seconds=20)
    reply = api.post("/v1/probe/limited", token=token)
    assert (reply.status_code, reply.json["code"], reply.headers["retry-after"]) == (429, "too_many_requests", "40")
    assert api.post("/v1/probe/limited", token=api.as_member(member())).status_code == 204, "others are not held up"
    clock.advance(seconds=41)
    assert api.post("/v1/probe/limited", token=token).status_code == 204


def test_a_rate_holds_across_processes(api: Api, token: str, runtime: Runtime) -> None:
    other = falcon.testing.TestClient(make_app(runtime))
    headers = {"Authorization": f"Bearer {token}"}
    codes = []
    for _ in range(2):
        codes.append(api.post("/v1/probe/limited", token=token).status_code)
        codes.append(other.simulate_post("/v1/probe/limited", headers=headers).status_code)
    assert codes == [204, 204, 204, 429]


def test_nobody_counts_by_the_address_and_a_forged_header_does_not_help(
    api: Api, enable_plugin: Callable[..., None]
) -> None:
    enable_plugin("probe")
    codes = [api.post("/v1/probe/open", headers={"X-Forwarded-For": f"10.0.0.{n}"}).status_code for n in range(4)]
    assert codes == [200, 200, 429, 429]
    assert api.post("/v1/probe/open", remote_addr="192.0.2.9").status_code == 200


def test_behind_proxies_the_address_is_the_one_our_own_proxy_saw(
    runtime: Runtime, tenant: Context, enable_plugin: Callable[..., None]
) -> None:
    enable_plugin("probe")
    runtime.settings = runtime.settings.model_copy(update={"trusted_proxies": 1})
    client = Api(runtime, tenant)

    def call(forwarded: str) -> int:
        return client.post("/v1/probe/open", headers={"X-Forwarded-For": forwarded}).status_code

    assert [call(f"10.9.9.{n}, 192.0.2.1") for n in range(3)] == [200, 200, 429], "only the last hop is ours"
    assert call("192.0.2.1, 192.0.2.2") == 200


def test_no_address_stands_in_the_table(api: Api, enable_plugin: Callable[..., None]) -> None:
    enable_plugin("probe")
    api.post("/v1/probe/open", remote_addr="192.0.2.77")
    storage = SqlStorage(lambda: api.runtime.clock.now().timestamp())
    assert storage.check()
    rows = list(_rows())
    assert len(rows) == 1
    assert "192" not in rows[0][0]


def _rows() -> Any:
    return db.database.execute_sql("SELECT key FROM rate_count").fetchall()


def test_the_storage_counts_as_the_library_expects(runtime: Runtime, clock: ManualClock) -> None:
    storage = SqlStorage(lambda: clock.now().timestamp())
    assert [storage.incr("a", 60), storage.incr("a", 60, 3), storage.incr("b", 60)] == [1, 4, 1]
    assert (storage.get("a"), storage.get("nothing")) == (4, 0)
    assert storage.get_expiry("a") == pytest.approx(clock.now().timestamp() + 60, abs=0.01)
    clock.advance(seconds=61)
    assert storage.get("a") == 0
    assert storage.incr("a", 60) == 1
    assert storage.clean() == 1
    storage.clear("a")
    assert storage.get("a") == 0
    storage.incr("c", 60)
    assert storage.reset() == 1


def test_with_redis_the_counts_are_there_and_without_it_the_database_takes_over(
    runtime: Runtime, tenant: Context, enable_plugin: Callable[..., None], valkey: ValkeyServer
) -> None:
    enable_plugin("probe")
    runtime.settings = runtime.settings.model_copy(update={"redis_url": valkey.url})
    limits = RateLimits(runtime)
    assert limits._redis is not None
    limits._redis.storage.reset()
    client = Api(runtime, tenant)
    assert [client.post("/v1/probe/open").status_code for _ in range(3)] == [200, 200, 429]
    assert list(_rows()) == []
    runtime.settings = runtime.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"})
    client = Api(runtime, tenant)
    assert [client.post("/v1/probe/open").status_code for _ in range(3)] == [200, 200, 429]


def test_both_of_two_rates_hold_and_what_the_short_one_refuses_does_not_count_in_the_long_one(
    runtime: Runtime, tenant: Context, clock: ManualClock
) -> None:
    limits, rate = RateLimits(runtime), parse("5/hour;2/minute", "test")

    def allowed(calls: int) -> list[bool]:
        return [_allowed(lambda: limits.check(tenant, rate, "route", "192.0.2.1")) for _ in range(calls)]

    assert allowed(4) == [True, True, False, False]
    clock.advance(seconds=61)
    assert allowed(3) == [True, True, False]
    clock.advance(seconds=61)
    assert allowed(2) == [True, False], "the sixth in an hour"
    clock.advance(seconds=61)
    with pytest.raises(TooManyRequests) as refused:
        limits.check(tenant, rate, "route", "192.0.2.1")
    assert refused.value.retry_after == 3600 - 3 * 61


def _allowed(call: Callable[[], None]) -> bool:
    try:
        call()
    except TooManyRequests:
        return False
    return True


@pytest.mark.parametrize(
    ("rate", "why"),
    [
        ("often", "is not written like 5/minute"),
        ("5/minute;often", "is not written like 5/minute"),
        ("10/year", "counts by the year, whose days differ; write days"),
        ("5/minute;10/month", "counts by the month"),
        ("0/minute", "must allow 1 at least"),
    ],
)
def test_a_rate_that_would_not_be_what_it_says_is_refused_by_name(rate: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why) as refused:
        parse(rate, "probe: POST /v1/probe/open")
    assert refused.value.message.startswith("probe: POST /v1/probe/open: ")
    assert parse("10/365 days", "test")[0].get_expiry() == 365 * 86400
