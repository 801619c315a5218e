"""What staff see and do, the settings, and what becomes of payments when somebody leaves."""

from collections.abc import Callable
from typing import Any  # a story of the conftest

import pytest

from core import members, tenants
from core.contract.context import Context
from core.errors import Conflict, Invalid, Vetoed
from core.ids import new_id
from core.members import MemberView
from hosts.testkit.plugin import Api
from integrations.fake_server import Failure
from integrations.wechat_pay import desk
from integrations.wechat_pay.fake_books import Delivery, GiveBack, Pay
from integrations.wechat_pay.fake_keys import make_keys
from integrations.wechat_pay.models import WechatPayPush, WechatPayRefund, WechatPaySettlement, WechatPayTrade

ADMIN = "/admin/v1/wechat_pay"


class Desk:
    """A member of staff at the payment desk."""

    def __init__(self, api: Api) -> None:
        self.api, self.token = api, api.as_staff("wechat_pay.view", "wechat_pay.act")

    def list(self, what: str, **query: str) -> list[dict[str, Any]]:
        reply = self.api.get(f"{ADMIN}/{what}", token=self.token, params=query)
        assert reply.status_code == 200, reply.text
        return list(reply.json["items"])

    def act(self, what: str, row: Any, action: str, **body: Any) -> int:
        path = f"{ADMIN}/{what}/{row}/{action}"
        return int(self.api.post(path, token=self.token, key=str(new_id()), json=body or None).status_code)


@pytest.fixture
def staff(story: Any, api: Api) -> Desk:
    return Desk(api)


