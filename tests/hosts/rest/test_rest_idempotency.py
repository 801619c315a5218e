"""One Idempotency-Key, one effect, one reply; whoever repeats it, whenever."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from core import db, points, tenants
from core.bulk import deleting
from core.clock import ManualClock
from core.config import Settings
from core.contract.context import Context
from core.db import open_database
from hosts.rest import idempotency, upkeep
from hosts.rest.models import Idempotency
from hosts.testkit.plugin import Api


@pytest.fixture
def me(member: Callable[..., Any], enable_plugin: Callable[..., None]) -> Any:
    """Return a member of a tenant with the probe on."""
    enable_plugin("probe")
    return member()


@pytest.fixture
def token(api: Api, me: Any) -> str:
    """Return the member's token."""
    return api.as_member(me)


@pytest.fixture
def probe(runtime: Any) -> Iterator[Any]:
    """Return the probe's endpoints, with nothing left over from another test."""
    module = runtime.registry.plugins["probe"].hooks.api
    module.calls.clear()
    module.failures.clear()
    module.gate.clear()
    module.reached.clear()
    yield module
    module.gate.set()


def codes(ctx: Context) -> list[str]:
    """Return the codes of the tenant's venues: the effect of the probe's writes."""
    return [row.code for row in tenants.venues(ctx)]


def stored(ctx: Context) -> list[Any]:
    """Return the keys that are kept."""
    return list(Idempotency.scoped(ctx).select())


def test_a_key_is_required_where_points_move_and_may_be_absent_elsewhere(api: Api, token: str, tenant: Context) -> None:
    reply = api.post("/v1/probe/points", token=token, json={"amount": 5})
    assert (reply.status_code, reply.json["code"]) == (400, "key_missing")
    assert api.post("/v1/probe/venues", token=token, json={"code": "a"}).status_code == 201
    assert stored(tenant) == []


def test_a_repeat_gets_the_first_reply_and_does_nothing(api: Api, token: str, tenant: Context, me: Any) -> None:
    first = api.post("/v1/probe/points", token=token, key="k", json={"amount": 5})
    api.post("/v1/probe/points", token=token, key="other", json={"amount": 7})
    again = api.post("/v1/probe/points", token=token, key="k", json={"amount": 5})
    assert (first.status_code, first.json) == (again.status_code, again.json) == (200, {"what": {"balance": 5}})
    assert points.balance(tenant, me.id).available == 12
    made = api.post("/v1/probe/venues", token=token, key="k", json={"code": "a"})
    assert made.status_code == 201, "the same key on another route is another key"
    assert api.post("/v1/probe/venues", token=token, key="k", json={"code": "a"}).json == made.json
    assert codes(tenant) == ["a"]


def test_a_reply_without_content_is_repeated_too(api: Api, token: str) -> None:
    for _ in range(2):
        reply = api.post("/v1/probe/bare", token=token, key="k")
        assert (reply.status_code, reply.text) == (204, "")


def test_other_content_under_the_same_key_is_422(api: Api, token: str, counts: Callable[[], dict[str, int]]) -> None:
    api.post("/v1/probe/points", token=token, key="k", json={"amount": 5})
    before = counts()
    reply = api.post("/v1/probe/points", token=token, key="k", json={"amount": 6})
    assert (reply.status_code, reply.json["code"]) == (422, "key_reused")
    assert counts() == before


def test_two_members_may_use_the_same_key(api: Api, token: str, tenant: Context, member: Callable[..., Any]) -> None:
    other = member()
    for who in (token, api.as_member(other)):
        assert api.post("/v1/probe/points", token=who, key="1", json={"amount": 5}).json == {"what": {"balance": 5}}
    assert points.balance(tenant, other.id).available == 5


@pytest.mark.parametrize("key", ["x" * 201, "schlüssel"])
def test_a_key_that_cannot_be_kept_is_422(api: Api, token: str, key: str) -> None:
    reply = api.post("/v1/probe/points", token=token, headers={"Idempotency-Key": key}, json={"amount": 5})
    assert (reply.status_code, reply.json["fields"][0]["path"]) == (422, "header.Idempotency-Key")


