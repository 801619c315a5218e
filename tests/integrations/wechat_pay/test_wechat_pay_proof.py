"""Proof by others: the package `wechatpayv3` against our fake, and our client against its verification.

Its faults, seen and kept clear of: it looks headers up in title case, and it believes a callback that is an hour old.
"""

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.utils import aes_decrypt, build_authorization, load_private_key, rsa_sign, rsa_verify

from hosts.testkit.listening import serving
from integrations.fake_server import Running
from integrations.wechat_pay import signing
from integrations.wechat_pay.client import WechatPayClient
from integrations.wechat_pay.fake import API_V3_KEY, APPID, MCHID, WechatPayFake, serve
from integrations.wechat_pay.fake_books import Delivery, GiveBack, Notification, Pay
from integrations.wechat_pay.fake_keys import MERCHANT_SERIAL, PUBLIC_KEY_ID, make_keys
from integrations.wechat_pay.merchant import credentials_of
from integrations.wechat_pay.schemas import WechatPaySettings

OPENID = "oPayer0000000000000000000001"
AUTHORIZATION = re.compile(
    r'WECHATPAY2-SHA256-RSA2048 mchid="(.*?)",nonce_str="(.*?)",signature="(.*?)",timestamp="(.*?)",serial_no="(.*?)"'
)


@pytest.fixture
def pay() -> Iterator[Running[WechatPayFake]]:
    with serve() as running:  # by the real clock: the package knows no other
        yield running


