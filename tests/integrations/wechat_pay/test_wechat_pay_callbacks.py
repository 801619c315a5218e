"""The door that WeChat Pay comes in by, over HTTP: verified, stored, answered at once, settled by a job."""

import json
from collections.abc import Callable
from typing import Any  # a story of the conftest

import pytest
import requests

from core import tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.events.models import Job
from hosts.testkit.plugin import Api
from integrations.fake_server import Running
from integrations.wechat_pay import inbox
from integrations.wechat_pay.fake import APPID, WechatPayFake
from integrations.wechat_pay.fake_books import Delivery, GiveBack, Notification, Pay
from integrations.wechat_pay.fake_keys import PUBLIC_KEY_ID
from integrations.wechat_pay.models import WechatPayPush

PATH = "/callbacks/wechat_pay/acme"


def plain_of(story: Any, number: str = "T000001", **lies: Any) -> dict[str, Any]:
    """Return what a notification of a charge would say."""
    return {**story.fake._told(story.fake.orders[number]), **lies}


def send(
    api: Api, story: Any, plain: dict[str, Any], *, path: str = PATH, kind: str = "TRANSACTION.SUCCESS", **how: Any
) -> Any:
    """Send a notification of our own making, well signed."""
    told = Notification(how.pop("id", "n-1"), "", kind, "transaction", plain)
    headers, body = story.fake.post_of(told, Delivery(**how))
    return api.client.simulate_post(path, body=body, headers=headers)