def test_only_successes_are_kept_so_a_repeat_after_a_failure_runs(api: Api, token: str, tenant: Context) -> None:
    for fail, status in (("conflict", 409), ("error", 500)):
        body = {"code": "a", "fail": fail}
        assert api.post("/v1/probe/venues", token=token, key="k", json=body).status_code == status
    assert (stored(tenant), codes(tenant)) == ([], [])
    assert api.post("/v1/probe/venues", token=token, key="k", json={"code": "a"}).status_code == 201


def test_a_key_is_kept_for_72_hours(api: Api, token: str, tenant: Context, clock: ManualClock, me: Any) -> None:
    api.post("/v1/probe/venues", token=token, key="k", json={"code": "a"})
    clock.advance(hours=71)
    assert api.post("/v1/probe/venues", token=token, key="k", json={"code": "a"}).status_code == 201
    with tenant.transaction():
        upkeep.forget_keys(tenant)
    assert len(stored(tenant)) == 1
    clock.advance(hours=2)
    reply = api.post("/v1/probe/venues", token=token, key="k", json={"code": "a"})
    assert reply.status_code == 409, "it runs again, and the venue is there already"
    clock.advance(hours=73)
    with tenant.transaction():
        assert upkeep.forget_keys(tenant) is False
    assert stored(tenant) == []


def test_however_many_keys_are_past_their_time_a_night_forgets_them_all(
    api: Api, token: str, tenant: Context, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deleting, "DELETED_AT_ONCE", 2)
    for number in range(5):
        api.post("/v1/probe/venues", token=token, key=f"k{number}", json={"code": f"v{number}"})
    clock.advance(hours=73)
    turns = 0
    with tenant.transaction():
        while upkeep._clean(tenant, "2026-11-22") is not None:
            turns += 1
    assert (turns, stored(tenant)) == (2, [])


def test_a_stored_reply_cannot_be_read_in_the_table(
    api: Api, tenant: Context, enable_plugin: Callable[..., None]
) -> None:
    enable_plugin("probe")
    first = api.post("/v1/probe/token", key="k")
    assert api.post("/v1/probe/token", key="k").json == first.json == {"what": {"token": "rst_secret_of_a_login"}}
    (row,) = stored(tenant)
    assert b"rst_secret" not in bytes(row.reply)


