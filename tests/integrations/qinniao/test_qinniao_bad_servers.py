"""Servers that are slow, broken or lying: nothing is taken for what it is not, nothing goes on for ever."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any  # a story of the conftest
from uuid import uuid4

import pytest

from core import members
from core.clock import ManualClock
from core.contract.context import Context
from hosts.testkit.plugin import Api
from integrations.qinniao import circuit, leads, protocol, reconcile
from integrations.qinniao.answers import QinniaoError
from integrations.qinniao.client import Code, QinniaoClient, QinniaoUnavailable
from integrations.qinniao.fake import Failure, Item, Running
from integrations.qinniao.models import QinniaoCircuit, QinniaoCursor, QinniaoObject

PHONE = "13800001111"


@pytest.fixture
def run(brand: Context, drain: Callable[[], int]) -> Callable[..., None]:
    def once(*kinds: str) -> None:
        with brand.transaction():
            reconcile.Pull.start(brand, kinds or None)
        drain()

    return once


def cursor(ctx: Context, kind: str) -> QinniaoCursor:
    return QinniaoCursor.scoped(ctx).get(QinniaoCursor.kind == kind)


def page(items: list[Item], next_cursor: str, has_more: bool = True) -> Item:
    return {"items": list(items), "next_cursor": next_cursor, "has_more": has_more}


class TestLists:
    @pytest.mark.parametrize("length", [1, 2, 3, 7])
    @pytest.mark.parametrize("fresh_cursors", [True, False], ids=["ever new cursors", "the same cursors"])
    def test_a_list_that_goes_in_circles_is_left_and_shown(
        self, story: Any, run: Callable[..., None], brand: Context, length: int, fresh_cursors: bool
    ) -> None:
        items = [story.fake.put("members", {"id": f"m-{n}", "phone": f"1380000000{n}"}) for n in range(length)]
        calls = iter(range(10_000))

        def circle(kind: str, query: Any) -> Item:
            if kind != "members":
                return page([], "", False)
            number = next(calls)
            name = uuid4().hex if fresh_cursors else f"c-{(number + 1) % (length + 1)}"
            return page([items[number % length]], name)

        story.fake.list_page = circle
        run()
        row = cursor(brand, "members")
        assert row.state == "failed"
        assert "circles" in row.error or "not where" in row.error
        assert next(calls) < 8 * length + 8
        kept = QinniaoObject.scoped(brand).select().where(QinniaoObject.kind == "members").count()
        assert kept == length, "what it told before was taken"
        assert cursor(brand, "cards").state == "idle"

    def test_a_list_without_an_end_is_left(
        self, story: Any, run: Callable[..., None], brand: Context, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("integrations.qinniao.following.MOST_PAGES", 50)
        story.fake.list_page = lambda kind, query: page([], uuid4().hex)
        run("members")
        assert (cursor(brand, "members").state, cursor(brand, "members").error) == (
            "failed", "page 50 has no end in sight",
        )  # fmt: skip

    def test_a_cursor_that_is_not_taken_any_more_is_dropped_and_nothing_is_missed(
        self, story: Any, run: Callable[..., None], brand: Context, clock: ManualClock
    ) -> None:
        story.register()
        run("members")
        with brand.transaction():
            QinniaoCursor.scoped(brand).update(cursor="of a server that was replaced").execute()
        clock.advance(hours=1)
        story.fake.put("members", {"id": "m-1", "phone": PHONE})
        run("members")
        assert story.member().state == "member"
        assert (cursor(brand, "members").state, cursor(brand, "members").error) == ("idle", "")
        since = story.fake.calls("members")[-1]["query"]["updated_since"]
        assert since.startswith("2026-11-21"), "from the day before it was last read to its end"

    def test_a_server_that_never_takes_its_own_cursors_is_asked_a_few_times_only(
        self, story: Any, run: Callable[..., None], brand: Context
    ) -> None:
        honest = story.fake.list_page
        story.fake.list_page = lambda kind, query: {**honest(kind, query), "next_cursor": "nonsense", "has_more": True}
        story.fake.put("members", {"id": "m-1", "phone": PHONE})
        run("members")
        assert cursor(brand, "members").state == "failed"
        assert "42200" in cursor(brand, "members").error
        assert len(story.fake.calls("members")) <= 4
        story.fake.list_page = honest
        run("members")
        assert cursor(brand, "members").state == "idle"

    @pytest.mark.parametrize(
        "bad",
        [
            {"version": None},
            {"version": 2**70},
            {"version": "three"},
            {"updated_at": "0001-01-01T00:00:00+14:00"},
            {"updated_at": "9999-12-31T23:59:59-12:00"},
            {"updated_at": "2026-11-22T10:00:00"},
            {"amount_fen": 10**30},
            {"paid_at": None},
            {"id": "a\x00b"},
            {"id": ["list"]},
            {"id": "x" * 101},
            {"member_id": {"id": 3}},
            {"note": "\ud800"},
        ],
        ids=lambda bad: next(iter(bad)) + " " + ascii(next(iter(bad.values())))[:20],
    )
    def test_an_item_that_is_nonsense_holds_up_nobody(
        self, story: Any, run: Callable[..., None], brand: Context, clock: ManualClock, bad: dict[str, Any]
    ) -> None:
        story.register()
        story.fake.put("members", {"id": "m-1", "phone": PHONE})
        paid = {
            "member_id": "m-1", "amount_fen": 100_00, "paid_at": clock.now().isoformat(), "version": 1,
            "updated_at": clock.now().isoformat(), "deleted": False,
        }  # fmt: skip
        items: list[Item] = [{"id": "o-0", **paid, **bad}, {"id": "o-1", **paid}]
        answer = {"code": 0, "data": page(items, "end", False)}
        story.fake.fail(Failure(api="orders", body=json.dumps(answer)))
        run()
        row = cursor(brand, "orders")
        assert (row.state, row.items, row.rejected) == ("idle", 1, 1)
        assert story.bought() == (100_00, 0)

    @pytest.mark.parametrize(
        "failure",
        [
            Failure(body="<html>maintenance</html>", times=2),
            Failure(body='{"code":0,"data":{"items":[{"id":"m-', times=2),
            Failure(body='{"code":50000,"msg":"busy","data":null}', times=2),
            Failure(errcode=int(Code.SESSION_EXPIRED), times=2),
            Failure(body="[" * 100_000, times=2),
            Failure(status=502, times=2),
        ],
        ids=["html", "truncated", "an error in 200", "session over", "too deep", "502"],
    )
    def test_a_page_that_is_none_is_asked_for_again_later(
        self, story: Any, run: Callable[..., None], brand: Context, clock: ManualClock, failure: Failure
    ) -> None:
        story.fake.put("members", {"id": "m-1", "phone": PHONE})
        failure = failure.model_copy(update={"api": "members"})
        story.fake.fail(failure)
        run("members")
        assert (cursor(brand, "members").state, cursor(brand, "members").tries) == ("running", 1)
        clock.advance(seconds=15)
        story.drain()
        assert (cursor(brand, "members").state, cursor(brand, "members").items) == ("idle", 1)

    def test_what_it_says_is_kept_short_and_harmless(
        self, story: Any, run: Callable[..., None], brand: Context
    ) -> None:
        story.fake.fail(Failure(api="members", errcode=41234, errmsg=f"\x00bad\n{PHONE} " + "x" * 5000))
        run("members")
        error = cursor(brand, "members").error
        assert error.isprintable()
        assert PHONE not in error
        assert len(error) <= 300


def test_a_server_that_does_not_know_the_filter_gives_nobody_another_ones_membership(
    story: Any, brand: Context
) -> None:
    story.fake.put("members", {"id": "m-9", "phone": "13999999999"})
    everybody = story.fake.list_page("members", {})
    story.fake.list_page = lambda kind, query: everybody
    person = story.register()
    row = story.lead(person)
    assert (row.state, row.saas_member, "other phones" in row.error) == ("failed", "", True)
    assert story.member().state == "lead"
    assert story.fake.leads == [], "who could not be looked up is not pushed either"


class Awkward:
    """A server that answers bytes in its own time."""

    def __init__(self, body: Callable[[], Iterator[bytes]], length: int) -> None:
        over = self.over = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(length))
                self.end_headers()
                try:
                    for part in body():
                        self.wfile.write(part)
                        self.wfile.flush()
                        if over.wait(0.01):
                            return
                except OSError:
                    pass

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def __enter__(self) -> "Awkward":
        return self

    def __exit__(self, *what: object) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class TestSlowAndLarge:
    def test_an_answer_that_drips_is_given_up_though_each_byte_is_in_time(self) -> None:
        def drip() -> Iterator[bytes]:
            for _ in range(10**6):  # hours
                yield b" "

        with Awkward(drip, 10**6) as server:
            client = QinniaoClient(server.url, "app", "secret", timeout=(0.2, 0.3), attempts=1)
            with pytest.raises(QinniaoUnavailable, match="TimeoutError") as failed:
                client.pull("members")
        assert failed.value.retryable

    def test_an_answer_without_measure_is_not_read_to_its_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(protocol, "MOST_BYTES", 2**20)
        sent = []

        def flood() -> Iterator[bytes]:
            for _ in range(1000):
                sent.append(1)
                yield b" " * 2**16

        with Awkward(flood, 1000 * 2**16) as server:
            client = QinniaoClient(server.url, "app", "secret", attempts=1)
            with pytest.raises(QinniaoUnavailable, match="more than 1 MB") as failed:
                client.pull("members")
        assert not failed.value.retryable
        assert len(sent) < 500


class TestCircuit:
    URL = "http://saas.example"
    DOWN = QinniaoError(int(Code.BUSY), "busy", retryable=True)
    REFUSED = QinniaoError(int(Code.INVALID), "no", retryable=False)

    def state(self, ctx: Context) -> str:
        return str(QinniaoCircuit.scoped(ctx).get(QinniaoCircuit.target == self.URL).state)

    def note(self, ctx: Context, failure: QinniaoError | None, times: int = 1) -> None:
        for _ in range(times):
            with ctx.transaction():
                circuit.note(ctx, self.URL, failure)

    def pause(self, ctx: Context) -> Any:
        with ctx.transaction():
            return circuit.pause(ctx, self.URL)

    def test_it_opens_after_failures_in_a_row_and_only_then(self, brand: Context) -> None:
        assert self.pause(brand) is None
        self.note(brand, self.DOWN, circuit.FAILURES - 1)
        self.note(brand, None)
        self.note(brand, self.DOWN, circuit.FAILURES - 1)
        assert (self.pause(brand), self.state(brand)) == (None, "closed"), "an answer clears the failures"
        self.note(brand, self.DOWN)
        assert (self.pause(brand), self.state(brand)) == (circuit.PAUSE, "open")

    def test_a_refusal_now_and_then_does_not_keep_it_closed(self, brand: Context, clock: ManualClock) -> None:
        self.note(brand, self.DOWN, circuit.FAILURES - 1)
        self.note(brand, self.REFUSED)
        assert (self.pause(brand), self.state(brand)) == (None, "closed")
        self.note(brand, self.DOWN)
        assert (self.pause(brand), self.state(brand)) == (circuit.PAUSE, "open")
        clock.advance(seconds=60)
        assert self.pause(brand) is None
        self.note(brand, self.REFUSED)
        assert (self.pause(brand), self.state(brand)) == (None, "closed"), "after a pause it shows that it is up"

    def test_after_a_pause_one_goes_and_the_others_wait_for_what_comes_of_it(
        self, brand: Context, clock: ManualClock
    ) -> None:
        self.note(brand, self.DOWN, circuit.FAILURES)
        clock.advance(seconds=59)
        assert self.pause(brand).total_seconds() == 1
        clock.advance(seconds=1)
        assert self.pause(brand) is None
        assert self.pause(brand) == circuit.PAUSE
        self.note(brand, self.DOWN)
        assert (self.pause(brand), self.state(brand)) == (circuit.PAUSE, "open")
        clock.advance(seconds=60)
        assert self.pause(brand) is None
        self.note(brand, None)
        assert (self.pause(brand), self.state(brand)) == (None, "closed")

    def test_of_many_workers_at_once_one_goes(self, brand: Context, clock: ManualClock) -> None:
        self.note(brand, self.DOWN, circuit.FAILURES)
        clock.advance(seconds=60)
        begin, answers = threading.Barrier(6), []

        def work() -> None:
            begin.wait()
            answers.append(brand.run(lambda: circuit.pause(brand, self.URL)))

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers.count(None) == 1

    def test_a_probe_that_never_came_back_is_followed_by_another(self, brand: Context, clock: ManualClock) -> None:
        self.note(brand, self.DOWN, circuit.FAILURES)
        clock.advance(seconds=60)
        assert self.pause(brand) is None
        clock.advance(seconds=60)
        assert self.pause(brand) is None

    def test_one_brand_or_server_that_is_down_stops_no_other(
        self, brand: Context, new_tenant: Callable[..., Context]
    ) -> None:
        self.note(brand, self.DOWN, circuit.FAILURES)
        other = new_tenant("other", plugins=("purchases", "visits", "qinniao"))
        assert self.pause(other) is None
        with brand.transaction():
            assert circuit.pause(brand, "http://another.example") is None

    def test_people_who_register_while_it_is_down_are_pushed_once_it_is_back(
        self, story: Any, brand: Context, clock: ManualClock, saas: Running, api: Api
    ) -> None:
        saas.fake.fail(Failure(errcode=int(Code.BUSY), times=1000))
        people = [story.register(f"1380000000{number}") for number in range(circuit.FAILURES)]
        asked = len(saas.fake.log)
        late = story.register("13800000009")
        assert len(saas.fake.log) == asked, "nobody was asked for them"
        assert story.lead(late).tries == 0, "and it does not count as a failure of theirs"
        token = api.as_staff("qinniao.view")
        (row,) = api.get("/admin/v1/qinniao/servers?state=open", token=token).json["items"]
        assert (row["target"], row["failures"]) == (saas.url, circuit.FAILURES)
        assert "50300" in row["error"]
        saas.fake.reset()
        for _ in range(12):
            clock.advance(minutes=1)
            story.drain()
        assert {lead["phone"] for lead in saas.fake.leads} == {
            members.phone_of(brand, person.id).removeprefix("+86") for person in (*people, late)
        }
        assert api.get("/admin/v1/qinniao/servers?state=open", token=token).json["items"] == []

    def test_a_list_waits_for_the_circuit_without_losing_its_place(
        self, story: Any, brand: Context, clock: ManualClock, run: Callable[..., None]
    ) -> None:
        target = leads.client_of(brand)._base_url
        for _ in range(circuit.FAILURES):
            with brand.transaction():
                circuit.note(brand, target, self.DOWN)
        run("members")
        assert (story.fake.calls("members"), cursor(brand, "members").state) == ([], "running")
        clock.advance(seconds=60)
        story.drain()
        assert (cursor(brand, "members").state, cursor(brand, "members").tries) == ("idle", 0)

    def test_staff_who_know_that_it_is_back_need_not_wait(self, brand: Context, api: Api) -> None:
        self.note(brand, self.DOWN, circuit.FAILURES)
        row = QinniaoCircuit.scoped(brand).get(QinniaoCircuit.target == self.URL)
        path = f"/admin/v1/qinniao/servers/{row.id}/close"
        assert api.post(path, token=api.as_staff("qinniao.view")).status_code == 403
        token = api.as_staff("qinniao.view", "qinniao.retry")
        assert api.post(path, token=token).status_code < 300
        assert self.pause(brand) is None
        assert api.post(path, token=token).status_code == 409
