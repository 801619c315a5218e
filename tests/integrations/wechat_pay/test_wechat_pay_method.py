"""The payment method: what a plugin that takes money calls, in its three steps."""

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from core import members, tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.errors import Conflict, Invalid, KeyReused, TooManyRequests, Unavailable
from core.members import MemberView
from integrations.fake_server import Failure
from integrations.wechat_pay import charges, desk, payments
from integrations.wechat_pay.fake import APPID, MCHID
from integrations.wechat_pay.fake_books import GiveBack, Pay
from integrations.wechat_pay.models import WechatPaySettlement, WechatPayTrade
from roost import Charge, PaymentMethod

# every test is a story of a conftest's: Any


class TestPaying:
    def test_the_method_is_offered_to_whoever_takes_money(self, story: Any, brand: Context) -> None:
        offered = dict(brand.providers(PaymentMethod))
        assert offered["wechat_pay"].name == "wechat_pay"
        assert offered["wechat_pay"].ready(brand)

    def test_the_mini_program_gets_parameters_signed_by_the_merchant(self, story: Any) -> None:
        got = story.ask()
        assert sorted(got) == ["nonceStr", "package", "paySign", "signType", "timeStamp"]
        assert got["signType"] == "RSA"
        assert got["package"] == f"prepay_id={story.fake.orders['T000001'].prepay}"
        text = f"{APPID}\n{got['timeStamp']}\n{got['nonceStr']}\n{got['package']}\n".encode()
        key = story.fake.keys.merchant.public_key()
        key.verify(base64.b64decode(got["paySign"]), text, padding.PKCS1v15(), hashes.SHA256())

    def test_wechat_pay_gets_what_was_asked(self, story: Any, listening: str) -> None:
        story.ask(amount=12_345, title="羽毛球月卡")
        asked = story.fake.orders["T000001"].asked
        assert (asked.amount.total, asked.description, asked.attach) == (12_345, "羽毛球月卡", "acme")
        assert asked.payer.openid == "oPayer0000000000000000000001"
        assert asked.notify_url == f"{listening}/callbacks/wechat_pay/acme"
        assert asked.time_expire == story.ctx.now() + timedelta(minutes=30)

    def test_a_paid_charge_is_told_to_the_till_once(self, story: Any) -> None:
        story.paid()
        assert story.told() == [("paid", "T000001", 9900)]
        row = story.trade()
        assert (row.transaction, row.paid_at) == (story.fake.orders["T000001"].transaction, story.ctx.now())
        (kept,) = WechatPaySettlement.scoped(story.ctx).select()
        assert (kept.claimed_by, kept.state, kept.heard, kept.member) == ("till", "claimed", "push", story.payer.id)

    def test_asked_twice_it_is_one_charge_and_the_same_prepay_id(self, story: Any) -> None:
        first, second = story.ask(), story.ask()
        assert first["package"] == second["package"]
        assert len(story.fake.calls("prepay")) == 1

    def test_a_prepay_id_near_its_end_is_fetched_anew(self, story: Any, clock: ManualClock) -> None:
        charge = story.charge(minutes=300)
        story.steps(payments.METHOD.pay, charge)
        clock.advance(minutes=115)
        story.steps(payments.METHOD.pay, charge)
        assert len(story.fake.calls("prepay")) == 2

    def test_a_known_number_with_another_amount_is_refused(self, story: Any) -> None:
        story.ask(amount=100)
        with pytest.raises(KeyReused):
            story.ask(amount=200)

    @pytest.mark.parametrize("number", ["T1", "T" * 33, "T00 001", "T0000壹", "T00|001"])
    def test_a_number_that_wechat_pay_would_not_take_is_refused(self, story: Any, number: str) -> None:
        with pytest.raises(Invalid):
            story.ask(number)

    @pytest.mark.parametrize("amount", [0, -1])
    def test_nothing_is_no_charge(self, story: Any, amount: int) -> None:
        with pytest.raises(Invalid):
            story.ask(amount=amount)

    def test_who_never_logged_in_with_wechat_cannot_pay(self, story: Any, member: Callable[..., MemberView]) -> None:
        with pytest.raises(Conflict) as caught:
            story.ask(member=member().id)
        assert caught.value.code == "wechat_pay_no_openid"
        assert WechatPayTrade.scoped(story.ctx).select().count() == 0

    def test_another_app_than_the_mini_programs_has_open_ids_of_its_own(self, story: Any, brand: Context) -> None:
        story.fake.appid = "wxpublicaccount0001"
        tenants.save_settings(brand, "wechat_pay", {**_plain(story), "appid": story.fake.appid})
        object.__setattr__(brand, "tenant", tenants.by_id(brand.tenant.id))
        with pytest.raises(Conflict):
            story.ask()
        with brand.transaction():
            members.link_identity(brand, story.payer.id, "wechat:wxpublicaccount0001", "oElsewhere")
        story.ask()
        assert story.fake.orders["T000001"].asked.payer.openid == "oElsewhere"

    def test_a_merged_members_charge_is_the_survivors(self, story: Any, member: Callable[..., MemberView]) -> None:
        story.ask()
        survivor = member()
        with story.ctx.transaction():
            members.merge(story.ctx, survivor.id, story.payer.id, "one person")
        assert story.trade().member == survivor.id
        charge = Charge("T000001", survivor.id, 9900, "年卡", story.ctx.now() + timedelta(minutes=30))
        assert story.steps(payments.METHOD.pay, charge)["package"]

    def test_what_is_paid_or_closed_is_not_asked_for_again(self, story: Any) -> None:
        story.paid()
        story.ask("T000002")
        story.close("T000002")
        for number, code in (("T000001", "wechat_pay_already_paid"), ("T000002", "wechat_pay_closed")):
            with pytest.raises(Conflict) as caught:
                story.ask(number)
            assert caught.value.code == code

    def test_a_charge_that_was_closed_while_it_was_asked_for_gives_no_parameters(self, story: Any) -> None:
        prepared = story.ctx.run(lambda: charges.prepare_pay(story.ctx, story.charge()))
        assert story.close().state == "closed"  # WeChat Pay does not know it yet
        answer = charges.call_pay(prepared)
        with pytest.raises(Conflict):
            story.ctx.run(lambda: charges.complete_pay(story.ctx, prepared, answer))
        assert story.told() == [("closed", "T000001", 0)]

    @pytest.mark.parametrize(
        ("errcode", "error", "code"),
        [
            ("APPID_MCHID_NOT_MATCH", Unavailable, "wechat_pay_misconfigured"),
            ("NO_AUTH", Unavailable, "wechat_pay_misconfigured"),
            ("FREQUENCY_LIMITED", TooManyRequests, "wechat_pay_too_often"),
            ("USER_ACCOUNT_ABNORMAL", Conflict, "wechat_pay_account_abnormal"),
            ("OUT_TRADE_NO_USED", Conflict, "wechat_pay_number_used"),
            ("ORDERPAID", Conflict, "wechat_pay_already_paid"),
        ],
    )
    def test_each_refusal_is_told_in_words(self, story: Any, errcode: str, error: type[Exception], code: str) -> None:
        story.fake.fail(Failure(api="prepay", errcode=errcode))
        with pytest.raises(error) as caught:
            story.ask()
        assert caught.value.code == code  # type: ignore[attr-defined]
        story.ask()  # the next time it is well

    def test_while_nothing_is_set_up_it_says_so(self, story: Any, brand: Context) -> None:
        tenants.save_settings(brand, "wechat_pay", {**_plain(story), "mchid": ""})
        object.__setattr__(brand, "tenant", tenants.by_id(brand.tenant.id))
        assert not payments.METHOD.ready(brand)
        with pytest.raises(Unavailable) as caught:
            story.ask()
        assert caught.value.code == "wechat_pay_not_configured"