def together(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run `work` in so many threads that start at the same moment."""
    barrier = threading.Barrier(count)

    def run(number: int) -> Any:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_concurrent_repeats_have_one_effect_and_one_reply(api: Api, token: str, tenant: Context, me: Any) -> None:
    replies = together(8, lambda _: api.post("/v1/probe/points", token=token, key="k", json={"amount": 5}))
    assert {(r.status_code, r.text) for r in replies} == {(200, '{"what":{"balance":5}}')}
    assert points.balance(tenant, me.id).available == 5
    replies = together(8, lambda _: api.post("/v1/probe/venues", token=token, key="k", json={"code": "a"}))
    assert {r.status_code for r in replies} == {201}, "a plain unique index would answer 409 to seven of them"
    assert len({r.text for r in replies}) == 1


def test_without_the_key_concurrent_repeats_have_many_effects(api: Api, token: str, tenant: Context, me: Any) -> None:
    replies = together(8, lambda n: api.post("/v1/probe/points", token=token, key=f"k{n}", json={"amount": 5}))
    assert len({r.text for r in replies}) == 8
    assert points.balance(tenant, me.id).available == 40
    replies = together(8, lambda _: api.post("/v1/probe/venues", token=token, json={"code": "a"}))
    assert sorted({r.status_code for r in replies}) == [201, 409]


@pytest.mark.engines("postgresql")  # SQLite lets one writer in at a time and answers busy by itself
def test_a_repeat_that_waits_too_long_is_409(api: Api, token: str, settings: Settings, probe: Any) -> None:
    open_database(settings.database_url, statement_timeout_ms=300)
    held, done = threading.Event(), threading.Event()
    asked = []
    original = idempotency._finish

    def slow(*arguments: Any) -> None:
        original(*arguments)
        held.set()
        assert done.wait(20)

    def first() -> None:
        asked.append(api.post("/v1/probe/venues", token=token, key="k", json={"code": "a"}).status_code)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(idempotency, "_finish", slow)
        thread = threading.Thread(target=first)
        thread.start()
        assert held.wait(20)
        reply = api.post("/v1/probe/venues", token=token, key="k", json={"code": "a"})
        done.set()
        thread.join(20)
    assert (reply.status_code, reply.json["code"]) == (409, "still_running")
    assert "retry-after" in reply.headers
    assert asked == [201]


# --- remote endpoints ------------------------------------------------------------------------------------------------


def test_a_remote_call_is_made_once_for_its_key(api: Api, token: str, tenant: Context, probe: Any) -> None:
    for _ in range(3):
        reply = api.post("/v1/probe/remote", token=token, key="k", json={"code": "a"})
        assert reply.json == {"what": {"code": "a", "answer": "answered"}}
    assert probe.calls == ["a"]
    assert codes(tenant) == ["a"]


def test_no_transaction_and_no_connection_is_held_over_the_call(
    api: Api, token: str, tenant: Context, probe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    monkeypatch.setattr(probe.Buy, "call", lambda self, prepared: seen.append(db.in_transaction()) or "x")
    db.database.close()
    monkeypatch.setattr(
        probe.Buy, "call", lambda self, p: seen.append((db.in_transaction(), db.database.is_closed())) or "x"
    )
    assert api.post("/v1/probe/remote", token=token, key="k", json={"code": "a"}).status_code == 200
    assert seen == [(False, True)]


def test_a_repeat_during_the_call_waits_and_gets_the_same_reply(api: Api, token: str, probe: Any) -> None:
    body = {"code": "a", "fail": "slow"}
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(api.post, "/v1/probe/remote", token=token, key="k", json=body)
        assert probe.reached.wait(20)
        again = pool.submit(api.post, "/v1/probe/remote", token=token, key="k", json=body)
        other = api.post("/v1/probe/remote", token=token, key="k", json={"code": "b"})
        assert (other.status_code, other.json["code"]) == (422, "key_reused")
        assert not again.done()
        probe.gate.set()
        assert first.result(20).text == again.result(20).text
    assert probe.calls == ["a"]


def test_a_repeat_that_waits_too_long_for_a_call_is_409(
    api: Api, token: str, probe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "WAIT_SECONDS", 0.1)
    body = {"code": "a", "fail": "slow"}
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(api.post, "/v1/probe/remote", token=token, key="k", json=body)
        assert probe.reached.wait(20)
        reply = api.post("/v1/probe/remote", token=token, key="k", json=body)
        probe.gate.set()
        assert first.result(20).status_code == 200
    assert (reply.status_code, reply.json["code"]) == (409, "still_running")


def test_a_call_that_failed_gives_its_key_back(api: Api, token: str, tenant: Context, probe: Any) -> None:
    probe.failures.append(RuntimeError("the other side hung up"))
    assert api.post("/v1/probe/remote", token=token, key="k", json={"code": "a"}).status_code == 500
    assert stored(tenant) == []
    assert codes(tenant) == ["a"], "what was prepared is committed: reconciliation needs it"
    assert api.post("/v1/probe/remote", token=token, key="k", json={"code": "b"}).status_code == 200


def test_a_started_row_of_a_dead_process_is_taken_over(
    api: Api, token: str, tenant: Context, probe: Any, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(idempotency, "_give_back", lambda ctx, what: None)  # as if the process had died
    probe.failures.append(RuntimeError("killed"))
    api.post("/v1/probe/remote", token=token, key="k", json={"code": "a"})
    assert [row.state for row in stored(tenant)] == ["started"]
    assert api.post("/v1/probe/remote", token=token, key="k", json={"code": "b"}).status_code == 422
    assert api.post("/v1/probe/remote", token=token, key="k", json={"code": "a"}).status_code == 409
    clock.set(clock.now() + idempotency.TAKEN_OVER_AFTER + timedelta(seconds=1))
    reply = api.post("/v1/probe/remote", token=token, key="k", json={"code": "b"})
    assert reply.json["what"]["code"] == "b"
