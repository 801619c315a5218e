"""The access token in the database: one fetch, however many need it."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from core.clock import ManualClock
from core.contract.context import Context
from integrations.wechat.client import Token, WechatClient, WechatUnavailable
from integrations.wechat.fake import APPID, SECRET, Failure, WechatFake, serve
from integrations.wechat.models import WechatToken
from integrations.wechat.tokens import LEASE, DatabaseTokenStore

THREADS = 10
SERVER = "https://api.example.com"


@pytest.fixture
def brand(tenant: Context, enable_plugin: Callable[..., None]) -> Context:
    enable_plugin("wechat")
    return tenant


def fetched(clock: ManualClock, value: str = "token-1") -> Token:
    return Token(value, clock.now() + timedelta(hours=2))


def all_at_once(call: Callable[[int], str]) -> list[str]:
    start = threading.Barrier(THREADS)

    def one(number: int) -> str:
        start.wait()
        return call(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(THREADS)))


def test_ten_that_ask_at_once_fetch_one_token(brand: Context, clock: ManualClock) -> None:
    with serve(fake=WechatFake(clock=clock.now)) as wechat:
        wechat.fake.fail(Failure(api="stable_token", delay=0.2, times=THREADS))

        def ask(number: int) -> str:  # a client and a store of its own, as each process has
            store = DatabaseTokenStore(brand, SERVER)
            return WechatClient(wechat.url, APPID, SECRET, store, clock=clock.now).access_token()

        tokens = all_at_once(ask)
        assert len(set(tokens)) == 1
        assert len(wechat.fake.calls("stable_token")) == 1


def test_without_the_lease_they_would_fetch_more(
    brand: Context, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.wechat.tokens.LEASE", timedelta(0))
    with serve(fake=WechatFake(clock=clock.now)) as wechat:
        wechat.fake.fail(Failure(api="stable_token", delay=0.2, times=THREADS))

        def ask(number: int) -> str:
            return WechatClient(
                wechat.url, APPID, SECRET, DatabaseTokenStore(brand, SERVER), clock=clock.now
            ).access_token()

        all_at_once(ask)
        assert len(wechat.fake.calls("stable_token")) > 1


def test_the_value_is_sealed_and_only_its_tenant_opens_it(
    brand: Context, new_tenant: Callable[..., Context], clock: ManualClock
) -> None:
    DatabaseTokenStore(brand, SERVER).fetch_once(APPID, lambda: fetched(clock), None)
    row = WechatToken.scoped(brand).get()
    assert b"token-1" not in bytes(row.value)
    assert DatabaseTokenStore(brand, SERVER).get(APPID) == fetched(clock)
    assert DatabaseTokenStore(new_tenant("other"), SERVER).get(APPID) is None


def test_a_token_is_shown_to_the_server_that_gave_it_and_no_other(brand: Context, clock: ManualClock) -> None:
    DatabaseTokenStore(brand, SERVER).fetch_once(APPID, lambda: fetched(clock), None)
    elsewhere = DatabaseTokenStore(brand, "https://elsewhere.example.com")
    assert elsewhere.get(APPID) is None
    assert elsewhere.fetch_once(APPID, lambda: fetched(clock, "theirs"), None).value == "theirs"
    assert DatabaseTokenStore(brand, SERVER).get(APPID) is None


def test_a_token_near_its_end_is_not_given_out(brand: Context, clock: ManualClock) -> None:
    store = DatabaseTokenStore(brand, SERVER)
    store.fetch_once(APPID, lambda: fetched(clock), None)
    clock.advance(minutes=115)
    assert store.get(APPID) is not None
    clock.advance(minutes=1)
    assert store.get(APPID) is None
    assert store.fetch_once(APPID, lambda: fetched(clock, "token-2"), None).value == "token-2"


def test_a_refused_token_is_replaced_once_and_a_late_complaint_gets_the_new_one(
    brand: Context, clock: ManualClock
) -> None:
    store = DatabaseTokenStore(brand, SERVER)
    store.fetch_once(APPID, lambda: fetched(clock), None)
    assert store.fetch_once(APPID, lambda: fetched(clock, "token-2"), "token-1").value == "token-2"
    assert store.fetch_once(APPID, lambda: fetched(clock, "token-3"), "token-1").value == "token-2"


def test_what_a_fetch_raises_passes_through_and_the_next_may_fetch(brand: Context, clock: ManualClock) -> None:
    store = DatabaseTokenStore(brand, SERVER)

    def fail() -> Token:
        raise WechatUnavailable(None, "down", retryable=True)

    with pytest.raises(WechatUnavailable, match="down"):
        store.fetch_once(APPID, fail, None)
    assert store.get(APPID) is None
    assert store.fetch_once(APPID, lambda: fetched(clock), None).value == "token-1"


def test_a_process_that_died_while_fetching_holds_the_others_up_until_its_lease_ends(
    brand: Context, clock: ManualClock
) -> None:
    def kill() -> Token:  # dies without giving the lease back
        WechatToken.scoped(brand).update(lease_owner=None).execute()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        DatabaseTokenStore(brand, SERVER).fetch_once(APPID, kill, None)
    waiting = DatabaseTokenStore(brand, SERVER, sleep=lambda _: None, patience=0.01)
    with pytest.raises(WechatUnavailable, match="still fetching"):
        waiting.fetch_once(APPID, lambda: fetched(clock), None)
    clock.advance(seconds=LEASE.total_seconds())
    assert waiting.fetch_once(APPID, lambda: fetched(clock), None).value == "token-1"


def test_a_fetch_slower_than_its_lease_does_not_overwrite_its_successors_token(
    brand: Context, clock: ManualClock
) -> None:
    store = DatabaseTokenStore(brand, SERVER)

    def slow() -> Token:
        clock.advance(seconds=LEASE.total_seconds())
        DatabaseTokenStore(brand, SERVER).fetch_once(APPID, lambda: fetched(clock, "successor"), None)
        return fetched(clock, "slow")

    assert store.fetch_once(APPID, slow, None).value == "slow", "it works: WeChat's tokens overlap"
    held = store.get(APPID)
    assert held is not None
    assert held.value == "successor"
