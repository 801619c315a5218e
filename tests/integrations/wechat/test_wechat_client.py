"""WeChat's client against the fake of WeChat, over real HTTP."""

import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
import requests

from core.clock import ManualClock
from integrations.wechat.client import (
    HighRisk,
    InvalidCode,
    MemoryTokenStore,
    Phone,
    Token,
    TokenRejected,
    TooOften,
    WechatClient,
    WechatError,
    WechatUnavailable,
)
from integrations.wechat.fake import APPID, SECRET, Failure, Running, WechatFake, serve

THREADS = 8
ROOT = Path(__file__).parents[3]

T = TypeVar("T")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 3, 1, 8, tzinfo=UTC))


@pytest.fixture
def wechat(clock: ManualClock) -> Iterator[Running]:
    with serve(fake=WechatFake(clock=clock.now)) as running:
        yield running


@pytest.fixture
def tokens(clock: ManualClock) -> MemoryTokenStore:
    return MemoryTokenStore(clock.now)


@pytest.fixture
def client(wechat: Running, tokens: MemoryTokenStore, clock: ManualClock) -> WechatClient:
    return WechatClient(wechat.url, APPID, SECRET, tokens, clock=clock.now)


def all_at_once(call: Callable[[int], T]) -> list[T]:
    """Make the call in eight threads that start together."""
    start = threading.Barrier(THREADS)

    def one(number: int) -> T:
        start.wait()
        return call(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(THREADS)))


def told(ex: BaseException) -> str:
    """Return all that an error tells, with what it is chained to."""
    texts = []
    link: BaseException | None = ex
    while link is not None:
        texts += [str(link), repr(link), repr(vars(link))]
        link = link.__cause__ or link.__context__
    return "\n".join([*texts, *traceback.format_exception(ex)])


class TestLogin:
    def test_a_code_is_worth_an_openid_once(self, client: WechatClient, wechat: Running) -> None:
        session = client.code_to_session("code-alice")
        assert session.openid == wechat.fake.openid("alice")
        assert session.unionid is not None
        assert session.session_key
        with pytest.raises(InvalidCode) as refused:
            client.code_to_session("code-alice")
        assert (refused.value.code, refused.value.retryable) == (40029, False)

    def test_the_same_person_is_known_by_each_of_their_codes(self, client: WechatClient) -> None:
        codes = ("code-alice", "code-alice#2", "reuse-alice", "reuse-alice", "reuse-code-alice")
        assert len({client.code_to_session(code).openid for code in codes}) == 1
        assert client.code_to_session("code-bob").openid != client.code_to_session("reuse-alice").openid

    def test_there_may_be_no_unionid(self, clock: ManualClock, tokens: MemoryTokenStore) -> None:
        with serve(fake=WechatFake(unionids=False)) as wechat:
            session = WechatClient(wechat.url, APPID, SECRET, tokens).code_to_session("code-alice")
        assert session.unionid is None

    def test_a_login_needs_no_token(self, client: WechatClient, wechat: Running) -> None:
        client.code_to_session("code-alice")
        assert wechat.fake.calls("stable_token") == []

    @pytest.mark.parametrize(
        ("errcode", "kind", "retryable"),
        [
            (-1, WechatUnavailable, True),
            (40029, InvalidCode, False),
            (40163, InvalidCode, False),
            (40226, HighRisk, False),
            (45011, TooOften, True),
            (48001, WechatError, False),
        ],
    )
    def test_each_refusal_has_its_error(
        self, client: WechatClient, wechat: Running, errcode: int, kind: type[WechatError], retryable: bool
    ) -> None:
        wechat.fake.fail(Failure(api="code2session", errcode=errcode))
        with pytest.raises(WechatError) as refused:
            client.code_to_session("code-alice")
        assert type(refused.value) is kind
        assert (refused.value.code, refused.value.retryable) == (errcode, retryable)
        assert str(errcode) in str(refused.value)
        assert client.code_to_session("code-alice").openid, "the injected failure is used up"

    @pytest.mark.parametrize(
        ("appid", "secret", "errcode"),
        [("wx-other", SECRET, 40013), (APPID, "wrong", 40125), ("", SECRET, 41002), (APPID, "", 41004)],
    )
    def test_wrong_credentials_are_named_by_their_code(
        self, wechat: Running, tokens: MemoryTokenStore, appid: str, secret: str, errcode: int
    ) -> None:
        with pytest.raises(WechatError) as refused:
            WechatClient(wechat.url, appid, secret, tokens).code_to_session("code-alice")
        assert (refused.value.code, refused.value.retryable) == (errcode, False)