class TestQueryAndClose:
    def test_a_query_tells_how_it_stands_and_settles_it(self, story: Any) -> None:
        assert story.query().state == "absent"
        story.ask()
        assert story.query().state == "open"
        story.fake.pay(Pay(number="T000001", lost=True))
        state = story.query()
        assert (state.state, state.amount, state.transaction) == ("paid", 9900, story.trade().transaction)
        assert story.told() == [("paid", "T000001", 9900)]
        calls = len(story.fake.calls("query"))
        assert story.query().state == "paid"
        assert len(story.fake.calls("query")) == calls  # what is paid is not asked about again

    def test_an_unanswered_query_is_unknown_and_settles_nothing(self, story: Any) -> None:
        story.ask()
        story.fake.fail(Failure(api="query", status=502, times=9))
        state = story.query()
        assert state.state == "unknown"
        assert "502" in state.detail
        assert story.booked() == []

    def test_a_closed_charge_is_settled_once(self, story: Any) -> None:
        story.ask()
        assert story.close().state == "closed"
        assert story.close().state == "closed"
        assert story.fake.orders["T000001"].state == "CLOSED"
        assert story.told() == [("closed", "T000001", 0)]

    def test_closing_what_is_paid_finds_the_payment(self, story: Any) -> None:
        story.ask()
        story.fake.pay(Pay(number="T000001", lost=True))
        assert story.close().state == "paid"
        assert story.told() == [("paid", "T000001", 9900)]

    def test_a_close_that_nobody_answered_closes_nothing_here(self, story: Any) -> None:
        story.ask()
        story.fake.fail(Failure(api="close", errcode="SYSTEM_ERROR", times=9))
        assert story.close().state == "unknown"
        assert story.trade().state == "open"
        assert story.told() == []

    def test_a_close_is_not_believed_of_who_forgot_a_charge_that_can_be_paid(self, story: Any) -> None:
        story.ask()
        story.fake.orders.clear()
        assert story.close().state == "unknown"
        assert story.told() == []

    def test_with_another_merchants_keys_nothing_is_concluded(self, story: Any, brand: Context) -> None:
        story.ask()
        WechatPayTrade.scoped(brand).update(mchid="1900000999").execute()
        state = story.close()
        assert state.state == "unknown"
        assert "1900000999" in state.detail
        assert story.trade().state == "open"

    def test_the_merchant_stays_while_its_money_is_on_its_way(self, story: Any, brand: Context) -> None:
        other = {**_plain(story), "mchid": "1900000999"}
        story.ask()
        with pytest.raises(Conflict) as caught:
            tenants.save_settings(brand, "wechat_pay", other)
        assert caught.value.code == "money_under_way"
        assert _plain(story)["mchid"] == MCHID
        tenants.save_settings(brand, "wechat_pay", {**_plain(story), "keep_days": 200})
        story.paid("T000002")
        story.refund(charge="T000002")
        story.close()
        with pytest.raises(Conflict):
            tenants.save_settings(brand, "wechat_pay", other)
        story.fake.give_back("R000001")
        story.drain()
        tenants.save_settings(brand, "wechat_pay", other)
        assert _plain(story)["mchid"] == "1900000999"