class TestDoor:
    def test_a_callback_is_stored_answered_and_then_settled_by_a_job(self, story: Any) -> None:
        story.ask()
        assert story.fake.pay("T000001") == [204]
        assert story.pushes() == [("TRANSACTION.SUCCESS", "received")]
        assert story.trade().state == "open"
        story.drain()
        assert story.pushes() == [("TRANSACTION.SUCCESS", "done")]
        assert story.trade().state == "paid"
        assert story.told() == [("paid", "T000001", 9900)]

    @pytest.mark.parametrize(
        ("badly", "code"),
        [
            ("signature", "wrong_signature"),
            ("timestamp", "outside_window"),
            ("probe", "probe"),
            ("serial", "unknown_serial"),
        ],
    )
    def test_what_is_not_proved_is_401_and_leaves_nothing(self, story: Any, api: Api, badly: Any, code: str) -> None:
        story.ask()
        assert story.fake.pay(Pay(number="T000001", badly=badly)) == [401]
        assert story.pushes() == []
        assert story.jobs("wechat_pay.push") == 0
        assert story.trade().state == "open"
        reply = send(api, story, plain_of(story), badly=badly)
        assert (reply.status_code, reply.json) == (401, {"code": "FAIL", "message": code})

    def test_a_resource_sealed_with_another_key_is_refused(self, story: Any) -> None:
        story.ask()
        assert story.fake.pay(Pay(number="T000001", badly="key")) == [400]
        assert story.pushes() == []

    @pytest.mark.parametrize(
        "body", [b"", b"{", b"[]", b"\xff", b'{"id":"1"}', b'{"id":"1","event_type":"X","resource":[]}']
    )
    def test_what_is_signed_and_no_notification_is_400(self, story: Any, api: Api, body: bytes) -> None:
        reply = api.client.simulate_post(PATH, body=body, headers=story.fake._signature(body, "public_key"))
        assert (reply.status_code, reply.json["code"]) == (400, "FAIL")

    def test_a_resource_that_is_no_transaction_is_400(self, story: Any, api: Api) -> None:
        for plain in ({}, {"mchid": "1900000109"}, [], "x"):
            assert send(api, story, plain).status_code == 400  # type: ignore[arg-type]
        assert story.pushes() == []

    @pytest.mark.parametrize(
        "lies", [{"mchid": "1900000999"}, {"appid": "wxsomebodyelses"}, {"attach": "another-brand"}]
    )
    def test_what_is_another_merchants_apps_or_brands_is_403(self, story: Any, api: Api, lies: dict[str, str]) -> None:
        story.ask()
        story.fake.pay(Pay(number="T000001", lost=True))
        reply = send(api, story, plain_of(story, **lies))
        assert (reply.status_code, reply.json) == (403, {"code": "FAIL", "message": "not_ours"})
        story.drain()
        assert story.pushes() == []
        assert story.told() == []

    @pytest.mark.parametrize(
        "lies",
        [
            {"amount": {"total": 1, "currency": "CNY"}},
            {"amount": {"total": 990_000, "currency": "CNY"}},
            {"amount": {"total": 9900, "currency": "USD"}},
            {"amount": None},
            {"transaction_id": ""},
            {"out_trade_no": "T999999"},
        ],
    )
    def test_what_contradicts_our_charge_settles_nothing_and_is_on_the_desk(
        self, story: Any, api: Api, lies: dict[str, Any]
    ) -> None:
        story.ask()
        story.fake.pay(Pay(number="T000001", lost=True))
        assert send(api, story, plain_of(story, **lies)).status_code == 204
        story.drain()
        assert story.pushes() == [("TRANSACTION.SUCCESS", "refused")]
        assert story.told() == story.booked() == []
        assert story.trade().state == "open"

    def test_a_second_payment_of_a_paid_charge_is_refused(self, story: Any, api: Api) -> None:
        story.paid()
        send(api, story, plain_of(story, transaction_id="4200000000000"), id="n-2")
        story.drain()
        assert story.pushes()[-1] == ("TRANSACTION.SUCCESS", "refused")
        assert len(story.told()) == 1

    def test_another_tenants_callback_settles_nothing_here(
        self, story: Any, api: Api, new_tenant: Callable[..., Context], brand: Context
    ) -> None:
        """Two brands of one company share a merchant and its keys: only the number and the brand tell them apart."""
        story.ask()
        story.fake.pay(Pay(number="T000001", lost=True))
        other = new_tenant("other", plugins=("wechat", "wechat_pay", "till"))
        tenants.save_settings(other, "wechat_pay", story.fake.settings("http://127.0.0.1:9"))
        told = plain_of(story)
        assert send(api, story, told, path="/callbacks/wechat_pay/other").status_code == 403
        # even without the brand in it, as in a refund's: the number is not known there
        assert send(api, story, {**told, "attach": ""}, path="/callbacks/wechat_pay/other").status_code == 204
        story.drain()
        (kept,) = WechatPayPush.scoped(other).select()
        assert (kept.state, kept.note) == ("refused", "no charge of this brand has that number")
        assert story.told() == []
        assert story.trade().state == "open"

    def test_a_brand_with_its_own_merchant_refuses_ours(
        self, story: Any, api: Api, new_tenant: Callable[..., Context]
    ) -> None:
        story.ask()
        story.fake.pay(Pay(number="T000001", lost=True))
        other = new_tenant("other", plugins=("wechat", "wechat_pay", "till"))
        assert send(api, story, plain_of(story), path="/callbacks/wechat_pay/other").status_code == 401
        settings = story.fake.settings("http://127.0.0.1:9") | {"api_v3_key": "k" * 32, "mchid": "1900000999"}
        tenants.save_settings(other, "wechat_pay", settings)
        assert send(api, story, plain_of(story), path="/callbacks/wechat_pay/other").status_code == 400

    def test_while_a_merchant_migrates_either_serial_is_taken(self, story: Any, brand: Context) -> None:
        both = story.fake.settings("http://127.0.0.1:9", mode="both")
        tenants.save_settings(brand, "wechat_pay", {**tenants.settings_values(brand, "wechat_pay"), **_keys(both)})
        for number, by in (("T000001", "public_key"), ("T000002", "certificate")):
            _prepaid(story, number)
            assert story.fake.pay(Pay(number=number, by=by)) == [204]  # type: ignore[arg-type]
        story.drain()
        assert [row.serial for row in WechatPayPush.scoped(brand).select().order_by(WechatPayPush.id)] == [
            PUBLIC_KEY_ID,
            story.fake.keys.certificate_serial,
        ]
        assert [number for _, number, _ in story.told()] == ["T000001", "T000002"]

    def test_in_certificate_mode_the_public_keys_serial_is_foreign(self, story: Any, brand: Context) -> None:
        alone = story.fake.settings("http://127.0.0.1:9", mode="certificate")
        values = tenants.settings_values(brand, "wechat_pay") | {"public_key": "", "public_key_id": ""}
        tenants.save_settings(brand, "wechat_pay", {**values, "certificates": alone["certificates"]})
        _prepaid(story, "T000001")
        assert story.fake.pay(Pay(number="T000001", by="public_key")) == [401]
        assert story.fake.notify(next(iter(story.fake.notifications)), Delivery(by="certificate")) == [204]

    def test_an_event_of_a_kind_that_nobody_hears_is_kept_by_name(self, story: Any, api: Api) -> None:
        assert send(api, story, {"openid": "oSecret"}, kind="COUPON.USE").status_code == 204
        story.drain()
        assert story.pushes() == [("COUPON.USE", "ignored")]

    def test_nothing_of_the_payer_is_kept(self, story: Any, brand: Context) -> None:
        story.paid()
        story.refund()
        story.fake.give_back("R000001")
        story.drain()
        for model in (WechatPayPush, Job):
            for row in model.scoped(brand).select().dicts():
                assert "oPayer" not in str(row)
                assert "招商银行" not in str(row)


