"""How much may be sent holds against whoever asks, however often, at once, and with whatever headers."""

import contextlib
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core import members
from core.clock import ManualClock
from core.contract.context import Context
from hosts.testkit.plugin import Api
from integrations.fake_server import Failure, Running
from integrations.sms import limits
from integrations.sms.fake import TencentFake
from tests.integrations.sms.conftest import PHONE, Story

BURST = 1_000
MOST = 20  # codes an hour to one address


def phone(number: int) -> str:
    return f"1370{number:07d}"


def ask(api: Api, number: int, **more: Any) -> Any:
    return api.post("/v1/sms/codes", json={"phone": phone(number)}, **more)


class TestOnePhone:
    def test_one_a_minute(self, story: Story, clock: ManualClock) -> None:
        story.ask()
        clock.advance(seconds=20)
        reply = story.api.post("/v1/sms/codes", json={"phone": PHONE})
        assert (reply.status_code, reply.json["code"], reply.headers["retry-after"]) == (429, "sms_too_often", "41")
        clock.advance(seconds=41)
        story.ask()

    def test_five_an_hour_in_any_hour(self, story: Story, clock: ManualClock) -> None:
        for _ in range(5):
            story.ask()
            clock.advance(minutes=2)
        assert story.ask(status=429)["code"] == "sms_too_often"
        clock.advance(minutes=50)  # an hour after the first
        story.ask()
        clock.advance(minutes=1, seconds=1)
        story.ask(status=429)

    def test_ten_a_day_in_any_day(self, story: Story, clock: ManualClock) -> None:
        for _ in range(10):
            story.ask()
            clock.advance(minutes=15)
        reply = story.api.post("/v1/sms/codes", json={"phone": PHONE})
        assert reply.status_code == 429
        clock.advance(seconds=int(reply.headers["retry-after"]))
        story.ask()

    def test_what_is_refused_costs_the_next_nothing(self, story: Story, clock: ManualClock) -> None:
        story.ask()
        for _ in range(10):
            story.ask(status=429)
        clock.advance(seconds=61)
        story.ask()
        assert len(story.messages()) == 2


class TestOneAddress:
    @pytest.mark.parametrize("proxies", [0, 1])
    def test_a_burst_with_forged_headers_sends_no_more_than_the_limit(
        self, story: Story, api: Api, tencent: Running[TencentFake], proxies: int
    ) -> None:
        api.runtime.settings = api.runtime.settings.model_copy(update={"trusted_proxies": proxies})
        client = Api(api.runtime, story.ctx)

        def forged(number: int) -> dict[str, str]:
            lie = f"10.{number % 250}.{number // 250}.9"
            if proxies == 0:  # nobody of ours stands in front: all of the header is the client's
                return {"X-Forwarded-For": lie}
            # The last hop is what our own proxy saw; what stands before it the client wrote.
            return {"X-Forwarded-For": f"{lie}, 127.0.0.1, 203.0.113.7", "X-Real-Ip": lie, "Forwarded": f"for={lie}"}

        codes = Counter(
            ask(client, number, headers=forged(number), remote_addr="198.51.100.7").status_code
            for number in range(BURST)
        )
        assert codes == {202: MOST, 429: BURST - MOST}
        story.drain()
        assert len(tencent.fake.sent) == MOST
        assert len({one.phone for one in tencent.fake.sent}) == MOST

    def test_behind_our_proxy_another_client_has_a_limit_of_its_own(self, story: Story, api: Api) -> None:
        api.runtime.settings = api.runtime.settings.model_copy(update={"trusted_proxies": 1})
        client = Api(api.runtime, story.ctx)
        story.settings(address_hour=1)
        said = [
            ask(client, n, headers={"X-Forwarded-For": f"203.0.113.{host}"}).status_code
            for n, host in enumerate((1, 1, 2))
        ]
        assert said == [202, 429, 202]

    @pytest.mark.parametrize(
        ("first", "second", "same"),
        [
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),  # one household has as many as it likes of these
            ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
            ("203.0.113.7:1234", "203.0.113.7:9999", True),  # some proxies write the port
            ("[2001:db8::1]:1234", "2001:db8::2", True),
            ("::ffff:203.0.113.7", "203.0.113.7", True),
            ("203.0.113.7", "203.0.113.8", False),
        ],
    )
    def test_who_is_one_client(self, first: str, second: str, same: bool) -> None:
        assert (limits.same_client(first) == limits.same_client(second)) is same

    def test_the_hour_ends(self, story: Story, api: Api, clock: ManualClock) -> None:
        story.settings(address_hour=2)
        said = []
        for number in range(4):
            said.append(ask(api, number).status_code)
            clock.advance(minutes=20)
        assert said == [202, 202, 429, 202]


