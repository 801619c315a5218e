"""The SaaS client, its signing and its pushes against the fake of the SaaS, over real HTTP."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any  # JSON as it came

import pytest
import requests

from core.clock import ManualClock
from integrations.qinniao.client import Code, QinniaoClient, QinniaoError, QinniaoUnavailable, SessionExpired
from integrations.qinniao.fake import APP_ID, SECRET, Failure, Item, Push, QinniaoFake, Running, serve
from integrations.qinniao.signing import (
    WINDOW_SECONDS,
    BadSignature,
    HmacSigner,
    Reason,
    Verified,
    sign,
    verify,
)
from integrations.qinniao.wire import Kind, LeadAccepted, SaasItem, SaasMember, SaasOrder

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
ROOT = Path(__file__).parents[3]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def saas(clock: ManualClock) -> Iterator[Running]:
    with serve(fake=QinniaoFake(clock=clock.now)) as running:
        yield running


@pytest.fixture
def naps() -> list[float]:
    """The waits between attempts, which nobody waits."""
    return []


@pytest.fixture
def client(saas: Running, clock: ManualClock, naps: list[float]) -> QinniaoClient:
    return make_client(saas.url, clock, naps)


def make_client(url: str, clock: ManualClock, naps: list[float], **options: Any) -> QinniaoClient:
    signer = HmacSigner(APP_ID, SECRET, clock=clock.now)
    return QinniaoClient(url, APP_ID, SECRET, **{"signer": signer, "sleep": naps.append, **options})


def told(ex: BaseException) -> str:
    """Return all that an error tells, with what it is chained to."""
    texts = []
    link: BaseException | None = ex
    while link is not None:
        texts += [str(link), repr(link), repr(vars(link))]
        link = link.__cause__ or link.__context__
    return "\n".join([*texts, *traceback.format_exception(ex)])


class TestSigning:
    BODY = b'{"external_id":"u-7","phone":"13800001111"}'
    TARGET = "/v1/leads?dry=1"
    KEY = "s3cret"

    def signed(self, now: datetime = NOW, nonce: str = "nonce-0001") -> dict[str, str]:
        signer = HmacSigner("app", self.KEY, clock=lambda: now, nonce=lambda: nonce)
        return dict(signer.headers("POST", self.TARGET, self.BODY))

    def test_the_signature_is_what_openssl_computes(self) -> None:
        # printf 'POST\n/v1/leads?dry=1\n1700000000\nnonce-0001\nSHA256' | openssl dgst -sha256 -hmac s3cret
        expected = "e64bfd96aff049eea8ab9b111703ea20ba589a0ec2c874d51fe5c8e5bc719e2a"
        assert sign(self.KEY, "post", self.TARGET, 1700000000, "nonce-0001", self.BODY) == expected
        without_body = "d76074a90cfaee5d9f0ec7d188a5973e0676dfa1de378354977bc0b19bccb66b"
        assert sign(self.KEY, "GET", "/v1/members", "1700000000", "nonce-0001", b"") == without_body

    def test_what_was_signed_is_verified_and_names_its_nonce(self) -> None:
        headers = {name.upper(): value for name, value in self.signed().items()}
        verified = verify(self.KEY, "POST", self.TARGET, headers, self.BODY, now=NOW, app_id="app")
        assert verified == Verified("app", int(NOW.timestamp()), "nonce-0001")

    @pytest.mark.parametrize(
        ("method", "target", "body", "changed", "reason"),
        [
            ("PUT", TARGET, BODY, {}, "wrong_signature"),
            ("POST", "/v1/leads?dry=0", BODY, {}, "wrong_signature"),
            ("POST", "/v1/leads", BODY, {}, "wrong_signature"),
            ("POST", TARGET, BODY + b" ", {}, "wrong_signature"),
            ("POST", TARGET, b"", {}, "wrong_signature"),
            ("POST", TARGET, BODY, {"X-Timestamp": str(int(NOW.timestamp()) + 1)}, "wrong_signature"),
            ("POST", TARGET, BODY, {"X-Nonce": "nonce-0002"}, "wrong_signature"),
            ("POST", TARGET, BODY, {"X-Signature": "0" * 64}, "wrong_signature"),
            ("POST", TARGET, BODY, {"X-Signature": "0" * 63}, "malformed_header"),
            ("POST", TARGET, BODY, {"X-Signature": "é" * 64}, "malformed_header"),
            ("POST", TARGET, BODY, {"X-Signature": ""}, "missing_header"),
            ("POST", TARGET, BODY, {"X-Timestamp": ""}, "missing_header"),
            ("POST", TARGET, BODY, {"X-Timestamp": "1e9"}, "malformed_header"),
            ("POST", TARGET, BODY, {"X-Timestamp": "9" * 400}, "malformed_header"),
            ("POST", TARGET, BODY, {"X-Nonce": "short"}, "malformed_header"),
            ("POST", TARGET, BODY, {"X-Nonce": "nonce-0001\nx"}, "malformed_header"),
            ("POST", TARGET, BODY, {"X-App-Id": "other"}, "unknown_app"),
        ],
    )
    def test_what_was_tampered_with_is_refused_with_the_reason(
        self, method: str, target: str, body: bytes, changed: dict[str, str], reason: Reason
    ) -> None:
        with pytest.raises(BadSignature) as refused:
            verify(self.KEY, method, target, self.signed() | changed, body, now=NOW, app_id="app")
        assert refused.value.reason == reason
        assert self.KEY not in told(refused.value)

    def test_another_secret_is_refused(self) -> None:
        with pytest.raises(BadSignature, match="wrong_signature"):
            verify("other", "POST", self.TARGET, self.signed(), self.BODY, now=NOW)

    @pytest.mark.parametrize("seconds", [-WINDOW_SECONDS, WINDOW_SECONDS])
    def test_a_timestamp_is_good_for_five_minutes_either_way(self, seconds: int) -> None:
        edge = self.signed(NOW + timedelta(seconds=seconds))
        assert verify(self.KEY, "POST", self.TARGET, edge, self.BODY, now=NOW)
        beyond = self.signed(NOW + timedelta(seconds=seconds + (1 if seconds > 0 else -1)))
        with pytest.raises(BadSignature) as refused:
            verify(self.KEY, "POST", self.TARGET, beyond, self.BODY, now=NOW)
        assert refused.value.reason == "outside_window"

    def test_every_call_has_a_nonce_of_its_own_and_no_repr_tells_the_secret(self) -> None:
        signer = HmacSigner("app", self.KEY)
        nonces = {signer.headers("GET", "/", b"")["X-Nonce"] for _ in range(100)}
        assert len(nonces) == 100
        assert self.KEY not in repr(signer)


class TestFindMember:
    def test_a_member_is_found_by_phone_and_an_unknown_phone_is_nobody(
        self, client: QinniaoClient, saas: Running
    ) -> None:
        saas.fake.put("members", {"id": "m1", "phone": "13800001111", "name": "沈知夏", "vip": {"since": 3}})
        member = client.find_member("13800001111")
        assert isinstance(member, SaasMember)
        assert (member.id, member.name, member.status) == ("m1", "沈知夏", "active")
        assert member.model_extra == {"vip": {"since": 3}}, "an unknown field is kept"
        assert "13800001111" not in repr(member)
        assert client.find_member("13800002222") is None

    def test_of_several_the_active_one_is_meant_and_a_deleted_one_is_nobody(
        self, client: QinniaoClient, saas: Running, clock: ManualClock
    ) -> None:
        phone = "13800001111"
        saas.fake.put("members", {"id": "gone", "phone": phone, "deleted": True})
        assert client.find_member(phone) is None
        saas.fake.put("members", {"id": "active", "phone": phone})
        clock.advance(days=1)
        saas.fake.put("members", {"id": "lapsed", "phone": phone, "status": "expired"})
        found = client.find_member(phone)
        assert found is not None
        assert found.id == "active"

    def test_a_member_that_cannot_be_read_is_not_taken_for_nobody(self, client: QinniaoClient, saas: Running) -> None:
        saas.fake.put("members", {"id": "m1", "phone": "13800001111", "updated_at": "yesterday"})
        with pytest.raises(QinniaoUnavailable, match="updated_at"):
            client.find_member("13800001111")

    def test_a_phone_with_a_plus_is_signed_as_it_is_sent(self, client: QinniaoClient, saas: Running) -> None:
        saas.fake.put("members", {"id": "m1", "phone": "+85291234567"})
        assert client.find_member("+85291234567") is not None
        assert saas.fake.calls("members")[0]["target"] == "/v1/members?phone=%2B85291234567"


class TestPushLead:
    def test_pushing_a_lead_again_changes_nothing(self, client: QinniaoClient, saas: Running) -> None:
        first = client.push_lead("u-1", "13800001111", "沈知夏", "001", "wechat", "u-0")
        again = client.push_lead("u-1", "13800001111", "沈知夏改", "002", "wechat", None)
        assert first == LeadAccepted(lead_id="lead-1", created=True)
        assert again == LeadAccepted(lead_id="lead-1", created=False)
        (lead,) = saas.fake.leads
        assert (lead["name"], lead["store_id"], lead["referrer"]) == ("沈知夏", "001", "u-0")

    def test_what_is_not_known_is_left_out(self, client: QinniaoClient, saas: Running) -> None:
        client.push_lead("u-1", "13800001111")
        sent = saas.fake.calls("leads")[0]["body"]
        assert sent == {"external_id": "u-1", "phone": "13800001111", "source": "roost"}

    def test_the_phone_of_a_member_is_answered_with_who_it_is(self, client: QinniaoClient, saas: Running) -> None:
        saas.fake.put("members", {"id": "m1", "phone": "13800001111"})
        assert client.push_lead("u-1", "13800001111").member_id == "m1"

    def test_a_lead_whose_answer_was_lost_is_pushed_again_and_is_one_lead(
        self, client: QinniaoClient, saas: Running
    ) -> None:
        saas.fake.fail(Failure(api="leads", status=502, after=True))
        accepted = client.push_lead("u-1", "13800001111")
        assert (accepted.lead_id, accepted.created) == ("lead-1", False)
        assert len(saas.fake.leads) == 1
        first, second = saas.fake.calls("leads")
        assert first["nonce"] != second["nonce"]

    def test_pushed_eight_times_at_once_it_is_created_once(self, saas: Running, client: QinniaoClient) -> None:
        start = threading.Barrier(8)

        def push(_: int) -> LeadAccepted:
            start.wait()
            return client.push_lead("u-1", "13800001111")

        with ThreadPoolExecutor(8) as pool:
            accepted = list(pool.map(push, range(8)))
        assert [lead.created for lead in accepted].count(True) == 1
        assert {lead.lead_id for lead in accepted} == {"lead-1"}

    def test_a_lead_that_is_refused_is_not_tried_again(self, client: QinniaoClient, saas: Running) -> None:
        with pytest.raises(QinniaoError, match="phone") as refused:
            client.push_lead("u-1", "not a phone")
        assert (refused.value.code, refused.value.retryable) == (Code.INVALID, False)
        assert len(saas.fake.calls("leads")) == 1


class TestPull:
    def test_a_list_is_read_page_by_page_and_gone_on_from(self, client: QinniaoClient, saas: Running) -> None:
        for number in range(5):
            saas.fake.put("checkins", {"id": f"c{number}", "member_id": "m1", "checked_in_at": NOW.isoformat()})
        seen: list[str] = []
        cursor, more = None, True
        while more:
            page = client.pull("checkins", cursor, limit=2)
            assert len(page.items) <= 2
            seen += [item.id for item in page.items]
            cursor, more = page.next_cursor, page.has_more
        assert seen == ["c0", "c1", "c2", "c3", "c4"]
        assert client.pull("checkins", cursor).items == ()

        saas.fake.put("checkins", {"id": "c1", "deleted": True})
        (item,) = client.pull("checkins", cursor).items
        assert (item.id, item.deleted, item.version) == ("c1", True, 2)

    def test_updated_since_leaves_out_what_is_older(
        self, client: QinniaoClient, saas: Running, clock: ManualClock
    ) -> None:
        saas.fake.put("stores", {"id": "001"})
        clock.advance(days=1)
        saas.fake.put("stores", {"id": "002"})
        in_shanghai = datetime.fromisoformat("2026-03-02T15:00:00+08:00")
        assert [item.id for item in client.pull("stores", updated_since=in_shanghai).items] == ["002"]

    def test_a_kind_has_its_model_and_numbers_may_stand_for_ids(self, client: QinniaoClient, saas: Running) -> None:
        paid: Item = {
            "id": "o1",
            "member_id": 77,
            "amount_fen": 19900,
            "paid_at": "2026-03-01T16:00:00+08:00",
            "store_id": 7,
        }
        saas.fake.put("orders", paid)
        (order,) = client.pull("orders").items
        assert isinstance(order, SaasOrder)
        assert (order.member_id, order.amount_fen, order.store_id) == ("77", 19900, "007")
        assert order.paid_at == NOW

    def test_one_bad_item_does_not_hold_up_the_others(self, client: QinniaoClient, saas: Running) -> None:
        saas.fake.put("orders", {"id": "bad", "member_id": "m1", "amount_fen": -5, "paid_at": NOW.isoformat()})
        saas.fake.put("orders", {"id": "good", "member_id": "m1", "amount_fen": 5, "paid_at": NOW.isoformat()})
        page = client.pull("orders")
        assert [item.id for item in page.items] == ["good"]
        assert [(item.id, item.reason) for item in page.rejected] == [("bad", "amount_fen: greater_than_equal")]

    @pytest.mark.parametrize(
        "kind",
        ["members", "cards", "classes", "bookings", "checkins", "orders", "refunds", "staff", "stores"],
    )
    def test_every_list_can_be_pulled(self, client: QinniaoClient, kind: Kind) -> None:
        page = client.pull(kind)
        assert (page.items, page.has_more) == ((), False)

    def test_nonsense_is_refused_before_it_is_sent(self, client: QinniaoClient, saas: Running) -> None:
        for limit in (0, 201):
            with pytest.raises(ValueError, match="1 to 200"):
                client.pull("members", limit=limit)
        with pytest.raises(ValueError, match="time zone"):
            client.pull("members", updated_since=datetime(2026, 3, 1))
        with pytest.raises(ValueError, match="no list"):
            client.pull("leads")  # type: ignore[arg-type] # the point of the test
        assert saas.fake.log == []

    def test_a_cursor_of_another_list_is_refused(self, client: QinniaoClient) -> None:
        cursor = client.pull("members").next_cursor
        for wrong in (cursor, "not a cursor", "é"):
            with pytest.raises(QinniaoError, match="cursor") as refused:
                client.pull("orders", wrong)
            assert refused.value.code == Code.INVALID

    @pytest.mark.parametrize("next_cursor", ["null", '""', '"here"'])
    def test_a_list_that_does_not_move_is_not_read_for_ever(
        self, client: QinniaoClient, saas: Running, next_cursor: str
    ) -> None:
        data = f'{{"items":[],"next_cursor":{next_cursor},"has_more":true}}'
        saas.fake.fail(Failure(body=f'{{"code":0,"data":{data}}}'))
        with pytest.raises(QinniaoUnavailable, match="not where"):
            client.pull("members", "here")


class TestErrors:
    def test_http_200_may_carry_an_error(self, client: QinniaoClient, saas: Running) -> None:
        saas.fake.fail(Failure(errcode=41234, errmsg="no such thing"))
        with pytest.raises(QinniaoError, match="41234: no such thing") as refused:
            client.pull("members")
        assert type(refused.value) is QinniaoError
        assert (refused.value.code, refused.value.retryable) == (41234, False)
        (call,) = saas.fake.log
        assert call["status"] == 200
        assert isinstance(call["answer"], dict)
        assert refused.value.request_id == call["answer"]["request_id"]

    @pytest.mark.parametrize("code", [Code.TOO_OFTEN, Code.FAILED, Code.BUSY, Code.SESSION_EXPIRED, Code.NONCE_USED])
    def test_what_may_pass_is_tried_again(
        self, client: QinniaoClient, saas: Running, naps: list[float], code: Code
    ) -> None:
        saas.fake.fail(Failure(errcode=code, times=2))
        assert client.pull("members").items == ()
        assert len(saas.fake.log) == 3
        assert len(naps) == 2
        assert len({str(call["nonce"]) for call in saas.fake.log}) == 3

    @pytest.mark.parametrize(
        "failure",
        [
            Failure(status=500, times=9),
            Failure(status=503, errcode=41234, times=9),
            Failure(status=429, times=9),
            Failure(body="<html>", times=9),
        ],
        ids=["500", "503 with an envelope", "429", "not JSON"],
    )
    def test_it_gives_up_after_four_attempts(
        self, client: QinniaoClient, saas: Running, naps: list[float], failure: Failure
    ) -> None:
        saas.fake.fail(failure.model_copy())
        with pytest.raises(QinniaoError) as failed:
            client.pull("members")
        assert failed.value.retryable
        assert len(saas.fake.log) == 4
        assert all(nap <= 2 for nap in naps)

    @pytest.mark.parametrize(
        "failure",
        [
            Failure(status=404),
            Failure(status=302),
            Failure(status=403, body='{"code":0,"data":{}}'),
            Failure(body="[]"),
            Failure(body='{"msg":"no code"}'),
            Failure(body='{"code":0,"data":null}'),
            Failure(body='{"code":0,"data":{"items":3,"has_more":false}}'),
        ],
        ids=["404", "302", "403 that says 0", "no envelope", "no code", "no data", "no items"],
    )
    def test_what_will_not_pass_is_not_tried_again(
        self, client: QinniaoClient, saas: Running, failure: Failure
    ) -> None:
        saas.fake.fail(failure.model_copy())
        with pytest.raises(QinniaoUnavailable) as failed:
            client.pull("members")
        assert not failed.value.retryable
        assert f"HTTP {failure.status}" in str(failed.value) or failure.status is None
        assert len(saas.fake.log) == 1

    def test_a_slow_answer_is_given_up_and_asked_for_again(
        self, saas: Running, clock: ManualClock, naps: list[float]
    ) -> None:
        hasty = make_client(saas.url, clock, naps, timeout=(1, 0.2))
        saas.fake.fail(Failure(delay=30))
        assert hasty.pull("members").items == ()
        assert naps

    def test_all_attempts_together_have_a_time_limit(
        self, saas: Running, clock: ManualClock, naps: list[float]
    ) -> None:
        hasty = make_client(saas.url, clock, naps, total_seconds=0.1, attempts=1000, timeout=(25, 25))
        saas.fake.fail(Failure(delay=30, times=1000))
        began = time.monotonic()
        with pytest.raises(QinniaoUnavailable, match="could not be reached"):
            hasty.pull("members")
        assert time.monotonic() - began < 20, "an attempt gets the time that is left, not its own 25 seconds"
        assert len(naps) < 5

    def test_nobody_there_is_unavailable(self, clock: ManualClock, naps: list[float]) -> None:
        with socket.socket() as unheard:
            unheard.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
            url = f"http://127.0.0.1:{unheard.getsockname()[1]}"
            with pytest.raises(QinniaoUnavailable, match="ConnectionError"):
                make_client(url, clock, naps).pull("members")
        assert len(naps) == 3

    def test_a_session_that_stays_expired_is_an_error_of_its_own(self, client: QinniaoClient, saas: Running) -> None:
        saas.fake.fail(Failure(errcode=Code.SESSION_EXPIRED, times=9))
        with pytest.raises(SessionExpired) as failed:
            client.pull("members")
        assert failed.value.retryable

    def test_an_error_tells_neither_secret_nor_phone(
        self, saas: Running, clock: ManualClock, naps: list[float]
    ) -> None:
        hasty = make_client(saas.url, clock, naps, timeout=(1, 0.05), attempts=1)
        phone = "138" + "00001111"
        failures = [
            Failure(errcode=41234, errmsg=f"{SECRET}: {phone} and +852{phone[3:]} are not welcome"),
            Failure(body=f'{{"code":["{phone}"]}}'),
            Failure(body=f'{{"code":0,"data":{{"items":"{phone}"}}}}'),
            Failure(status=500, body=phone),
            Failure(delay=30),
        ]
        for failure in failures:
            saas.fake.fail(failure)
            with pytest.raises(QinniaoError) as failed:
                hasty.find_member(phone)
            assert phone not in told(failed.value)
            assert phone[3:] not in told(failed.value)
            assert SECRET not in told(failed.value)
        assert SECRET not in repr(hasty)


class TestAnotherScheme:
    """A SaaS with a login, as the field has them: the session expires by a business code inside HTTP 200."""

    class SessionSigner:
        def __init__(self) -> None:
            self.logins = 0

        def headers(self, method: str, path_and_query: str, body: bytes) -> Mapping[str, str]:
            return {"X-Session": f"session-{self.logins}"}

        def renew(self) -> None:
            self.logins += 1

    def test_it_logs_in_again_when_its_session_is_over(
        self, saas: Running, clock: ManualClock, naps: list[float]
    ) -> None:
        signer = self.SessionSigner()
        options = {"signer": signer, "session_expired_codes": frozenset({9001})}
        client = make_client(saas.url, clock, naps, **options)
        saas.fake.fail(Failure(errcode=9001))
        saas.fake.fail(Failure(body='{"code":"0","data":{"items":[],"has_more":false},"unheard_of":1}'))
        assert client.pull("members").next_cursor is None
        assert signer.logins == 1


class TestFakeChecksSignatures:
    def refusal(self, url: str, headers: Mapping[str, str], target: str = "/v1/members") -> Code:
        answer = requests.get(url + target, headers=dict(headers), timeout=2)
        assert answer.status_code == 200
        return Code(answer.json()["code"])

    def test_a_call_that_is_not_ours_is_refused(self, saas: Running, clock: ManualClock) -> None:
        ours = HmacSigner(APP_ID, SECRET, clock=clock.now)
        forged = HmacSigner(APP_ID, "guess", clock=clock.now)
        other = HmacSigner("other", SECRET, clock=clock.now)
        late = HmacSigner(APP_ID, SECRET, clock=lambda: NOW - timedelta(seconds=301))
        signed = ("GET", "/v1/members", b"")
        assert self.refusal(saas.url, {}) == Code.BAD_SIGNATURE
        assert self.refusal(saas.url, forged.headers(*signed)) == Code.BAD_SIGNATURE
        assert self.refusal(saas.url, ours.headers(*signed), "/v1/members?limit=1") == Code.BAD_SIGNATURE
        assert self.refusal(saas.url, other.headers(*signed)) == Code.UNKNOWN_APP
        assert self.refusal(saas.url, late.headers(*signed)) == Code.OUTSIDE_WINDOW
        assert self.refusal(saas.url, ours.headers(*signed)) == Code.OK

    def test_a_nonce_is_good_once_in_ten_minutes(self, saas: Running, clock: ManualClock) -> None:
        signer = HmacSigner(APP_ID, SECRET, clock=clock.now, nonce=lambda: "nonce-0001")
        signed = ("GET", "/v1/members", b"")
        assert self.refusal(saas.url, signer.headers(*signed)) == Code.OK
        clock.advance(seconds=599)
        assert self.refusal(saas.url, signer.headers(*signed)) == Code.NONCE_USED
        clock.advance(seconds=1)
        assert self.refusal(saas.url, signer.headers(*signed)) == Code.OK


class Received:
    """A callback of Roost's: keeps what is pushed to it and answers 200."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str], bytes]] = []
        received = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.calls.append((self.path, dict(self.headers), body))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"received":true}')

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/callbacks/qinniao/demo?v=1"

    def verify_last(self, now: datetime) -> dict[str, Any]:
        path, headers, body = self.calls[-1]
        verify(SECRET, "POST", path, headers, body, now=now, app_id=APP_ID)
        event: dict[str, Any] = json.loads(body)
        return event