def theirs(pay: Running[WechatPayFake], *, mode: str = "public_key") -> WeChatPay:
    """Return the package's client, turned to our fake. In certificate mode it fetches the certificates first."""
    keys = pay.fake.keys
    by_key = {"public_key": keys.public_pem, "public_key_id": PUBLIC_KEY_ID} if mode == "public_key" else {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wechatpayv3.core.Core._init_certificates", lambda self: None)  # it would ask the real host
        client = WeChatPay(
            wechatpay_type=WeChatPayType.JSAPI,
            mchid=MCHID,
            private_key=keys.merchant_pem,
            cert_serial_no=MERCHANT_SERIAL,
            appid=APPID,
            apiv3_key=API_V3_KEY,
            notify_url="http://127.0.0.1:9/notify",
            **by_key,
        )
    client._core._gate_way = pay.url
    if mode == "certificate":
        client._core._init_certificates()
    return client


class TestTheirClientAgainstOurFake:
    @pytest.mark.parametrize("mode", ["public_key", "certificate"])
    def test_a_charge_from_the_asking_to_the_refund(self, pay: Running[WechatPayFake], mode: Any) -> None:
        pay.fake.signs_by = mode
        client = theirs(pay, mode=mode)
        status, said = client.pay(
            description="年卡", out_trade_no="T000001", amount={"total": 9900, "currency": "CNY"},
            payer={"openid": OPENID},
        )  # fmt: skip
        assert (status, json.loads(said)) == (200, {"prepay_id": pay.fake.orders["T000001"].prepay})
        pay.fake.pay(Pay(number="T000001", lost=True))
        status, said = client.query(out_trade_no="T000001")
        told = json.loads(said)
        assert (status, told["trade_state"], told["payer"]["openid"]) == (200, "SUCCESS", OPENID)
        assert client.query(transaction_id=told["transaction_id"])[0] == 200
        status, said = client.refund(
            out_refund_no="R000001", amount={"refund": 900, "total": 9900, "currency": "CNY"},
            transaction_id=told["transaction_id"], reason="退一节课",
        )  # fmt: skip
        assert (status, json.loads(said)["status"]) == (200, "PROCESSING")
        pay.fake.give_back(GiveBack(number="R000001", lost=True))
        status, said = client.query_refund("R000001")
        assert json.loads(said)["status"] == "SUCCESS"

    def test_a_close_is_204_with_a_signature_over_nothing(self, pay: Running[WechatPayFake]) -> None:
        client = theirs(pay)
        client.pay(description="x", out_trade_no="T000001", amount={"total": 1}, payer={"openid": OPENID})
        assert client.close("T000001")[0] == 204

    def test_refusals_have_their_status_and_code(self, pay: Running[WechatPayFake]) -> None:
        client = theirs(pay)
        status, said = client.query(out_trade_no="T000009")
        assert (status, json.loads(said)["code"]) == (404, "ORDER_NOT_EXIST")
        client._core._private_key = load_private_key(_pem(make_keys("other").merchant))
        status, said = client.query(out_trade_no="T000009")
        assert (status, json.loads(said)["code"]) == (401, "SIGN_ERROR")

    def test_it_does_not_believe_an_altered_reply(self, pay: Running[WechatPayFake]) -> None:
        client = theirs(pay)
        client.pay(description="x", out_trade_no="T000001", amount={"total": 1}, payer={"openid": OPENID})
        pay.fake.distort = "altered"
        with pytest.raises(Exception, match="verify"):
            client.query(out_trade_no="T000001")


class TestOurFakesCallbacksAtTheirReceiver:
    @pytest.fixture
    def received(self) -> list[Any]:
        return []

    @pytest.fixture
    def receiver(self, pay: Running[WechatPayFake], received: list[Any]) -> Iterator[str]:
        """A server that takes a callback when the package does."""
        client = theirs(pay)
        client._core._certificates.append(_certificate(pay))

        def app(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
            headers = {
                name[5:].replace("_", "-").title(): value for name, value in environ.items() if name.startswith("HTTP_")
            }
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            told = client.callback(headers, body)
            received.append(told)
            start("204 No Content" if told else "401 Unauthorized", [])
            return []

        with serving(app) as url:
            yield url

    @pytest.mark.parametrize("by", ["public_key", "certificate"])
    def test_a_payment_and_a_refund_are_taken(
        self, pay: Running[WechatPayFake], receiver: str, received: list[Any], by: Any
    ) -> None:
        client = theirs(pay)
        client.pay(
            description="x", out_trade_no="T000001", amount={"total": 9900}, payer={"openid": OPENID},
            notify_url=f"{receiver}/notify",
        )  # fmt: skip
        assert pay.fake.pay(Pay(number="T000001", by=by)) == [204]
        client.refund(
            out_refund_no="R000001", amount={"refund": 1, "total": 9900, "currency": "CNY"}, out_trade_no="T000001",
            notify_url=f"{receiver}/notify",
        )  # fmt: skip
        assert pay.fake.give_back(GiveBack(number="R000001", by=by)) == [204]
        paid, refunded = received
        assert (paid["event_type"], paid["resource"]["trade_state"]) == ("TRANSACTION.SUCCESS", "SUCCESS")
        assert (refunded["event_type"], refunded["resource"]["refund_status"]) == ("REFUND.SUCCESS", "SUCCESS")

    def test_bad_ones_are_not(self, pay: Running[WechatPayFake], receiver: str) -> None:
        client = theirs(pay)
        for number, badly in enumerate(("signature", "key"), 1):
            client.pay(
                description="x", out_trade_no=f"T00000{number}", amount={"total": 1}, payer={"openid": OPENID},
                notify_url=f"{receiver}/notify",
            )  # fmt: skip
            assert pay.fake.pay(Pay(number=f"T00000{number}", badly=badly)) in ([401], [500])  # type: ignore[arg-type]


class TestOurSideByTheirVerification:
    """A WeChat Pay that is made of the package's own signing and verification, and of nothing of ours."""

    @pytest.fixture
    def seen(self) -> list[dict[str, Any]]:
        return []

    @pytest.fixture
    def platform(self, seen: list[dict[str, Any]]) -> Iterator[str]:
        keys = make_keys()

        def app(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
            found = AUTHORIZATION.fullmatch(environ["HTTP_AUTHORIZATION"])
            assert found is not None
            mchid, nonce, signature, timestamp, serial = found.groups()
            target = environ["PATH_INFO"] + ("?" + environ["QUERY_STRING"] if environ["QUERY_STRING"] else "")
            head = f"{environ['REQUEST_METHOD']}\n{target}\n{timestamp}"  # before the nonce, as in a request
            good = rsa_verify(head, nonce, body, signature, keys.merchant.public_key())
            seen.append(
                {"good": good, "mchid": mchid, "serial": serial, "target": target, "body": body,
                 "wechatpay_serial": environ.get("HTTP_WECHATPAY_SERIAL")}
            )  # fmt: skip
            said = "" if target.endswith("/close") else json.dumps(_said(target))
            now = str(int(time.time()))
            start(
                "200 OK" if said else "204 No Content",
                [
                    ("Content-Type", "application/json"),
                    ("Wechatpay-Serial", PUBLIC_KEY_ID),
                    ("Wechatpay-Timestamp", now),
                    ("Wechatpay-Nonce", "abc"),
                    ("Wechatpay-Signature", rsa_sign(load_private_key(_pem(keys.platform)), f"{now}\nabc\n{said}\n")),
                ],
            )
            return [said.encode()]

        with serving(app) as url:
            yield url

    @pytest.fixture
    def client(self, platform: str) -> WechatPayClient:
        settings = WechatPaySettings.model_validate(WechatPayFake().settings(platform))
        return WechatPayClient(credentials_of(settings), base_url=platform, backup_url="", attempts=1)

    def test_every_call_is_signed_as_they_verify_it(self, client: WechatPayClient, seen: list[dict[str, Any]]) -> None:
        assert client.prepay(
            appid=APPID, number="T000001", description="“年卡”", total=1, openid=OPENID, notify_url="https://x/y"
        ) == "wx-by-others"  # fmt: skip
        assert client.query("T000001").transaction_id == "4200001"
        assert client.query_by_id("4200001").trade_state == "SUCCESS"
        client.close("T000001")
        assert client.refund(number="R000001", charge="T000001", amount=1, total=1, reason="退").status == "PROCESSING"
        assert client.query_refund("R000001").refund_id == "5030001"
        assert len(seen) == 6
        for call in seen:
            assert (call["good"], call["mchid"], call["serial"]) == (True, MCHID, MERCHANT_SERIAL)
            assert call["wechatpay_serial"] == PUBLIC_KEY_ID
        assert seen[1]["target"] == f"/v3/pay/transactions/out-trade-no/T000001?mchid={MCHID}"

    def test_our_authorization_is_theirs_to_the_letter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("wechatpayv3.utils.time.time", lambda: 1795312800.0)
        keys = make_keys()
        body = '{"mchid":"1900000109"}'
        mine = signing.authorization(
            signing.Credentials(MCHID, MERCHANT_SERIAL, keys.merchant, b"", {}), "POST", "/v3/x?a=1", body.encode(),
            now=datetime.fromtimestamp(1795312800, UTC), nonce="NONCE",
        )  # fmt: skip
        theirs = build_authorization(
            "/v3/x?a=1", "POST", MCHID, MERCHANT_SERIAL, load_private_key(keys.merchant_pem), data=body,
            nonce_str="NONCE",
        )  # fmt: skip
        assert mine == theirs

    def test_the_parameters_of_the_mini_program_are_what_they_would_sign(self, pay: Running[WechatPayFake]) -> None:
        credentials = signing.Credentials(MCHID, MERCHANT_SERIAL, pay.fake.keys.merchant, b"", {})
        mine = signing.client_parameters(credentials, APPID, "wx2016", now=datetime.now(UTC))
        signed = theirs(pay).sign([APPID, mine["timeStamp"], mine["nonceStr"], "prepay_id=wx2016"])
        assert mine["paySign"] == signed

    def test_what_we_seal_they_open(self) -> None:
        sealed = signing.seal_resource(
            API_V3_KEY.encode(), b'{"a":1}', original_type="refund", associated_data="refund"
        )
        opened = aes_decrypt(
            nonce=sealed["nonce"],
            ciphertext=sealed["ciphertext"],
            associated_data=sealed["associated_data"],
            apiv3_key=API_V3_KEY,
        )
        assert opened == '{"a":1}'

    def test_where_they_believe_an_hour_old_callback_we_do_not(self, pay: Running[WechatPayFake]) -> None:
        told = Notification("n-1", "", "TRANSACTION.SUCCESS", "transaction", {"out_trade_no": "T000001"})
        headers, body = pay.fake.post_of(told, Delivery(badly="timestamp"))
        assert theirs(pay).callback(headers, body)["resource"] == {"out_trade_no": "T000001"}
        with pytest.raises(signing.BadSignature) as caught:
            signing.verify(
                {PUBLIC_KEY_ID: pay.fake.keys.platform.public_key()},
                {name.lower(): value for name, value in headers.items()},
                body,
                now=datetime.now(UTC),
            )
        assert caught.value.reason == "outside_window"


def _said(target: str) -> dict[str, Any]:
    refund = {
        "refund_id": "5030001", "out_refund_no": "R000001", "out_trade_no": "T000001", "transaction_id": "4200001",
        "status": "PROCESSING", "amount": {"total": 1, "refund": 1, "currency": "CNY"},
    }  # fmt: skip
    if "/refund/" in target:
        return refund
    if target.endswith("/jsapi"):
        return {"prepay_id": "wx-by-others"}
    return {
        "appid": APPID, "mchid": MCHID, "out_trade_no": "T000001", "transaction_id": "4200001",
        "trade_state": "SUCCESS", "amount": {"total": 1, "currency": "CNY"},
        "success_time": "2026-11-22T10:00:00+08:00",
    }  # fmt: skip


def _pem(key: Any) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()  # type: ignore[no-any-return]


def _certificate(pay: Running[WechatPayFake]) -> Any:
    from cryptography.x509 import load_pem_x509_certificate

    return load_pem_x509_certificate(pay.fake.keys.certificate.encode())


def test_base64_of_the_signature_has_no_line_breaks() -> None:
    assert "\n" not in signing.sign(make_keys().merchant, "x" * 1000)
    assert len(base64.b64decode(signing.sign(make_keys().merchant, "x"))) == 256
