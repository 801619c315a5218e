"""The server of the fakes, by a small fake of a store of files, and by the one that its docstring shows."""

import inspect
import textwrap
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import requests

from integrations import fake_server
from integrations.fake_server import Answer, Call, Failure, Fake, Refusal, Reply, Route, Running


class StoreFake(Fake):
    """Keep files by name; a call needs the header ``X-Key: sesame``."""

    def routes(self) -> Iterator[Route]:
        yield Route("GET", "/files/{name:path}", self.get, "get")
        yield Route("HEAD", "/files/{name:path}", self.get, "get")
        yield Route("PUT", "/files/{name:path}", self.put, "put")
        yield Route("GET", "/_fake/names", lambda call: {"names": [*self.files]})

    def forget(self) -> None:
        self.files: dict[str, bytes] = {}

    def error(self, errcode: int | str, errmsg: str) -> Answer:
        return Reply(f"<error>{errcode}</error>".encode(), 403, {"Content-Type": "text/xml"})

    def check(self, call: Call) -> None:
        if call.headers.get("X-KEY") != "sesame":
            raise Refusal("AccessDenied", "no key")

    def get(self, call: Call) -> Answer:
        if call.params["name"] not in self.files:
            raise Refusal("NoSuchKey", call.params["name"])
        return Reply(self.files[call.params["name"]], headers={"ETag": '"1"'})

    def put(self, call: Call) -> Answer:
        with self.lock:
            self.files[call.params["name"]] = call.body
        return {"took": len(call.body)}


@pytest.fixture
def store() -> Iterator[Running[StoreFake]]:
    with Running(StoreFake()) as running:
        yield running


def ask(store: Running[StoreFake], method: str, target: str, body: bytes = b"", key: str = "sesame"):
    return requests.request(
        method, store.url + target, data=body, headers={"X-Key": key}, timeout=5, allow_redirects=False
    )


def test_one_path_takes_several_methods_and_bytes_with_headers(store):
    assert ask(store, "PUT", "/files/a/b.png", b"\x89PNG").json() == {"took": 4}
    got = ask(store, "GET", "/files/a/b.png")
    assert (got.content, got.headers["ETag"]) == (b"\x89PNG", '"1"')
    head = ask(store, "HEAD", "/files/a/b.png")
    assert (head.status_code, head.headers["ETag"], head.content) == (200, '"1"', b"")


def test_a_refusal_speaks_as_the_system_does(store):
    refused = ask(store, "GET", "/files/none")
    assert (refused.status_code, refused.text) == (403, "<error>NoSuchKey</error>")
    assert refused.headers["Content-Type"] == "text/xml"


def test_a_call_is_checked_before_it_has_an_effect(store):
    assert ask(store, "PUT", "/files/a", b"1", key="guess").text == "<error>AccessDenied</error>"
    assert store.fake.files == {}


def test_a_method_that_is_not_offered_is_405_and_says_what_is(store):
    refused = ask(store, "DELETE", "/files/a")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD, PUT")
    assert ask(store, "POST", "/_fake/log").status_code == 405


def test_the_log_shows_the_target_as_it_came_and_the_answer_as_it_went(store):
    ask(store, "PUT", "/files/a%2Bb?part=1", b"\xff1")
    ask(store, "GET", "/files/none")
    assert store.fake.log == [
        {
            "api": "put",
            "method": "PUT",
            "target": "/files/a%2Bb?part=1",
            "query": {"part": "1"},
            "body": "\ufffd1",
            "status": 200,
            "answer": {"took": 2},
        },
        {
            "api": "get",
            "method": "GET",
            "target": "/files/none",
            "query": {},
            "body": "",
            "status": 403,
            "answer": "<error>NoSuchKey</error>",
        },
    ]
    assert store.fake.calls("get") == store.fake.log[1:]


def test_control_calls_are_not_logged_and_do_not_go_wrong(store):
    store.fake.fail(Failure(status=500))
    assert ask(store, "GET", "/_fake/names").json() == {"names": []}
    assert store.fake.log == []
    assert ask(store, "GET", "/files/a").status_code == 500