class TestNoUsableAnswer:
    @pytest.mark.parametrize(
        ("status", "retryable"), [(500, True), (503, True), (429, True), (404, False), (302, False)]
    )
    def test_an_http_error_is_unavailable(
        self, client: WechatClient, wechat: Running, status: int, retryable: bool
    ) -> None:
        wechat.fake.fail(Failure(status=status))
        with pytest.raises(WechatUnavailable, match=f"HTTP {status}") as failed:
            client.code_to_session("code-alice")
        assert (failed.value.code, failed.value.retryable) == (None, retryable)

    @pytest.mark.parametrize("body", ["<html>busy</html>", "", "{", '"openid"', "[]", "{}", '{"openid":7}'])
    def test_what_was_not_promised_is_unavailable(self, client: WechatClient, wechat: Running, body: str) -> None:
        wechat.fake.fail(Failure(body=body or " "))
        with pytest.raises(WechatUnavailable):
            client.code_to_session("code-alice")

    def test_a_slow_answer_is_given_up(self, wechat: Running, tokens: MemoryTokenStore) -> None:
        hasty = WechatClient(wechat.url, APPID, SECRET, tokens, timeout=(1, 0.05))
        wechat.fake.fail(Failure(api="code2session", delay=30))
        with pytest.raises(WechatUnavailable, match="ReadTimeout") as failed:
            hasty.code_to_session("code-alice")
        assert failed.value.retryable

    def test_nobody_there_is_unavailable(self, tokens: MemoryTokenStore) -> None:
        with socket.socket() as unheard:
            unheard.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
            url = f"http://127.0.0.1:{unheard.getsockname()[1]}"
            with pytest.raises(WechatUnavailable, match="ConnectionError") as failed:
                WechatClient(url, APPID, SECRET, tokens).code_to_session("code-alice")
        assert failed.value.retryable


class TestPhoneNumber:
    def test_a_code_is_worth_a_number_once(self, client: WechatClient, wechat: Running) -> None:
        phone = client.phone_number("phone-13800001111", openid="o-alice")
        assert phone == Phone("13800001111", "13800001111", "86")
        assert wechat.fake.calls("phone_number")[0]["body"] == {
            "code": "phone-13800001111",
            "openid": "o-alice",
        }
        with pytest.raises(InvalidCode):
            client.phone_number("phone-13800001111")

    def test_a_country_code_may_come_as_an_integer(self, client: WechatClient, wechat: Running) -> None:
        phone = client.phone_number("phone-852-91234567")
        assert phone == Phone("+85291234567", "91234567", "852")
        assert '"countryCode": 852' in str(wechat.fake.calls("phone_number")[0]["answer"]).replace("'", '"')

    def test_a_code_dies_after_five_minutes(self, client: WechatClient, wechat: Running, clock: ManualClock) -> None:
        live, dead = wechat.fake.issue_phone_code("13800001111"), wechat.fake.issue_phone_code("13800002222")
        clock.advance(minutes=4, seconds=59)
        assert client.phone_number(live).pure_number == "13800001111"
        clock.advance(seconds=1)
        with pytest.raises(InvalidCode):
            client.phone_number(dead)

    def test_a_login_code_is_no_phone_code(self, client: WechatClient) -> None:
        with pytest.raises(InvalidCode):
            client.phone_number("code-alice")
        with pytest.raises(InvalidCode):
            client.code_to_session("phone-13800001111")

    def test_a_missing_number_is_unavailable(self, client: WechatClient, wechat: Running) -> None:
        code = wechat.fake.issue_phone_code("13800001111")
        wechat.fake.fail(Failure(api="phone_number", body='{"phone_info":{"phoneNumber":"13800001111"}}'))
        with pytest.raises(WechatUnavailable, match=r"phone_info\.purePhoneNumber") as failed:
            client.phone_number(code)
        assert "13800001111" not in told(failed.value)