@pytest.fixture
def roost() -> Iterator[Received]:
    received = Received()
    serving = threading.Thread(target=received.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    serving.start()
    yield received
    received.server.shutdown()
    received.server.server_close()
    serving.join()


class TestFakePushes:
    @pytest.fixture(autouse=True)
    def _callback(self, saas: Running, roost: Received) -> None:
        saas.fake.callback_url = roost.url

    def push(self, saas: Running, **push: Any) -> dict[str, Any]:
        answer = requests.post(f"{saas.url}/_fake/push", json=push, timeout=5)
        assert answer.status_code == 200, answer.text
        pushed: dict[str, Any] = answer.json()
        return pushed

    def test_an_event_is_signed_and_the_lists_agree_with_it(
        self, saas: Running, roost: Received, client: QinniaoClient
    ) -> None:
        person = {"id": "m1", "phone": "13800001111", "name": "沈知夏"}
        pushed = self.push(saas, event_type="member.converted", data=person, store_id="001")
        assert pushed["deliveries"] == [{"status": 200, "body": {"received": True}}]
        event = roost.verify_last(NOW)
        assert event["event_id"] == pushed["event_id"]
        assert (event["event_type"], event["store_id"]) == ("member.converted", "001")
        assert datetime.fromisoformat(event["occurred_at"]) == NOW
        assert SaasMember.model_validate(event["data"]) == client.find_member("13800001111")

    def test_an_event_may_come_ten_times(self, saas: Running, roost: Received) -> None:
        self.push(saas, event_type="checkin.created", data={"member_id": "m1"}, event_id="e1", times=10)
        assert len(roost.calls) == 10
        assert {json.loads(body)["event_id"] for _, _, body in roost.calls} == {"e1"}
        assert len({headers["X-Nonce"] for _, headers, _ in roost.calls}) == 10

    def test_an_event_may_be_replayed_forged_or_late(self, saas: Running, roost: Received) -> None:
        self.push(saas, event_type="coach.assigned", nonce="nonce-0001", times=2)
        assert {headers["X-Nonce"] for _, headers, _ in roost.calls} == {"nonce-0001"}
        self.push(saas, event_type="coach.assigned", bad_signature=True)
        with pytest.raises(BadSignature, match="wrong_signature"):
            roost.verify_last(NOW)
        self.push(saas, event_type="coach.assigned", old_timestamp=True)
        with pytest.raises(BadSignature, match="outside_window"):
            roost.verify_last(NOW)

    def test_an_older_version_is_pushed_and_does_not_change_the_list(
        self, saas: Running, roost: Received, client: QinniaoClient
    ) -> None:
        self.push(saas, event_type="card.opened", data={"id": "k1", "member_id": "m1"}, version=5)
        self.push(saas, event_type="card.frozen", data={"id": "k1", "status": "frozen"}, version=4)
        assert roost.verify_last(NOW)["data"]["version"] == 4
        (card,) = client.pull("cards").items
        assert isinstance(card, SaasItem)
        assert card.version == 5

    def test_each_event_lands_in_the_list_of_its_kind(self, saas: Running) -> None:
        for event_type in ("order.paid", "order.refunded", "booking.created", "lead.created"):
            self.push(saas, event_type=event_type, data={"id": event_type})
        self.push(saas, event_type="order.paid", data={"id": "told only"}, keep=False)
        kinds: tuple[Kind, ...] = ("orders", "refunds", "bookings")
        assert [[item["id"] for item in saas.fake.items(kind)] for kind in kinds] == [
            ["order.paid"],
            ["order.refunded"],
            ["booking.created"],
        ]

    def test_a_callback_that_does_not_answer_is_reported(self, saas: Running) -> None:
        with socket.socket() as unheard:
            unheard.bind(("127.0.0.1", 0))
            saas.fake.callback_url = f"http://127.0.0.1:{unheard.getsockname()[1]}/"
            pushed = saas.fake.push(Push(event_type="member.updated"))
        assert pushed["deliveries"] == [{"status": None, "error": "ConnectionError"}]

    def test_it_is_set_up_over_http(self, saas: Running, roost: Received, client: QinniaoClient) -> None:
        control = f"{saas.url}/_fake"
        requests.post(f"{control}/callback", json={"url": None}, timeout=2)
        refused = requests.post(f"{control}/push", json={"event_type": "member.updated"}, timeout=2)
        assert (refused.status_code, "callback" in refused.text) == (400, True)
        requests.post(f"{control}/callback", json={"url": roost.url}, timeout=2)
        self.push(saas, event_type="member.updated", data={"id": "m1", "phone": "13800001111"})
        seed = {"kind": "staff", "items": [{"id": "s1"}, {"id": "s2"}]}
        requests.post(f"{control}/items", json=seed, timeout=2)
        assert [item.id for item in client.pull("staff").items] == ["s1", "s2"]
        client.push_lead("u-1", "13800001111")
        assert requests.get(f"{control}/leads", timeout=2).json()["leads"][0]["member_id"] == "m1"
        requests.post(f"{control}/fail", json={"api": "leads", "errcode": 50300}, timeout=2)
        client.push_lead("u-1", "13800001111")
        log = requests.get(f"{control}/log", timeout=2).json()["requests"]
        assert [entry["answer"]["code"] for entry in log if entry["api"] == "leads"] == [0, 50300, 0]
        requests.post(f"{control}/reset", timeout=2)
        assert (saas.fake.log, saas.fake.leads, saas.fake.items("staff")) == ([], [], [])


def test_the_command_line_serves_the_demo_until_it_is_interrupted() -> None:
    command = [sys.executable, "-m", "integrations.qinniao.fake", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[3].rstrip(",")
        client = QinniaoClient(url, APP_ID, SECRET)
        assert [store.id for store in client.pull("stores").items] == ["001", "002", "003"]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