@pytest.mark.parametrize(
    ("failure", "status", "text"),
    [
        ({"errcode": "SlowDown"}, 403, "<error>SlowDown</error>"),
        ({"errcode": "SlowDown", "status": 503}, 503, "<error>SlowDown</error>"),
        ({"body": "not what you think"}, 200, "not what you think"),
        ({"status": 502}, 502, "<html>fake</html>"),
        ({"status": 302}, 302, "<html>fake</html>"),
    ],
)
@pytest.mark.parametrize("after", [False, True])
def test_a_failure_comes_as_often_as_it_is_told_and_after_the_effect_if_it_is_told(store, failure, status, text, after):
    told = {"api": "put", "times": 2, "after": after, **failure}
    assert ask(store, "POST", "/_fake/fail", Failure(**told).model_dump_json().encode()).json() == {"ok": True}
    assert ask(store, "GET", "/files/a").text == "<error>NoSuchKey</error>", "another api's failure"
    for _ in range(2):
        answer = ask(store, "PUT", "/files/a", b"1")
        assert (answer.status_code, answer.text) == (status, text)
        assert answer.headers.get("Location") == ("/_fake/log" if status == 302 else None)
    assert store.fake.files == ({"a": b"1"} if after else {})
    assert ask(store, "PUT", "/files/a", b"1").json() == {"took": 1}


def test_a_failure_that_is_given_stays_as_it_is(store):
    twice = Failure(status=500, times=2)
    store.fake.fail(twice)
    ask(store, "GET", "/files/a")
    assert twice.times == 2


def test_a_failure_of_an_api_that_is_not_there_names_those_that_are(store):
    with pytest.raises(ValueError, match=r"'sell'.* \*, get, put"):
        store.fake.fail(Failure(api="sell"))
    refused = ask(store, "POST", "/_fake/fail", b'{"api":"sell"}')
    assert (refused.status_code, "get, put" in refused.text) == (400, True)
    assert ask(store, "POST", "/_fake/fail", b'{"stauts":500}').status_code == 400


def test_reset_forgets_files_failures_and_the_log(store):
    ask(store, "PUT", "/files/a", b"1")
    store.fake.fail(Failure(status=500))
    ask(store, "POST", "/_fake/reset")
    assert (store.fake.files, store.fake.log) == ({}, [])
    assert ask(store, "GET", "/files/a").status_code == 403


def test_closing_wakes_a_call_that_is_being_delayed():
    running = Running(StoreFake())
    running.fake.fail(Failure(delay=60))
    taken = threading.Event()
    wait = running.fake.closing.wait
    running.fake.closing.wait = lambda delay: (taken.set(), wait(delay))[1]
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(ask(running, "PUT", "/files/a").status_code))
    asking.start()
    assert taken.wait(30)
    running.close()
    asking.join(30)
    assert answers == [200]


def test_the_clock_of_a_fake_gives_utc():
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert StoreFake(lambda: noon).now() == noon
    assert StoreFake().now().tzinfo is UTC


def test_the_example_in_the_docstring_works():
    shown = inspect.getdoc(fake_server).split("::\n\n")[1].split("\n\nEvery fake")[0]
    names = {**vars(fake_server)}
    exec(textwrap.dedent(shown).split("\nwith ")[0], names)
    with Running(names["SmsFake"]()) as sms:
        sent = requests.post(f"{sms.url}/send", json={"phone": "13800001111"}, timeout=5)
        assert (sent.status_code, sent.json()) == (200, {"Code": "OK"})
        refused = requests.post(f"{sms.url}/send", data=b"not JSON", timeout=5)
        assert (refused.status_code, refused.json()["Code"]) == (400, "MISSING_PHONE")
        sms.fake.fail(Failure(api="send", status=502, after=True))
        assert requests.post(f"{sms.url}/send", json={"phone": "13800002222"}, timeout=5).status_code == 502
        kept = requests.get(f"{sms.url}/_fake/sent", timeout=5).json()
        assert [order["phone"] for order in kept["sent"]] == ["13800001111", "13800002222"]
