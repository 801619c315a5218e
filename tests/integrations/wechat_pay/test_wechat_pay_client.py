"""The client against the fake, over HTTP: calls, errors, what is made again, and what is not believed."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.clock import ManualClock
from integrations.fake_server import Failure, Running
from integrations.wechat_pay import signing
from integrations.wechat_pay.client import WechatPayClient
from integrations.wechat_pay.errors import (
    AccountAbnormal,
    AlreadyClosed,
    AlreadyPaid,
    Misconfigured,
    NoSuchNumber,
    NotEnough,
    NumberUsed,
    TooOften,
    Unknown,
    WechatPayError,
)
from integrations.wechat_pay.fake import API_V3_KEY, APPID, MCHID, WechatPayFake, serve
from integrations.wechat_pay.fake_books import GiveBack, Pay
from integrations.wechat_pay.fake_keys import MERCHANT_SERIAL, PUBLIC_KEY_ID
from integrations.wechat_pay.merchant import credentials_of
from integrations.wechat_pay.schemas import WechatPaySettings

NOTIFY = "http://127.0.0.1:9/callbacks/wechat_pay/acme"
OPENID = "oPayer0000000000000000000001"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 22, 2, 0, tzinfo=UTC))


@pytest.fixture
def pay(clock: ManualClock) -> Iterator[Running[WechatPayFake]]:
    with serve(fake=WechatPayFake(clock=clock.now)) as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def make(pay: Running[WechatPayFake], clock: ManualClock, waits: list[float]) -> Callable[..., WechatPayClient]:
    """Return a function that makes a client as the settings do."""

    def client(mode: Any = "public_key", **more: Any) -> WechatPayClient:
        values: dict[str, Any] = pay.fake.settings(pay.url, mode=mode)
        settings = WechatPaySettings.model_validate(values | more.pop("settings", {}))
        given: dict[str, Any] = {"backup_url": "", "clock": clock.now, "sleep": waits.append, **more}
        return WechatPayClient(credentials_of(settings), base_url=given.pop("base_url", pay.url), **given)

    return client


@pytest.fixture
def client(make: Callable[..., WechatPayClient]) -> WechatPayClient:
    return make()


def prepay(client: WechatPayClient, number: str = "T000001", **more: Any) -> str:
    asked = {
        "appid": APPID,
        "number": number,
        "description": "年卡",
        "total": 9900,
        "openid": OPENID,
        "notify_url": NOTIFY,
    }
    return client.prepay(**{**asked, **more})


def paid(pay: Running[WechatPayFake], client: WechatPayClient, number: str = "T000001") -> str:
    prepay(client, number)
    pay.fake.pay(Pay(number=number, lost=True))
    return pay.fake.orders[number].transaction


class TestCalls:
    def test_a_charge_from_the_asking_to_the_refund(self, pay: Running[WechatPayFake], client: WechatPayClient) -> None:
        assert prepay(client).startswith("wx")
        assert client.query("T000001").trade_state == "NOTPAY"
        pay.fake.pay(Pay(number="T000001", lost=True))
        told = client.query("T000001")
        assert told.amount is not None
        assert (told.trade_state, told.amount.total, told.mchid) == ("SUCCESS", 9900, MCHID)
        assert client.query_by_id(told.transaction_id) == told
        made = client.refund(number="R000001", charge="T000001", amount=900, total=9900, reason="少了一节课")
        assert (made.status, made.amount.refund) == ("PROCESSING", 900)
        pay.fake.give_back(GiveBack(number="R000001", lost=True))
        assert client.query_refund("R000001").status == "SUCCESS"
        assert client.query("T000001").trade_state == "REFUND"

    def test_a_closed_charge_is_closed_again_without_complaint(self, client: WechatPayClient) -> None:
        prepay(client)
        client.close("T000001")
        client.close("T000001")
        assert client.query("T000001").trade_state == "CLOSED"

    def test_time_to_pay_is_said_with_its_offset(
        self, pay: Running[WechatPayFake], client: WechatPayClient, clock: ManualClock
    ) -> None:
        prepay(client, expires_at=clock.now() + timedelta(minutes=30, microseconds=5))
        assert pay.fake.calls("prepay")[0]["body"]["time_expire"] == "2026-11-22T02:30:00+00:00"  # type: ignore[call-overload,index]
        clock.advance(minutes=31)
        assert client.query("T000001").trade_state == "CLOSED"

    def test_the_platforms_certificate_is_as_good_as_the_public_key(
        self, pay: Running[WechatPayFake], make: Callable[..., WechatPayClient]
    ) -> None:
        pay.fake.signs_by = "certificate"
        client = make("certificate")
        assert prepay(client)
        assert pay.fake.calls("prepay")[0]["status"] == 200
        with pytest.raises(Unknown):  # a merchant who knows only the public key, and a reply by the certificate
            WechatPayClient(
                signing.Credentials(
                    MCHID, MERCHANT_SERIAL, pay.fake.keys.merchant, API_V3_KEY.encode(),
                    {PUBLIC_KEY_ID: pay.fake.keys.platform.public_key()}, "",
                ),
                base_url=pay.url, backup_url="", clock=pay.fake.now, attempts=1,
            ).query("T000001")  # fmt: skip

    def test_while_a_merchant_migrates_either_key_is_believed(
        self, pay: Running[WechatPayFake], make: Callable[..., WechatPayClient]
    ) -> None:
        both = make("both")
        assert both.credentials.public_key_id == PUBLIC_KEY_ID  # the reply is signed by what we ask for
        prepay(both)
        pay.fake.signs_by = "certificate"
        assert both.query("T000001").trade_state == "NOTPAY"


class TestErrors:
    @pytest.mark.parametrize(
        ("errcode", "error"),
        [
            ("PARAM_ERROR", Misconfigured),
            ("INVALID_REQUEST", Misconfigured),
            ("APPID_MCHID_NOT_MATCH", Misconfigured),
            ("MCH_NOT_EXISTS", Misconfigured),
            ("SIGN_ERROR", Misconfigured),
            ("NO_AUTH", Misconfigured),
            ("OUT_TRADE_NO_USED", NumberUsed),
            ("NOT_ENOUGH", NotEnough),
            ("NOTENOUGH", NotEnough),
            ("USER_ACCOUNT_ABNORMAL", AccountAbnormal),
            ("ORDERPAID", AlreadyPaid),
            ("ORDER_PAID", AlreadyPaid),
            ("ORDER_CLOSED", AlreadyClosed),
            ("ORDER_NOT_EXIST", NoSuchNumber),
            ("ORDERNOTEXIST", NoSuchNumber),
            ("RESOURCE_NOT_EXISTS", NoSuchNumber),
            ("FREQUENCY_LIMITED", TooOften),
            ("SOMETHING_NEW", WechatPayError),
        ],
    )
    def test_each_code_has_its_type_whatever_its_spelling(
        self, pay: Running[WechatPayFake], client: WechatPayClient, errcode: str, error: type[WechatPayError]
    ) -> None:
        pay.fake.fail(Failure(api="prepay", errcode=errcode))
        with pytest.raises(WechatPayError) as caught:
            prepay(client)
        assert type(caught.value) is error
        assert caught.value.certain
        assert len(pay.fake.calls("prepay")) == 1  # a refusal is not asked again

    def test_a_wrong_key_of_ours_is_a_sign_error(
        self, pay: Running[WechatPayFake], make: Callable[..., WechatPayClient]
    ) -> None:
        other = WechatPayFake(keys=None).keys.platform
        pem = pay.fake.keys.merchant_pem
        client = make()
        forged = signing.Credentials(
            MCHID, MERCHANT_SERIAL, other, API_V3_KEY.encode(), client.credentials.platform, PUBLIC_KEY_ID
        )
        with pytest.raises(Misconfigured) as caught:
            WechatPayClient(forged, base_url=pay.url, backup_url="", clock=pay.fake.now).query("T000001")
        assert caught.value.code == "SIGN_ERROR"
        assert pem[40:80] not in str(caught.value)

    def test_a_clock_that_is_wrong_is_a_sign_error(
        self, pay: Running[WechatPayFake], make: Callable[..., WechatPayClient], clock: ManualClock
    ) -> None:
        with pytest.raises((Misconfigured, Unknown)):
            make(clock=lambda: clock.now() - timedelta(minutes=6), attempts=1).query("T000001")

    def test_no_open_id_and_no_key_is_in_an_error(self, pay: Running[WechatPayFake], client: WechatPayClient) -> None:
        for failure in (Failure(api="prepay", status=502, times=3), Failure(api="prepay", errcode="PARAM_ERROR")):
            pay.fake.fail(failure)
            with pytest.raises(WechatPayError) as caught:
                prepay(client)
            seen: BaseException | None = caught.value
            while seen is not None:
                assert OPENID not in f"{seen} {seen!r}"
                seen = seen.__cause__ or seen.__context__
        assert API_V3_KEY not in repr(client)


class TestMadeAgain:
    @pytest.mark.parametrize("api", ["prepay", "refund", "close"])
    def test_http_500_after_the_work_was_done_is_asked_again_and_done_once(
        self, pay: Running[WechatPayFake], client: WechatPayClient, waits: list[float], api: str
    ) -> None:
        if api == "refund":
            paid(pay, client)
        if api == "close":
            prepay(client)
        pay.fake.fail(Failure(api=api, errcode="SYSTEM_ERROR", after=True))
        if api == "prepay":
            assert prepay(client) == pay.fake.orders["T000001"].prepay
        elif api == "refund":
            client.refund(number="R000001", charge="T000001", amount=900, total=9900)
            assert len(pay.fake.given) == 1
        else:
            client.close("T000001")
        assert next(call["status"] for call in pay.fake.calls(api)) == 500
        assert len(pay.fake.calls(api)) == 2
        assert len(waits) == 1

    def test_each_attempt_is_signed_anew_over_the_same_bytes(
        self, pay: Running[WechatPayFake], client: WechatPayClient
    ) -> None:
        pay.fake.fail(Failure(api="prepay", errcode="SYSTEM_ERROR", times=2))
        prepay(client)
        bodies = [call["body"] for call in pay.fake.calls("prepay")]
        assert len(bodies) == 3
        assert bodies[0] == bodies[1] == bodies[2]

    def test_what_stays_broken_is_unknown_and_not_a_refusal(
        self, pay: Running[WechatPayFake], client: WechatPayClient
    ) -> None:
        paid(pay, client)
        pay.fake.fail(Failure(api="refund", errcode="SYSTEM_ERROR", times=3, after=True))
        with pytest.raises(Unknown) as caught:
            client.refund(number="R000001", charge="T000001", amount=900, total=9900)
        assert not caught.value.certain
        assert caught.value.code == "SYSTEM_ERROR"
        assert client.query_refund("R000001").amount.refund == 900  # it was done all the same

    def test_the_other_host_is_asked_when_the_first_is_away(
        self, pay: Running[WechatPayFake], make: Callable[..., WechatPayClient]
    ) -> None:
        with serve() as gone:
            away = gone.url
        assert prepay(make(base_url=away, backup_url=pay.url))

    def test_the_other_host_is_asked_when_the_first_is_a_gateways_page(
        self, pay: Running[WechatPayFake], make: Callable[..., WechatPayClient], clock: ManualClock
    ) -> None:
        with serve(fake=WechatPayFake(clock=clock.now)) as first:
            first.fake.fail(Failure(api="prepay", status=503, times=9))
            assert prepay(make(base_url=first.url, backup_url=pay.url))
            assert len(first.fake.calls("prepay")) == 1
        assert len(pay.fake.calls("prepay")) == 1

    def test_a_slow_answer_is_given_up_and_asked_again(
        self, pay: Running[WechatPayFake], make: Callable[..., WechatPayClient]
    ) -> None:
        pay.fake.fail(Failure(api="prepay", delay=2, after=True))
        assert prepay(make(timeout=(1, 0.2)))
        assert len(pay.fake.orders) == 1


class TestBelieving:
    @pytest.mark.parametrize("how", ["unsigned", "altered", "timestamp", "serial"])
    def test_a_reply_that_is_not_proved_is_not_believed(
        self, pay: Running[WechatPayFake], make: Callable[..., WechatPayClient], how: Any
    ) -> None:
        client = make(attempts=1)
        prepay(client)
        pay.fake.distort = how
        with pytest.raises(Unknown):
            client.query("T000001")
        assert client.query("T000001").trade_state == "NOTPAY"

    @pytest.mark.parametrize("how", ["altered", "timestamp", "serial"])
    def test_a_refusal_with_a_bad_signature_is_not_believed_either(
        self, pay: Running[WechatPayFake], make: Callable[..., WechatPayClient], how: Any
    ) -> None:
        pay.fake.distort = how
        with pytest.raises(Unknown):
            make(attempts=1).query("T000001")

    def test_a_refusal_without_a_signature_is_believed(
        self, pay: Running[WechatPayFake], make: Callable[..., WechatPayClient]
    ) -> None:
        pay.fake.distort = "unsigned"
        with pytest.raises(NoSuchNumber):
            make(attempts=1).query("T000001")

    def test_a_redirect_is_not_followed(
        self, pay: Running[WechatPayFake], make: Callable[..., WechatPayClient]
    ) -> None:
        pay.fake.fail(Failure(api="query", status=302))
        with pytest.raises(Unknown):
            make(attempts=1).query("T000001")
        assert [call["api"] for call in pay.fake.log] == ["query"]

    @pytest.mark.parametrize("body", ["", "[]", "null", "<html>", '{"trade_state":"PAID"}'])
    def test_what_is_no_answer_is_unknown(
        self, pay: Running[WechatPayFake], make: Callable[..., WechatPayClient], body: str
    ) -> None:
        pay.fake.fail(Failure(api="query", body=body, times=2))
        with pytest.raises(Unknown):
            make(attempts=1).query("T000001")
