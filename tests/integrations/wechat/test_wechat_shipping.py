"""WeChat is told how what was paid for reached its payer: once, and one change."""

from collections.abc import Callable
from typing import Any  # JSON
from uuid import UUID

import pytest

from core.clock import ManualClock
from core.contract.context import Context
from core.contract.facts import Fact
from core.contract.ports import Settlement
from core.ids import new_id
from hosts.testkit.plugin import Api
from integrations.wechat import shipping
from integrations.wechat.fake import Failure, Running, WechatFake
from integrations.wechat.models import WechatPayment, WechatShipment
from plugins.orders.hookspecs import OrderFulfilled
from roost import Text, hooks, members

CHARGE, PAYMENT = "CHARGE0001", "4200000000000000000001"
TABLE = "/admin/v1/wechat/shipments"


class Fulfilled(Fact):
    """What orders tell, as far as it is read here."""

    label = Text("履约", "Fulfilled")

    order: UUID
    member: UUID
    handover: UUID
    kind: str
    lines: tuple[dict[str, Any], ...] = ()
    whole: bool = True
    title: str = "运动水壶"
    carrier: str = ""
    tracking: str = ""
    charges: tuple[str, ...] = (CHARGE,)


@pytest.fixture
def fake(wechat: Running) -> WechatFake:
    return wechat.fake  # type: ignore[no-any-return]  # what the server holds


@pytest.fixture
def alice(brand: Context, fake: WechatFake, person: Callable[[str], UUID], change: Callable[..., None]) -> UUID:
    """Have Alice pay by WeChat Pay, and the brand tell shipping."""
    change(shipping=True)
    alice = person("alice")
    fake.pay(PAYMENT, "alice")
    with brand.transaction():
        brand.lifecycle(hooks.payment_settled, settlement=Settlement("wechat_pay", "paid", CHARGE, transaction=PAYMENT))
    return alice


@pytest.fixture
def go_out(brand: Context, alice: UUID, clock: ManualClock, drain: Callable[[], int]) -> Callable[..., Any]:
    """Have an order go out, wait, and return the row."""
    order = new_id()

    def hand(*facts: dict[str, Any], wait: bool = True) -> Any:
        for given in facts:
            values = {"kind": "ship", "carrier": "圆通速递", "tracking": "YT1000000001"} | given
            with brand.transaction():
                shipping.listener.hear(brand, Fulfilled(order=order, member=alice, handover=new_id(), **values))
        if wait:
            clock.advance(minutes=3)
            drain()
        return row(brand)

    return hand


def row(ctx: Context) -> Any:
    return WechatShipment.scoped(ctx).first()


def later(clock: ManualClock, drain: Callable[[], int], **time: float) -> None:
    clock.advance(**time)
    drain()