class TestRefunds:
    def test_a_refund_works_and_then_is_told(self, story: Any) -> None:
        story.paid()
        assert story.refund(amount=4000).state == "refunding"
        assert story.told()[1:] == []
        assert story.fake.give_back("R000001") == [204]
        story.drain()
        assert story.told()[1:] == [("refunded", "R000001", 4000)]
        assert story.query_refund().state == "refunded"
        assert story.refund_row().provider_id == story.fake.given["R000001"].id

    def test_a_refund_that_goes_through_at_once_is_settled_by_the_reply(self, story: Any) -> None:
        story.paid()
        story.fake.refunds = "SUCCESS"
        assert story.refund().state == "refunded"
        assert story.told()[1:] == [("refunded", "R000001", 9900)]

    def test_a_retry_carries_the_same_number_and_pays_once(self, story: Any) -> None:
        story.paid()
        story.refund(amount=4000)
        story.refund(amount=4000)
        assert [g.asked.amount.refund for g in story.fake.given.values()] == [4000]
        with pytest.raises(KeyReused):
            story.refund(amount=4001)

    def test_no_more_is_given_back_than_was_paid(self, story: Any) -> None:
        story.paid()
        story.refund("R000001", amount=6000)
        with pytest.raises(Conflict) as caught:
            story.refund("R000002", amount=4000)
        assert caught.value.code == "wechat_pay_over_refund"
        assert story.refund("R000003", amount=3900).state == "refunding"

    def test_what_is_not_paid_is_not_given_back(self, story: Any) -> None:
        story.ask()
        with pytest.raises(Conflict):
            story.refund()

    def test_after_a_year_wechat_pay_gives_nothing_back(self, story: Any, clock: ManualClock) -> None:
        story.paid()
        clock.advance(days=366)
        with pytest.raises(Conflict) as caught:
            story.refund()
        assert caught.value.code == "wechat_pay_too_old"

    @pytest.mark.parametrize("amount", [0, -5])
    def test_nothing_is_no_refund(self, story: Any, amount: int) -> None:
        story.paid()
        with pytest.raises(Invalid):
            story.refund(amount=amount)

    def test_an_empty_purse_fails_it_and_the_same_number_works_later(self, story: Any) -> None:
        story.paid()
        story.fake.fail(Failure(api="refund", errcode="NOT_ENOUGH"))
        state = story.refund()
        assert state.state == "failed"
        assert "NOT_ENOUGH" in state.detail
        assert story.told()[1:] == [("refund_failed", "R000001", 9900)]
        assert story.refund().state == "refunding"
        story.fake.give_back("R000001")
        story.drain()
        assert story.told()[2:] == [("refunded", "R000001", 9900)]
        assert len(story.fake.given) == 1

    def test_each_failure_of_a_refund_is_told(self, story: Any) -> None:
        story.paid()
        story.fake.fail(Failure(api="refund", errcode="NOTENOUGH", times=2))
        story.refund()
        story.refund()
        assert story.told()[1:] == [("refund_failed", "R000001", 9900)] * 2

    def test_asking_about_a_failed_refund_does_not_make_it(self, story: Any) -> None:
        story.paid()
        story.fake.fail(Failure(api="refund", errcode="NOT_ENOUGH"))
        story.refund()
        assert story.query_refund().state == "failed"
        assert story.fake.given == {}

    def test_a_refund_that_is_paid_another_way_is_never_sent_again(self, story: Any, clock: ManualClock) -> None:
        story.paid()
        story.fake.fail(Failure(api="refund", errcode="SIGN_ERROR"))
        assert story.refund().state == "unknown"
        with pytest.raises(Conflict):  # the call might still be on its way
            story.withdraw()
        clock.advance(minutes=4)
        story.withdraw()
        assert story.refund_row().state == "withdrawn"
        clock.advance(days=1)
        story.drain()
        assert story.query_refund().state == "failed"
        with pytest.raises(Conflict):
            story.refund()
        assert story.fake.given == {}
        story.refund("R000002")
        assert [*story.fake.given] == ["R000002"], "what was withdrawn is there to be given back"

    def test_what_was_withdrawn_stays_so_when_the_bank_sends_it_back(self, story: Any, clock: ManualClock) -> None:
        story.paid()
        story.fake.fail(Failure(api="refund", status=502, times=9, after=True))
        assert story.refund().state == "unknown"
        clock.advance(minutes=4)
        story.withdraw()
        story.fake.give_back(GiveBack(number="R000001", status="CLOSED"))
        story.drain()
        assert story.refund_row().state == "withdrawn"
        assert story.told()[1:] == []
        with pytest.raises(Conflict):
            story.ctx.run(lambda: desk.ask_refund(story.ctx, story.refund_row().id))

    def test_what_was_paid_to_another_merchant_is_refused_at_once(self, story: Any, brand: Context) -> None:
        story.paid()
        tenants.save_settings(brand, "wechat_pay", {**_plain(story), "mchid": "1900000999"})
        object.__setattr__(brand, "tenant", tenants.by_id(brand.tenant.id))
        with pytest.raises(Conflict) as caught:
            story.refund()
        assert caught.value.code == "wechat_pay_other_merchant"
        tenants.save_settings(brand, "wechat_pay", {**_plain(story), "keep_days": 200})

    def test_a_refund_that_is_on_its_way_is_not_withdrawn(self, story: Any) -> None:
        story.paid()
        story.refund()
        with pytest.raises(Conflict) as caught:
            story.withdraw()
        assert caught.value.code == "wechat_pay_refund_moving"
        story.withdraw("R000009")  # never heard of: there is nothing to stop

    @pytest.mark.parametrize("status", ["ABNORMAL", "CLOSED"])
    def test_a_refund_that_the_bank_sends_back_is_told_as_failed(self, story: Any, status: Any) -> None:
        story.paid()
        story.refund()
        story.fake.give_back(GiveBack(number="R000001", status=status))
        story.drain()
        assert story.told()[1:] == [("refund_failed", "R000001", 9900)]
        assert story.refund_row().status == status

    def test_a_wrong_key_of_ours_leaves_the_refund_to_be_made(self, story: Any) -> None:
        story.paid()
        story.fake.fail(Failure(api="refund", errcode="SIGN_ERROR"))
        assert story.refund().state == "unknown"
        assert story.told()[1:] == []
        assert story.refund_row().state == "asked"


def _plain(story: Any) -> dict[str, Any]:
    """Return the settings in force, without the secrets: those stay."""
    return tenants.settings_values(story.ctx, "wechat_pay")