class TestToken:
    def test_one_token_serves_many_calls(self, client: WechatClient, wechat: Running) -> None:
        for number in range(3):
            client.phone_number(f"phone-1380000000{number}")
        assert len(wechat.fake.calls("stable_token")) == 1

    def test_it_is_renewed_while_the_old_one_still_works(
        self, client: WechatClient, wechat: Running, clock: ManualClock
    ) -> None:
        first = client.access_token()
        clock.advance(seconds=7200 - 301)
        assert client.access_token() == first
        clock.advance(seconds=61)
        second = client.access_token()
        assert second != first
        for token in (first, second):
            answer = requests.post(
                f"{wechat.url}/wxa/business/getuserphonenumber",
                params={"access_token": token},
                json={"code": "phone-13800001111"},
                timeout=2,
            )
            assert answer.json()["errcode"] in (0, 40029), "both tokens are valid"

    def test_asking_again_gives_the_same_token_with_the_time_left(self, wechat: Running, clock: ManualClock) -> None:
        url, asked = f"{wechat.url}/cgi-bin/stable_token", {"grant_type": "client_credential"}
        asked |= {"appid": APPID, "secret": SECRET}
        first = requests.post(url, json=asked, timeout=2).json()
        clock.advance(seconds=1000)
        again = requests.post(url, json=asked, timeout=2).json()
        assert again == {"access_token": first["access_token"], "expires_in": first["expires_in"] - 1000}
        assert len(first["access_token"]) >= 512

    def test_eight_threads_of_two_clients_fetch_one_token(
        self, client: WechatClient, wechat: Running, tokens: MemoryTokenStore, clock: ManualClock
    ) -> None:
        clients = (client, WechatClient(wechat.url, APPID, SECRET, tokens, clock=clock.now))
        wechat.fake.fail(Failure(api="stable_token", delay=0.05, times=THREADS))
        phones = all_at_once(lambda number: clients[number % 2].phone_number(f"phone-1380000000{number}"))
        assert sorted(phone.number for phone in phones) == [f"1380000000{n}" for n in range(THREADS)]
        assert len(wechat.fake.calls("stable_token")) == 1

    def test_without_the_lock_they_would_fetch_more(self, wechat: Running) -> None:
        class Unlocked(MemoryTokenStore):
            def fetch_once(self, appid: str, fetch: Callable[[], Token], stale: str | None) -> Token:
                return self.get(appid) or fetch()

        client = WechatClient(wechat.url, APPID, SECRET, Unlocked())
        wechat.fake.fail(Failure(api="stable_token", delay=0.05, times=THREADS))
        all_at_once(lambda _: client.access_token())
        assert len(wechat.fake.calls("stable_token")) > 1

    @pytest.mark.parametrize("errcode", [40001, 40014, 42001])
    def test_a_refused_token_is_dropped_and_the_call_made_once_more(
        self, client: WechatClient, wechat: Running, errcode: int
    ) -> None:
        client.access_token()
        wechat.fake.fail(Failure(api="phone_number", errcode=errcode))
        assert client.phone_number("phone-13800001111").number == "13800001111"
        fetches = wechat.fake.calls("stable_token")
        assert len(fetches) == 2
        assert all("force_refresh" not in str(fetch["body"]) for fetch in fetches)
        assert len(wechat.fake.calls("phone_number")) == 2

    def test_a_token_that_ended_early_is_replaced(self, client: WechatClient, wechat: Running) -> None:
        first = client.access_token()
        wechat.fake.expire_tokens()
        assert client.phone_number("phone-13800001111").number == "13800001111"
        assert client.access_token() != first

    def test_eight_threads_with_a_refused_token_fetch_one_new_one(self, client: WechatClient, wechat: Running) -> None:
        client.access_token()
        wechat.fake.expire_tokens()
        all_at_once(lambda number: client.phone_number(f"phone-1380000000{number}"))
        assert len(wechat.fake.calls("stable_token")) == 2

    def test_a_second_refusal_is_raised(self, client: WechatClient, wechat: Running) -> None:
        wechat.fake.fail(Failure(api="phone_number", errcode=42001, times=2))
        with pytest.raises(TokenRejected) as refused:
            client.phone_number("phone-13800001111")
        assert (refused.value.code, refused.value.retryable) == (42001, True)
        assert len(wechat.fake.calls("phone_number")) == 2, "no third attempt"
        assert client.phone_number("phone-13800001111").number == "13800001111"

    def test_a_wrong_secret_at_the_token_is_not_a_refused_token(self, client: WechatClient, wechat: Running) -> None:
        wechat.fake.fail(Failure(api="stable_token", errcode=40001))
        with pytest.raises(WechatError) as refused:
            client.phone_number("phone-13800001111")
        assert type(refused.value) is WechatError
        assert len(wechat.fake.calls("stable_token")) == 1
        assert wechat.fake.calls("phone_number") == []

    def test_a_failed_fetch_is_not_kept(self, client: WechatClient, wechat: Running) -> None:
        wechat.fake.fail(Failure(api="stable_token", status=502))
        with pytest.raises(WechatUnavailable):
            client.access_token()
        assert client.access_token()

    def test_a_store_does_not_give_out_what_is_used_up(self, clock: ManualClock) -> None:
        tokens = MemoryTokenStore(clock.now)
        fetched = iter("abc")

        def fetch() -> Token:
            return Token(next(fetched), clock.now() + timedelta(hours=2))

        assert tokens.get("wx1") is None
        assert tokens.fetch_once("wx1", fetch, None).value == "a"
        assert tokens.fetch_once("wx1", fetch, None).value == "a", "there is one already"
        assert tokens.fetch_once("wx1", fetch, "a").value == "b"
        assert tokens.fetch_once("wx1", fetch, "a").value == "b", "another has replaced it"
        assert tokens.get("wx2") is None
        clock.advance(hours=2)
        assert tokens.get("wx1") is None