class TestTold:
    def test_a_parcel_is_told_with_its_carriers_code_and_number(
        self, go_out: Callable[..., Any], fake: WechatFake
    ) -> None:
        told = go_out({})
        assert (told.state, told.told) == ("told", 1)
        (said,) = fake.told(PAYMENT)
        assert said == {
            "order_key": {"order_number_type": 2, "transaction_id": PAYMENT},
            "logistics_type": 1,
            "delivery_mode": 1,
            "shipping_list": [{"item_desc": "运动水壶", "tracking_no": "YT1000000001", "express_company": "YTO"}],
            "payer": {"openid": fake.openid("alice")},
        }
        body: Any = fake.calls("shipping")[0]["body"]
        assert body["upload_time"] == "2026-11-22T10:00:00.000+08:00"

    def test_sf_express_wants_to_know_a_phone(
        self, go_out: Callable[..., Any], fake: WechatFake, change: Callable[..., None]
    ) -> None:
        change(shipping=True, merchant_shipping_contact="138****0000")
        go_out({"carrier": "顺丰速运", "tracking": "SF1"})
        (parcel,) = fake.told(PAYMENT)[0]["shipping_list"]
        assert parcel["contact"] == {"consignor_contact": "138****0000"}

    @pytest.mark.parametrize(("kind", "number"), [("pickup", 4), ("none", 3)])
    def test_what_is_picked_up_or_never_leaves_has_no_parcel(
        self, go_out: Callable[..., Any], fake: WechatFake, kind: str, number: int
    ) -> None:
        go_out({"kind": kind, "title": "私教课" * 60})
        (said,) = fake.told(PAYMENT)
        assert said["logistics_type"] == number
        assert [list(p) for p in said["shipping_list"]] == [["item_desc"]]
        assert len(said["shipping_list"][0]["item_desc"]) == 120

    def test_several_parcels_are_told_together_when_the_last_has_gone(
        self, go_out: Callable[..., Any], fake: WechatFake
    ) -> None:
        assert go_out({"whole": False, "tracking": "YT1"}).state == "pending"
        assert fake.calls("shipping") == []
        assert go_out({"tracking": "YT2"}).state == "told"
        (said,) = fake.told(PAYMENT)
        assert (said["delivery_mode"], said["is_all_delivered"]) == (2, True)
        assert sorted(p["tracking_no"] for p in said["shipping_list"]) == ["YT1", "YT2"]

    def test_the_last_parcels_fact_may_come_first(self, go_out: Callable[..., Any], fake: WechatFake) -> None:
        go_out({"tracking": "YT2"}, {"whole": False, "tracking": "YT1"})
        (said,) = fake.told(PAYMENT)
        assert len(said["shipping_list"]) == 2

    def test_the_same_fact_twice_is_told_once(
        self, brand: Context, alice: UUID, clock: ManualClock, drain: Callable[[], int], fake: WechatFake
    ) -> None:
        fact = Fulfilled(order=new_id(), member=alice, handover=new_id(), kind="pickup")
        for _ in range(2):
            with brand.transaction():
                shipping.listener.hear(brand, fact)
            later(clock, drain, minutes=3)
        assert len(fake.calls("shipping")) == 1

    def test_orders_that_were_paid_in_another_way_are_none_of_wechats(
        self, brand: Context, go_out: Callable[..., Any], fake: WechatFake
    ) -> None:
        go_out({"charges": ()}, {"charges": ("CASH01",)})
        assert row(brand) is None
        with brand.transaction():
            brand.lifecycle(hooks.payment_settled, settlement=Settlement("alipay", "paid", "CASH01", transaction="x"))
            brand.lifecycle(hooks.payment_settled, settlement=Settlement("wechat_pay", "closed", "C2"))
        assert WechatPayment.scoped(brand).select().count() == 1

    def test_a_brand_that_does_not_want_it_does_not_even_hear(
        self, brand: Context, alice: UUID, change: Callable[..., None]
    ) -> None:
        assert shipping.listener.wants(brand) == ("order_fulfilled",)
        change(shipping=False)
        assert shipping.listener.wants(brand) == ()


class TestChanged:
    def test_a_number_is_mended_once_and_a_second_time_is_refused_before_wechat_is_asked(
        self, brand: Context, go_out: Callable[..., Any], fake: WechatFake, api: Api, clock: ManualClock,
        drain: Callable[[], int],
    ) -> None:  # fmt: skip
        told = go_out({})
        staff = api.as_staff("wechat.view", "wechat.edit")
        body = {"carrier": "中通", "tracking": "ZTO20001", "reason": "a slip of the pen"}
        assert api.post(f"{TABLE}/{told.id}/correct", token=staff, json=body).status_code == 200
        later(clock, drain, minutes=3)
        assert [said["shipping_list"][0]["tracking_no"] for said in fake.told(PAYMENT)] == ["YT1000000001", "ZTO20001"]
        assert (row(brand).state, row(brand).told) == ("told", 2)
        again = api.post(f"{TABLE}/{told.id}/correct", token=staff, json={**body, "tracking": "ZTO20002"})
        assert again.status_code == 409
        assert len(fake.calls("shipping")) == 2

    def test_a_parcel_that_goes_out_after_both_versions_is_for_staff(
        self, brand: Context, go_out: Callable[..., Any], fake: WechatFake
    ) -> None:
        go_out({"tracking": "YT1"})
        go_out({"tracking": "YT2"})
        late = go_out({"tracking": "YT3"})
        assert (late.state, late.code, len(fake.calls("shipping"))) == ("failed", "10060003", 2)

    def test_of_several_parcels_the_wrong_one_is_named(self, go_out: Callable[..., Any], api: Api) -> None:
        told = go_out({"whole": False, "tracking": "YT100001"}, {"tracking": "YT100002"})
        staff = api.as_staff("wechat.view", "wechat.edit")
        body = {"carrier": "中通", "tracking": "ZTO20001", "reason": "a slip"}
        unnamed = api.post(f"{TABLE}/{told.id}/correct", token=staff, json=body)
        assert (unnamed.status_code, unnamed.json["code"]) == (422, "which_parcel")
        body["instead_of"] = "YT100002"
        assert api.post(f"{TABLE}/{told.id}/correct", token=staff, json=body).status_code == 200


