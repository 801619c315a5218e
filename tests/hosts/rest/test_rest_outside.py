"""A server outside that hangs does not take the threads that everything else needs."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from typing import Any

import pytest

from core.errors import Unavailable
from hosts.rest.outside import OutsidePlaces, Place
from hosts.testkit.plugin import Api
from hosts.testkit.waiting import wait_until

THREADS = 4


@pytest.fixture
def token(api: Api, member: Callable[..., Any], enable_plugin: Callable[..., None]) -> str:
    """Return the token of a member of a tenant with the probe on."""
    enable_plugin("probe")
    return api.as_member(member())


@pytest.fixture
def server(api: Api, token: str) -> Iterator[Any]:
    """Return the probe's outside server, which answers nobody before its gate is opened."""
    probe = import_module("probe.api")
    probe.calls.clear()
    probe.gate.clear()
    yield probe
    probe.gate.set()


@pytest.fixture
def pool(server: Any) -> Iterator[ThreadPoolExecutor]:
    """Return the threads of a REST process; the gate is opened before they are waited for."""
    with ThreadPoolExecutor(THREADS) as threads:
        yield threads
        server.gate.set()


def _buy(api: Api, token: str, number: int, fail: str = "slow") -> Any:
    body = {"code": f"v{number}", "fail": fail}
    return api.post("/v1/probe/remote", token=token, json=body, key=f"key-{number:08d}")


def _begin(pool: ThreadPoolExecutor, api: Api, token: str, server: Any, calls: int, stuck: int) -> list[Future[Any]]:
    """Send `calls` calls and return them when `stuck` of them hang outside."""
    begun = [pool.submit(_buy, api, token, number) for number in range(calls)]
    wait_until(lambda: len(server.calls) == stuck, what=f"{stuck} calls at the outside server")
    return begun


def test_a_stuck_server_leaves_the_rest_answering(
    api: Api, token: str, server: Any, pool: ThreadPoolExecutor, counts: Callable[[], dict[str, int]]
) -> None:
    begun = _begin(pool, api, token, server, 6, THREADS // 2)
    assert pool.submit(api.get, "/v1/me", token=token).result(timeout=20).status_code == 200
    wait_until(lambda: sum(one.done() for one in begun) == 4, what="the refusals")
    refused = [one.result() for one in begun if one.done()]
    assert {(r.status_code, r.json["code"], r.headers["retry-after"]) for r in refused} == {(503, "outside_busy", "2")}
    assert counts()["venue"] == THREADS // 2, "what was refused changed nothing"
    server.gate.set()
    assert sorted(one.result(timeout=20).status_code for one in begun) == [200, 200, 503, 503, 503, 503]
    for number, one in enumerate(begun):
        if one.result().status_code == 503:
            assert _buy(api, token, number).status_code == 200, "the same key goes through once there is a place"


def test_without_the_places_it_takes_every_thread(
    api: Api, token: str, server: Any, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OutsidePlaces, "take", lambda self, plugin, *, upload: None)
    _begin(pool, api, token, server, 6, THREADS)
    waiting = pool.submit(api.get, "/v1/me", token=token)
    assert not waiting.running(), "no thread is left for it"
    assert len(server.calls) == THREADS
    server.gate.set()
    assert waiting.result(timeout=20).status_code == 200


def test_repeats_of_a_call_that_hangs_hold_no_more_threads_than_its_share(
    api: Api, token: str, server: Any, pool: ThreadPoolExecutor
) -> None:
    (first,) = _begin(pool, api, token, server, 1, 1)
    repeats = [pool.submit(_buy, api, token, 0) for _ in range(5)]
    assert pool.submit(api.get, "/v1/me", token=token).result(timeout=20).status_code == 200
    wait_until(lambda: sum(one.done() for one in repeats) == 4, what="the refusals")
    server.gate.set()
    assert first.result(timeout=20).status_code == 200
    assert sorted(one.result(timeout=20).status_code for one in repeats) == [200, 503, 503, 503, 503]
    assert server.calls == ["v0"]
    assert _buy(api, token, 0).text == first.result().text, "what is known already needs no place"


def test_a_call_that_waits_for_nobody_needs_no_place_and_is_one_transaction(
    api: Api, token: str, server: Any, pool: ThreadPoolExecutor, counts: Callable[[], dict[str, int]]
) -> None:
    _begin(pool, api, token, server, 2, THREADS // 2)
    refused = _buy(api, token, 5)
    assert (refused.status_code, refused.json["code"]) == (503, "outside_busy"), "no place is left"
    done = _buy(api, token, 6, "nobody")
    assert (done.status_code, done.json["what"]) == (200, {"code": "v6", "answer": "answered"})
    assert _buy(api, token, 6, "nobody").text == done.text
    before = counts()
    assert _buy(api, token, 7, "after").status_code == 409
    assert counts() == before, "what its first step wrote went back with the last, and its key too"


def _held(places: OutsidePlaces, plugins: list[str], *, upload: bool = False) -> list[bool]:
    """Take a place for each plugin, keep them all, and tell which were given."""
    given = []
    for plugin in plugins:
        try:
            places.place(plugin, upload=upload).hold()
        except Unavailable:
            given.append(False)
        else:
            given.append(True)
    return given


def test_each_plugin_has_its_share_and_one_thread_is_left() -> None:
    assert _held(OutsidePlaces(8, 0), ["a"] * 5 + ["b"] * 4) == [True] * 4 + [False] + [True] * 3 + [False]
    assert _held(OutsidePlaces(8, 2), ["a", "a", "a", "b"]) == [True, True, False, True]
    assert _held(OutsidePlaces(4, 99), ["a"] * 4) == [True] * 3 + [False]
    assert _held(OutsidePlaces(1, 0), ["a", "a"]) == [True, False], "a single thread may still call"
    assert _held(OutsidePlaces(4, 0), ["a"] * 4, upload=True) == [True] * 3 + [False]


def test_a_place_is_given_back_however_the_call_ends() -> None:
    places = OutsidePlaces(2, 1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), places.place("a") as place:
            _fail(place)
    with places.place("a") as place:
        place.hold()
        assert _held(places, ["a"]) == [False]
    assert _held(places, ["a", "a"]) == [True, False]
    assert _together(OutsidePlaces(9, 4)) == 4


def _fail(place: Place) -> None:
    place.hold()
    place.hold()
    raise ZeroDivisionError


def _together(places: OutsidePlaces) -> int:
    """Have sixteen threads take a place at the same moment; return how many were given."""
    begin, given = threading.Barrier(16), []

    def work() -> None:
        begin.wait()
        given.extend(_held(places, ["a"]))

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return given.count(True)