class TestDesk:
    def test_a_charge_is_asked_about_by_hand(self, story: Any, staff: Desk) -> None:
        story.ask()
        story.fake.pay(Pay(number="T000001", lost=True))
        (row,) = staff.list("trades")
        assert (row["state"], row["amount"], row["member"]) == ("open", 9900, str(story.payer.id))
        assert staff.act("trades", row["id"], "query") in (200, 204)
        story.drain()
        assert story.told() == [("paid", "T000001", 9900)]
        assert staff.act("trades", row["id"], "query") == 409

    def test_a_failed_refund_is_made_again_by_hand_with_its_number(self, story: Any, staff: Desk) -> None:
        story.paid()
        story.fake.fail(Failure(api="refund", errcode="NOT_ENOUGH"))
        story.refund(amount=500)
        (row,) = staff.list("refunds", state="failed")
        assert "NOT_ENOUGH" in row["note"]
        story.fake.refunds = "SUCCESS"
        assert staff.act("refunds", row["id"], "retry") in (200, 204)
        story.drain()
        assert [g.asked.amount.refund for g in story.fake.given.values()] == [500]
        assert story.told()[1:] == [("refund_failed", "R000001", 500), ("refunded", "R000001", 500)]
        assert staff.act("refunds", row["id"], "retry") == 409

    def test_money_that_nobody_claimed_is_offered_again_or_marked(
        self, story: Any, staff: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in ("X000001", "X000002"):
            story.ask(number)
            story.fake.pay(number)
        story.drain()
        second, first = staff.list("settlements", state="unclaimed")
        assert staff.act("settlements", first["id"], "offer") in (200, 204)
        (still,) = [row for row in staff.list("settlements", state="unclaimed") if row["id"] == first["id"]]
        assert "没有业务认领" in still["note"]
        with monkeypatch.context() as patch:
            patch.setattr(Context, "lifecycle", lambda ctx, hook, **values: [("till", True)])
            assert staff.act("settlements", first["id"], "offer") in (200, 204)
        assert staff.act("settlements", second["id"], "handle", note="given back by hand", reason="old order") in (
            200,
            204,
        )
        rows = {row["number"]: row for row in staff.list("settlements")}
        assert (rows["X000001"]["state"], rows["X000001"]["claimed_by"]) == ("claimed", "till")
        assert (rows["X000002"]["state"], rows["X000002"]["note"]) == ("done", "given back by hand")
        assert staff.act("settlements", second["id"], "offer") == 409

    def test_offered_again_it_is_told_as_it_was(self, story: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        story.ask("X000001")
        story.fake.pay("X000001")
        story.fake.refunds = "SUCCESS"
        story.drain()
        story.refund(charge="X000001", amount=100)
        told: list[Any] = []

        def lifecycle(ctx: Context, hook: Any, settlement: Any) -> list[Any]:
            told.append(settlement)
            return [("till", True)]

        monkeypatch.setattr(Context, "lifecycle", lifecycle)
        for row in WechatPaySettlement.scoped(story.ctx).select().order_by(WechatPaySettlement.id):
            story.ctx.run(lambda row=row: desk.offer(story.ctx, row.id))
        transaction = story.fake.orders["X000001"].transaction
        assert [(s.kind, s.charge, s.refund, s.amount) for s in told] == [
            ("paid", "X000001", "", 9900),
            ("refunded", "X000001", "R000001", 100),
        ]
        assert (told[0].transaction, told[0].at) == (transaction, story.ctx.now())

    def test_a_callback_that_contradicted_is_processed_again(self, story: Any, staff: Desk, brand: Context) -> None:
        story.ask()
        story.fake.pay(Pay(number="T000001", overrides={"amount": {"total": 1, "currency": "CNY"}}))
        story.drain()
        (row,) = staff.list("pushes", state="refused")
        assert "told of 1 CNY, asked for 9900" in row["note"]
        assert staff.act("pushes", row["id"], "retry") in (200, 204)
        assert story.told() == []
        assert dict(desk.figures(brand))["存疑回调"] == "1"

    def test_the_panel_counts_what_waits_for_people(self, story: Any, brand: Context) -> None:
        story.ask("X000001")
        story.fake.pay("X000001")
        story.ask("T000002")
        story.drain()
        assert dict(desk.figures(brand)) == {
            "商户": "已配置",
            "待支付": "1",
            "无人认领": "1",
            "退款失败": "0",
            "存疑回调": "0",
        }

    def test_who_may_only_look_does_nothing(self, story: Any, api: Api) -> None:
        story.ask()
        token = api.as_staff("wechat_pay.view")
        (row,) = api.get(f"{ADMIN}/trades", token=token).json["items"]
        assert api.post(f"{ADMIN}/trades/{row['id']}/query", token=token, key="k").status_code == 403
        assert api.get(f"{ADMIN}/trades", token=api.as_staff("members.view")).status_code == 403


class TestSettings:
    def test_the_keys_are_sealed_and_never_read(self, story: Any, brand: Context, api: Api) -> None:
        stored = str(tenants.plugin_states(brand)["wechat_pay"].settings)
        shown = api.get(
            "/admin/v1/plugins/wechat_pay/settings", token=api.as_staff("plugins.view", "plugins.edit")
        ).text
        for text in (stored, shown):
            assert story.fake.api_v3_key not in text
            assert story.fake.keys.merchant_pem.splitlines()[3] not in text

    @pytest.mark.parametrize(
        "wrong",
        [
            {"private_key": "my secret words"},
            {"api_v3_key": "too short"},
            {"public_key": "no key"},
            {"certificates": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"},
            {"public_key_id": "5F0A"},
            {"public_key": ""},
            {"mchid": "merchant"},
            {"base_url": "ftp://x"},
            {"notify_base": "https://x/?a=1"},
        ],
    )
    def test_what_cannot_be_used_is_refused_without_being_repeated(
        self, story: Any, brand: Context, wrong: dict[str, str]
    ) -> None:
        with pytest.raises(Invalid) as caught:
            tenants.save_settings(brand, "wechat_pay", {**tenants.settings_values(brand, "wechat_pay"), **wrong})
        told = f"{caught.value} {caught.value.fields}"
        assert not any(
            value and value in told for name, value in wrong.items() if name in ("private_key", "api_v3_key")
        )

    def test_keys_pasted_into_one_line_work(self, story: Any, brand: Context) -> None:
        keys = story.fake.keys
        pasted = {
            "private_key": keys.merchant_pem.replace("\n", ""),
            "public_key": keys.public_pem.replace("\n", " "),
            "certificates": (keys.certificate + make_keys("other").certificate).replace("\n", ""),
        }
        tenants.save_settings(brand, "wechat_pay", {**tenants.settings_values(brand, "wechat_pay"), **pasted})
        object.__setattr__(brand, "tenant", tenants.by_id(brand.tenant.id))
        story.paid()


class TestLeaving:
    def test_it_is_not_switched_off_while_money_is_on_its_way(self, story: Any, brand: Context) -> None:
        story.ask()
        with pytest.raises(Vetoed):
            tenants.disable_plugin(brand, "wechat_pay")
        story.paid("T000002")
        story.close()
        story.refund(charge="T000002")
        with pytest.raises(Vetoed):
            tenants.disable_plugin(brand, "wechat_pay")
        story.fake.give_back("R000001")
        story.drain()
        tenants.disable_plugin(brand, "wechat_pay")

    def test_nobody_is_erased_in_the_middle_of_a_payment(self, story: Any, brand: Context) -> None:
        story.ask()
        with pytest.raises(Conflict), brand.transaction():
            members.erase(brand, story.payer.id, "asked")
        story.fake.pay("T000001")
        story.drain()
        with brand.transaction():
            members.erase(brand, story.payer.id, "asked")
        assert story.booked() == [("paid", "T000001", 9900)]  # the book stays, and nobody is behind its id

    def test_the_export_has_their_payments(self, story: Any, brand: Context) -> None:
        story.paid()
        story.refund(amount=100)
        told = members.export(brand, story.payer.id)["plugins"]["wechat_pay"]
        assert [(p["number"], p["fen"], p["state"]) for p in told["payments"]] == [("T000001", 9900, "paid")]
        assert [(r["of"], r["fen"], r["state"]) for r in told["refunds"]] == [("T000001", 100, "working")]

    def test_a_merge_moves_them(self, story: Any, brand: Context, member: Callable[..., MemberView]) -> None:
        story.paid()
        story.refund(amount=100)
        survivor = member()
        with brand.transaction():
            members.merge(brand, survivor.id, story.payer.id, "one person")
        for model in (WechatPayTrade, WechatPayRefund, WechatPaySettlement):
            assert [row.member for row in model.scoped(brand).select()] == [survivor.id]

    def test_a_purge_leaves_nothing(self, story: Any, brand: Context, purge: Any) -> None:
        story.paid()
        story.refund()
        purge(brand, "wechat_pay")
        for model in (WechatPayTrade, WechatPayRefund, WechatPaySettlement, WechatPayPush):
            assert model.scoped(brand).select().count() == 0

    def test_it_conforms(self, assert_plugin_conforms: Callable[[str], None]) -> None:
        assert_plugin_conforms("wechat_pay")


def test_a_refund_by_hand_of_another_brands_number_is_not_taken_in(story: Any) -> None:
    story.paid()
    story.fake.give_back(GiveBack(number="HAND000001", charge="T000001", amount=1, lost=True))
    told = next(reversed(story.fake.notifications))
    story.fake.notifications[told].plain["mchid"] = "1900000999"
    assert story.fake.notify(told, Delivery()) == [403]
