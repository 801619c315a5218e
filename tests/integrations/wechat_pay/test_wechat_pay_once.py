"""What comes to WeChat Pay's door by a known number is the same only with all of its content."""

from typing import Any  # a story of the conftest

from core.contract.context import Context
from core.errors import KeyReused
from hosts.testkit.plugin import Api
from integrations.wechat_pay import charges, payments, refunds
from integrations.wechat_pay.inbox import AGAIN, PUSH
from integrations.wechat_pay.models import WechatPayPush
from roost import Refund, members
from tests.integrations.wechat_pay.test_wechat_pay_callbacks import send
from tests.once import assert_same_by_all_its_content


def test_a_charge_is_the_same_only_with_all_of_its_content(story: Any, brand: Context, member: Any) -> None:
    other = member()
    with brand.transaction():
        members.link_identity(brand, other.id, f"wechat:{story.fake.appid}", "oPayer0000000000000000000002")

    def ask(**values: Any) -> object:
        story.ask("T000001", values["amount_fen"], member=values["member"], title=values["title"])
        trade = story.trade()
        return trade.id, trade.member, trade.amount, trade.title

    base = {"member": story.payer.id, "amount_fen": 9900, "title": "年卡"}
    changed = {"member": other.id, "amount_fen": 9901, "title": "月卡"}
    assert_same_by_all_its_content(charges.CHARGE, ask, base, changed)


def test_a_refund_is_the_same_only_with_all_of_its_content(story: Any) -> None:
    for number in ("T000001", "T000002"):
        story.paid(number)

    def refund(**values: Any) -> object:
        asked = Refund("R000001", values["charge"], values["amount_fen"], values["total"], values["reason"])
        story.steps(payments.METHOD.refund, asked)
        row = story.refund_row()
        return row.id, row.charge, row.amount, row.total, row.reason

    base = {"charge": "T000001", "amount_fen": 4000, "total": 9900, "reason": "不想要了"}
    changed = {"charge": "T000002", "amount_fen": 4001, "total": 9901, "reason": "质量问题"}
    assert_same_by_all_its_content(refunds.REFUND, refund, base, changed)


def test_a_callback_is_the_same_only_with_all_of_its_content(story: Any, api: Api, brand: Context) -> None:
    """Its numbers and what it tells are read from one sealed body: with another number it tells something else too."""
    for number in ("T000001", "T000002"):
        story.paid(number)
    for number, charge in (("R000001", "T000001"), ("R000002", "T000001")):
        story.refund(number, charge, amount=100)
    given = {number: story.fake._given(story.fake.given[number]) for number in ("R000001", "R000002")}

    def push(**values: Any) -> object:
        plain = {**given[values["refund"]], **values["told"], "out_trade_no": values["number"]}
        reply = send(api, story, plain, kind=values["event_type"])
        if reply.status_code == 204:
            return 204
        assert (reply.status_code, reply.json["message"]) == (409, "key_reused")
        row = WechatPayPush.scoped(brand).get(WechatPayPush.event_id == "n-1")
        assert row.note == AGAIN
        raise KeyReused("names another", "已用于另一笔", fields=[{"path": one} for one in PUSH.fields])

    base = {"event_type": "REFUND.SUCCESS", "number": "T000001", "refund": "R000001", "told": {}}
    changed = {
        "event_type": "REFUND.CLOSED", "number": "T000002", "refund": "R000002",
        "told": {"transaction_id": "42000000000000000000000000ff"},
    }  # fmt: skip
    assert_same_by_all_its_content(PUSH, push, base, changed)