class TestSecrecy:
    @pytest.mark.parametrize(
        "failure",
        [
            Failure(errcode=40029, errmsg=f"{SECRET} is not for code-alice"),
            Failure(status=500, body=SECRET),
            Failure(body=f"not JSON {SECRET}"),
            Failure(body=f'{{"errcode":"{SECRET}"}}'),
            Failure(delay=30),
        ],
        ids=["refused", "http", "not json", "not promised", "slow"],
    )
    def test_an_error_does_not_tell_the_secret_or_the_code(
        self, wechat: Running, tokens: MemoryTokenStore, failure: Failure
    ) -> None:
        hasty = WechatClient(wechat.url, APPID, SECRET, tokens, timeout=(1, 0.05))
        wechat.fake.fail(failure.model_copy())
        with pytest.raises(WechatError) as failed:
            hasty.code_to_session("code-alice-9f3")
        assert SECRET not in told(failed.value)
        assert "code-alice-9f3" not in str(failed.value)

    def test_an_error_does_not_tell_the_token(self, client: WechatClient, wechat: Running) -> None:
        token = client.access_token()
        wechat.fake.fail(Failure(api="phone_number", errcode=42001, errmsg=f"{token} expired", times=2))
        with pytest.raises(TokenRejected) as refused:
            client.phone_number("phone-13800001111")
        assert token not in told(refused.value)

    def test_no_repr_tells_what_must_stay_secret(self, client: WechatClient, tokens: MemoryTokenStore) -> None:
        session, token = client.code_to_session("code-alice"), client.access_token()
        held = tokens.get(APPID)
        assert session.session_key not in repr(session)
        assert token not in repr(held)
        assert SECRET not in repr(client)
        assert "13800001111" not in repr(client.phone_number("phone-13800001111"))


class TestFake:
    def test_it_is_told_over_http_what_goes_wrong_and_shows_what_was_asked(
        self, client: WechatClient, wechat: Running
    ) -> None:
        control = f"{wechat.url}/_fake"
        failure = {"api": "code2session", "errcode": 45011, "times": 2}
        assert requests.post(f"{control}/fail", json=failure, timeout=2).status_code == 200
        for _ in range(2):
            with pytest.raises(TooOften):
                client.code_to_session("code-alice")
        client.code_to_session("code-alice")
        log = requests.get(f"{control}/log", timeout=2).json()["requests"]
        assert [entry["answer"].get("errcode") for entry in log] == [45011, 45011, None]
        assert log[0]["query"]["js_code"] == "code-alice"
        assert requests.post(f"{control}/expire_tokens", timeout=2).status_code == 200
        assert requests.post(f"{control}/reset", timeout=2).status_code == 200
        assert wechat.fake.log == []

    def test_a_control_call_it_does_not_know_is_refused(self, wechat: Running) -> None:
        control = f"{wechat.url}/_fake"
        assert requests.post(f"{control}/fail", json={"api": "pay"}, timeout=2).status_code == 400
        assert requests.get(f"{control}/fail", timeout=2).status_code == 405

    def test_a_call_may_have_its_effect_before_its_answer_is_lost(self, client: WechatClient, wechat: Running) -> None:
        wechat.fake.fail(Failure(api="code2session", status=500, after=True))
        with pytest.raises(WechatUnavailable):
            client.code_to_session("code-alice")
        with pytest.raises(InvalidCode):
            client.code_to_session("code-alice")

    @pytest.mark.parametrize(
        ("path", "body", "errcode"),
        [
            ("/wxa/business/getuserphonenumber", "{}", 41001),
            ("/wxa/business/getuserphonenumber?access_token=made-up", "{}", 40001),
            ("/cgi-bin/stable_token", "not JSON", 47001),
            ("/cgi-bin/stable_token", f'{{"appid":"{APPID}","secret":"{SECRET}","grant_type":"x"}}', 40002),
            ("/sns/jscode2session", "", 43001),
        ],
    )
    def test_it_refuses_as_wechat_does(self, wechat: Running, path: str, body: str, errcode: int) -> None:
        answer = requests.post(wechat.url + path, data=body, timeout=2)
        assert (answer.status_code, answer.json()["errcode"]) == (200, errcode)
        assert requests.get(f"{wechat.url}/cgi-bin/stable_token", timeout=2).json()["errcode"] == 43002

    def test_the_command_line_serves_until_it_is_interrupted(self) -> None:
        command = [sys.executable, "-m", "integrations.wechat.fake", "--port", "0", "--appid", "wx-mine"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            assert process.stdout is not None
            said = process.stdout.readline()
            url = said.split()[3].rstrip(",")
            assert requests.get(f"{url}/_fake/log", timeout=2).json() == {"requests": []}
            assert "wx-mine" in said
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=10) == 0