class TestTrouble:
    def test_a_lost_answer_is_told_again_word_for_word_and_uses_no_change_up(
        self, brand: Context, go_out: Callable[..., Any], fake: WechatFake, clock: ManualClock,
        drain: Callable[[], int],
    ) -> None:  # fmt: skip
        fake.fail(Failure(api="shipping", status=502, after=True))
        assert go_out({}).state == "pending"
        later(clock, drain, minutes=1)
        assert (row(brand).state, row(brand).told) == ("told", 1)
        first, second = (call["body"] for call in fake.calls("shipping"))
        assert first == second
        assert len(fake.told(PAYMENT)) == 1

    @pytest.mark.parametrize("errcode", [10060001, 10060012, -1, 45011])
    def test_what_may_pass_is_tried_again(
        self, brand: Context, go_out: Callable[..., Any], fake: WechatFake, clock: ManualClock,
        drain: Callable[[], int], errcode: int,
    ) -> None:  # fmt: skip
        fake.fail(Failure(api="shipping", errcode=errcode, times=3))
        waiting = go_out({})
        assert (waiting.state, waiting.code) == ("pending", str(errcode))
        for minutes in (1, 2, 4):
            later(clock, drain, minutes=minutes)
        assert (row(brand).state, row(brand).tries) == ("told", 3)

    def test_trouble_without_end_is_for_staff(
        self, brand: Context, go_out: Callable[..., Any], fake: WechatFake, clock: ManualClock,
        drain: Callable[[], int],
    ) -> None:  # fmt: skip
        fake.fail(Failure(api="shipping", errcode=10060001, times=100))
        go_out({})
        for _ in range(25):
            later(clock, drain, hours=6)
        assert (row(brand).state, len(fake.calls("shipping"))) == ("failed", shipping.MOST_TRIES)

    @pytest.mark.parametrize("errcode", [10060003, 10060004, 10060005, 10060008, 10060014, 10060031, 268485226])
    def test_what_will_not_pass_fails_at_once_and_says_why(
        self, go_out: Callable[..., Any], fake: WechatFake, api: Api, errcode: int, clock: ManualClock,
        drain: Callable[[], int],
    ) -> None:  # fmt: skip
        fake.fail(Failure(api="shipping", errcode=errcode))
        failed = go_out({})
        assert (failed.state, failed.code) == ("failed", str(errcode))
        assert failed.error
        staff = api.as_staff("wechat.view", "wechat.edit")
        (listed,) = api.get(f"{TABLE}?state=failed", token=staff).json["items"]
        assert (listed["id"], listed["transaction"]) == (str(failed.id), PAYMENT)
        assert api.post(f"{TABLE}/{failed.id}/retry", token=staff).status_code == 200
        later(clock, drain, minutes=1)
        assert len(fake.told(PAYMENT)) == 1
        assert api.post(f"{TABLE}/{failed.id}/retry", token=staff).status_code == 409

    def test_what_staff_told_wechat_by_hand_counts_as_told(self, go_out: Callable[..., Any], fake: WechatFake) -> None:
        fake.fail(Failure(api="shipping", errcode=10060002))
        assert go_out({}).state == "told"

    def test_nothing_new_counts_as_told(self, go_out: Callable[..., Any], fake: WechatFake) -> None:
        fake.fail(Failure(api="shipping", errcode=10060023))
        assert go_out({}).state == "told"

    def test_a_payer_who_is_erased_is_not_told_of(
        self, brand: Context, alice: UUID, go_out: Callable[..., Any], fake: WechatFake
    ) -> None:
        go_out({}, wait=False)
        with brand.transaction():
            members.erase(brand, alice, "asked")
        go_out()
        assert fake.calls("shipping") == []
        assert row(brand).body is None

    def test_tracking_numbers_are_sealed(self, go_out: Callable[..., Any]) -> None:
        assert b"YT1000000001" not in bytes(go_out({}).body)


def test_orders_tell_what_is_read_here() -> None:
    assert set(Fulfilled.model_fields) <= set(OrderFulfilled.model_fields)


@pytest.mark.parametrize(
    ("carrier", "code"), [("顺丰", "SF"), ("中国邮政", "YZPY"), ("韵达快递", "YD"), ("JD", "JD"), ("某快递", "某快递")]
)
def test_carriers_have_wechats_codes(carrier: str, code: str) -> None:
    assert shipping.carrier_code(carrier) == code