class TestReplay:
    def test_the_same_callback_ten_times_is_one(self, story: Any) -> None:
        story.ask()
        assert story.fake.pay(Pay(number="T000001", times=10)) == [204] * 10
        assert len(story.pushes()) == 1
        assert story.jobs("wechat_pay.push") == 1
        story.drain()
        assert story.told() == [("paid", "T000001", 9900)]

    def test_a_captured_callback_is_harmless_and_then_too_old(self, story: Any, api: Api, clock: ManualClock) -> None:
        story.ask()
        story.fake.pay(Pay(number="T000001", lost=True))
        headers, body = story.fake.post_of(next(iter(story.fake.notifications.values())))
        statuses = []
        for _ in range(3):
            statuses.append(api.client.simulate_post(PATH, body=body, headers=headers).status_code)
            story.drain()
            clock.advance(seconds=140)
        clock.advance(seconds=1)
        statuses.append(api.client.simulate_post(PATH, body=body, headers=headers).status_code)
        assert statuses == [204, 204, 204, 401]
        assert story.told() == [("paid", "T000001", 9900)]

    def test_news_of_the_same_payment_under_another_id_is_known(self, story: Any, api: Api) -> None:
        story.paid()
        assert send(api, story, plain_of(story), id="n-99").status_code == 204
        story.drain()
        assert story.pushes() == [("TRANSACTION.SUCCESS", "done")] * 2
        assert len(story.told()) == 1

    def test_a_callback_that_was_not_taken_comes_again(self, story: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        story.ask()
        failures = iter([True, True, False])
        real = inbox.signing.verify

        def flaky(*given: Any, **more: Any) -> str:
            if next(failures, False):
                raise RuntimeError("the database is away")
            return real(*given, **more)

        monkeypatch.setattr(inbox.signing, "verify", flaky)
        assert story.fake.pay(Pay(number="T000001", wait=0)) == [500, 500, 204]
        story.drain()
        assert len(story.told()) == 1

    def test_a_callback_that_is_never_taken_is_given_up_after_sixteen_times(self, story: Any, brand: Context) -> None:
        story.ask()
        assert story.fake.pay(Pay(number="T000001", wait=0, badly="probe")) == [401] * 16


class TestOff:
    def test_money_reaches_a_plugin_that_is_off(self, story: Any, brand: Context) -> None:
        story.ask()
        story.fake.pay(Pay(number="T000001", lost=True))
        off = tenants.by_id(brand.tenant.id)
        with brand.transaction():
            tenants.TenantPlugin.scoped(brand).update(enabled=False).where(
                tenants.TenantPlugin.slug == "wechat_pay"
            ).execute()
            tenants.touch(brand)
        assert off.version < tenants.by_id(brand.tenant.id).version
        assert story.fake.notify(next(iter(story.fake.notifications))) == [204]
        story.drain()
        assert story.told() == [("paid", "T000001", 9900)]


class TestUnclaimed:
    def test_money_that_nobody_claims_is_booked_and_on_the_desk(self, story: Any) -> None:
        story.ask("X000001")
        story.fake.pay("X000001")
        story.drain()
        assert story.booked() == [("paid", "X000001", 9900)]
        assert story.told() == []

    def test_a_refund_made_by_hand_on_the_platform_is_taken_in(self, story: Any) -> None:
        story.paid()
        assert story.fake.give_back(GiveBack(number="HAND000001", charge="T000001", amount=100)) == [204]
        story.drain()
        row = story.refund_row("HAND000001")
        assert (row.source, row.state, row.amount, row.charge) == ("platform", "refunded", 100, "T000001")
        assert story.told()[1:] == [("refunded", "HAND000001", 100)]

    @pytest.mark.parametrize(
        "lies",
        [
            {"amount": {"total": 9900, "refund": 9900, "currency": "CNY"}},
            {"amount": {"total": 1, "refund": 1, "currency": "CNY"}},
            {"out_trade_no": "T999999"},
            {"transaction_id": "4200009"},
        ],
    )
    def test_a_refund_that_contradicts_ours_settles_nothing(self, story: Any, lies: dict[str, Any]) -> None:
        story.paid()
        story.refund(amount=100)
        assert story.fake.give_back(GiveBack(number="R000001", overrides=lies)) == [204]
        story.drain()
        assert story.pushes()[-1] == ("REFUND.SUCCESS", "refused")
        assert len(story.told()) == 1
        assert story.refund_row().state == "working"


def _keys(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: settings[name] for name in ("public_key", "public_key_id", "certificates")}


def _prepaid(story: Any, number: str) -> None:
    """Have a charge asked for, whatever changed in the settings since."""
    object.__setattr__(story.ctx, "tenant", tenants.by_id(story.ctx.tenant.id))
    story.fake.signs_by = "certificate" if not _settings(story).get("public_key") else "public_key"
    story.ask(number)


def _settings(story: Any) -> dict[str, Any]:
    return tenants.settings_values(story.ctx, "wechat_pay")


def test_the_readiness_and_the_answer_do_not_say_what_is_wrong_with_the_keys(story: Any, api: Api) -> None:
    body = json.dumps({"id": "1"}).encode()
    reply = api.client.simulate_post(PATH, body=body)
    assert (reply.status_code, reply.json) == (401, {"code": "FAIL", "message": "missing_header"})
    assert APPID not in reply.text
    assert reply.headers["content-type"] == "application/json"


def test_a_running_fake_shows_its_books(pay: Running[WechatPayFake], story: Any) -> None:
    story.paid()
    story.refund(amount=5)
    orders = requests.get(f"{pay.url}/_fake/orders", timeout=5).json()["orders"]
    refunds = requests.get(f"{pay.url}/_fake/refunds", timeout=5).json()["refunds"]
    assert [order["trade_state"] for order in orders] == ["REFUND"]
    assert [(refund["out_refund_no"], refund["amount"]["refund"]) for refund in refunds] == [("R000001", 5)]


def test_a_running_fake_is_played_over_http(pay: Running[WechatPayFake], story: Any) -> None:
    def control(name: str, **what: Any) -> Any:
        return requests.post(f"{pay.url}/_fake/{name}", json=what, timeout=10).json()

    story.ask()
    assert control("pay", number="T000001", times=2) == {"deliveries": [204, 204]}
    assert "cannot be paid" in control("pay", number="T000001")["description"]
    story.drain()
    story.refund(amount=5)
    assert control("refund", number="R000001") == {"deliveries": [204]}
    assert control("notify", id=next(iter(pay.fake.notifications))) == {"deliveries": [204]}
    assert "no notification" in control("notify", id="nobody")["description"]
    story.drain()
    assert story.told() == [("paid", "T000001", 9900), ("refunded", "R000001", 5)]
    entered = requests.get(f"{pay.url}/_fake/merchant", timeout=5).json()
    assert entered == pay.fake.settings(pay.url)