class TestTheBrand:
    def test_codes_an_hour(self, story: Story, api: Api, clock: ManualClock) -> None:
        story.settings(tenant_hour=3)
        said = [ask(api, n, remote_addr=f"192.0.2.{n}").status_code for n in range(5)]
        assert said == [202, 202, 202, 429, 429]
        clock.advance(hours=1)
        assert ask(api, 9).status_code == 202

    def test_messages_a_day_of_the_tenant_s(self, story: Story, api: Api, clock: ManualClock) -> None:
        story.settings(tenant_day=2)
        assert [ask(api, n).status_code for n in range(2)] == [202, 202]
        reply = ask(api, 2)
        assert (reply.status_code, reply.json["code"]) == (429, "sms_used_up")
        assert reply.headers["retry-after"] == str(14 * 3600 + 1)  # it is ten o'clock in Shanghai
        clock.advance(hours=14)
        assert ask(api, 3).status_code == 202

    def test_fen_a_day(self, story: Story, api: Api) -> None:
        story.settings(daily_spend_fen=11)
        assert [ask(api, n).status_code for n in range(3)] == [202, 202, 429]
        assert story.spent() == (2, 10)

    def test_nothing_is_sent_when_nothing_may_be_spent(self, story: Story) -> None:
        story.settings(daily_spend_fen=0)
        assert story.ask(status=429)["code"] == "sms_used_up"
        assert story.messages() == []

    def test_what_was_certainly_not_sent_costs_nothing(
        self, story: Story, api: Api, tencent: Running[TencentFake]
    ) -> None:
        story.settings(daily_spend_fen=5, fail_over=False)
        tencent.fake.fail(Failure(errcode="InvalidParameterValue.IncorrectPhoneNumber"))
        assert ask(api, 1).status_code == 202
        assert ask(api, 2).status_code == 429
        story.drain()
        assert (story.states(), story.spent()) == (["refused"], (0, 0))
        assert ask(api, 2).status_code == 202

    def test_what_may_have_been_sent_stays_counted(self, story: Story, api: Api, tencent: Running[TencentFake]) -> None:
        story.settings(daily_spend_fen=5)
        tencent.fake.fail(Failure(status=502, after=True))
        ask(api, 1)
        story.drain()
        assert (story.states(), story.spent()) == (["unknown"], (1, 5))
        assert ask(api, 2).status_code == 429

    def test_a_message_costs_what_the_provider_charges(self, story: Story, tencent: Running[TencentFake]) -> None:
        tencent.fake.fail(
            Failure(body='{"Response":{"SendStatusSet":[{"SerialNo":"1","Fee":3,"Code":"Ok","Message":""}]}}')
        )
        story.ask()
        story.drain()
        assert story.spent() == (1, 15)

    def test_one_brand_s_limits_are_not_another_s(
        self, story: Story, api: Api, new_tenant: Callable[..., Context]
    ) -> None:
        from core import tenants

        other = new_tenant("other", plugins=("sms",))
        held = tenants.settings_with_secrets(story.ctx, "sms")
        tenants.save_settings(other, "sms", {**held, "address_hour": 1})
        assert ask(api, 1, tenant="other").status_code == 202
        assert ask(api, 2, tenant="other").status_code == 429
        assert ask(api, 1).status_code == 202


def test_a_member_has_a_limit_over_all_their_numbers(
    story: Story, api: Api, member: Callable[..., members.MemberView]
) -> None:
    story.settings(member_day=2, phone_minute=10)
    token = api.as_member(member())
    said = [api.post("/v1/sms/phone/codes", token=token, json={"phone": phone(n)}).status_code for n in range(3)]
    assert said == [202, 202, 429]


# --- at once ----------------------------------------------------------------------------------------------------------


def at_once(api: Api, count: int, monkeypatch: pytest.MonkeyPatch, ask_one: Callable[[int], Any]) -> Counter[int]:
    """Send `count` requests whose counting all ends before any of them writes, unless something makes them queue."""
    meeting = threading.Barrier(count)
    counted = limits._lock_day

    def wait_for_the_others(*arguments: Any) -> Any:
        if arguments[0].plugin == "sms" and not getattr(threading.current_thread(), "met", False):
            threading.current_thread().met = True  # type: ignore[attr-defined]
            with contextlib.suppress(threading.BrokenBarrierError):  # those who queue never come
                meeting.wait(0.5)
        return counted(*arguments)

    monkeypatch.setattr(limits, "_lock_day", wait_for_the_others)
    with ThreadPoolExecutor(count) as pool:
        return Counter(reply.status_code for reply in pool.map(ask_one, range(count)))


def test_of_requests_at_once_not_one_too_many_gets_through(
    story: Story, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.settings(address_hour=2)
    assert at_once(api, 6, monkeypatch, lambda n: ask(api, n)) == {202: 2, 429: 4}
    assert len(story.messages()) == 2


def test_of_requests_for_one_phone_at_once_one_gets_through(
    story: Story, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = at_once(api, 4, monkeypatch, lambda n: ask(api, 1, remote_addr=f"192.0.2.{n}"))
    assert said == {202: 1, 429: 3}


@pytest.mark.engines("postgresql")  # SQLite lets one writer in at a time, lock or no lock
def test_without_the_lock_too_many_get_through(story: Story, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    story.settings(address_hour=2)
    monkeypatch.setattr(limits, "_lock", lambda ctx, asker: None)
    assert at_once(api, 6, monkeypatch, lambda n: ask(api, n))[202] > 2


def test_of_messages_at_once_no_more_is_spent_than_the_cap(
    story: Story, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.settings(daily_spend_fen=10)
    with ThreadPoolExecutor(6) as pool:
        said = Counter(r.status_code for r in pool.map(lambda n: ask(api, n, remote_addr=f"192.0.2.{n}"), range(6)))
    assert said == {202: 2, 429: 4}
    assert story.spent() == (2, 10)
