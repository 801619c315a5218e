"""Receipts and replies, pushed over real HTTP by the fakes: verified, once each, early, late, or for nobody."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from core import members
from core.clock import ManualClock
from core.contract.context import Context
from hosts.testkit.plugin import Api
from integrations.fake_server import Failure, Running
from integrations.sms import messages
from integrations.sms.fake import AliyunFake, ReceiptOrder, ReplyOrder, SmsFake, TencentFake
from integrations.sms.models import SmsMessage, SmsOptOut, SmsPush, SmsReply
from tests.integrations.sms.conftest import CALLBACK_KEY, PHONE, Story

Tencent = Running[TencentFake]
Aliyun = Running[AliyunFake]


@pytest.fixture(params=["tencent", "aliyun"])
def fake(request: pytest.FixtureRequest, story: Story, listening: str, tencent: Tencent, aliyun: Aliyun) -> SmsFake:
    """Return each provider in turn, as the brand's first choice."""
    story.settings(provider=request.param)
    return tencent.fake if request.param == "tencent" else aliyun.fake


def send(story: Story, phone: str = PHONE) -> None:
    story.ask(phone)
    story.drain()


class TestReceipts:
    @pytest.mark.parametrize(("delivered", "state"), [(True, "delivered"), (False, "failed")])
    def test_a_receipt_settles_its_message_and_is_told(
        self, fake: SmsFake, story: Story, delivered: bool, state: str
    ) -> None:
        send(story)
        assert fake.push_receipt(ReceiptOrder(phone=PHONE, delivered=delivered)) == [200]
        story.drain()
        (row,) = story.messages()
        assert (row.state, row.settled_at is not None) == (state, True)
        (fact,) = story.facts("sms_delivered")
        told = json.loads(fact.body)
        assert (told["message"], told["receipt"], told["state"]) == (str(row.id), row.id.hex, state)
        assert PHONE not in fact.body

    def test_a_receipt_ten_times_counts_once(self, fake: SmsFake, story: Story) -> None:
        send(story)
        assert fake.push_receipt(ReceiptOrder(phone=PHONE, times=10)) == [200] * 10
        story.drain()
        assert len(story.facts("sms_delivered")) == 1
        assert SmsPush.scoped(story.ctx).select().count() == 1

    def test_the_same_receipt_in_another_push_counts_once(
        self, fake: SmsFake, story: Story, clock: ManualClock
    ) -> None:
        send(story)
        for _ in range(2):
            fake.push_receipt(ReceiptOrder(phone=PHONE))
            clock.advance(minutes=1)  # its time differs, and so its digest
            story.drain()
        assert len(story.facts("sms_delivered")) == 1

    def test_a_receipt_before_the_answer_was_stored_waits_for_it(
        self, fake: SmsFake, story: Story, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        story.ask()
        pushed = _then(messages.send, lambda: fake.push_receipt(ReceiptOrder(phone=PHONE)))
        monkeypatch.setattr(messages, "send", pushed)
        story.drain()
        clock.advance(minutes=1)
        story.drain()
        assert story.states() == ["delivered"]
        assert len(story.facts("sms_delivered")) == 1
        assert SmsPush.scoped(story.ctx).get().state == "done"
        assert story.spent()[0] == 1

    def test_a_receipt_clears_up_an_unknown_outcome(self, fake: SmsFake, story: Story) -> None:
        fake.fail(Failure(status=500, after=True))
        send(story)
        assert story.states() == ["unknown"]
        fake.push_receipt(ReceiptOrder(phone=PHONE))
        story.drain()
        assert story.states() == ["delivered"]

    def test_of_two_unknown_messages_to_one_phone_nobody_guesses(
        self, story: Story, listening: str, tencent: Tencent, clock: ManualClock
    ) -> None:
        tencent.fake.fail(Failure(status=500, after=True, times=2))
        send(story)
        clock.advance(minutes=2)
        send(story)
        tencent.fake.push_receipt(ReceiptOrder(phone=PHONE))
        for _ in range(10):
            story.drain()
            clock.advance(minutes=20)
        assert story.states() == ["unknown", "unknown"]
        assert SmsPush.scoped(story.ctx).get().state == "unmatched"

    def test_aliyun_s_receipt_finds_the_right_one_by_our_key(
        self, story: Story, listening: str, aliyun: Aliyun, clock: ManualClock
    ) -> None:
        story.settings(provider="aliyun")
        aliyun.fake.fail(Failure(status=500, after=True, times=2))
        send(story)
        clock.advance(minutes=2)
        send(story)
        aliyun.fake.push_receipt(ReceiptOrder(phone=PHONE))
        story.drain()
        assert story.states() == ["unknown", "delivered"]

    def test_a_receipt_for_another_phone_s_message_settles_nothing(
        self, story: Story, listening: str, tencent: Tencent, clock: ManualClock
    ) -> None:
        send(story)
        body: Any = tencent.fake.receipt(tencent.fake.last(PHONE), ReceiptOrder(phone=PHONE))
        body[0]["mobile"] = "13800009999"
        assert tencent.fake.push(body) == [200]
        story.drain()
        assert story.states() == ["sent"]

    def test_one_unknown_receipt_does_not_hold_up_the_others_of_its_push(
        self, story: Story, listening: str, tencent: Tencent, clock: ManualClock
    ) -> None:
        send(story)
        send(story, "13800002222")
        bodies: list[Any] = [
            tencent.fake.receipt(tencent.fake.last(phone), ReceiptOrder(phone=phone))
            for phone in (PHONE, "13800002222")
        ]
        stranger = {**bodies[0][0], "sid": "nobody", "mobile": "13800009999"}
        assert tencent.fake.push([stranger, *bodies[0], *bodies[1]]) == [200]
        story.drain()
        assert story.states() == ["delivered", "delivered"]
        for _ in range(10):
            clock.advance(minutes=20)
            story.drain()
        row = SmsPush.scoped(story.ctx).get()
        assert (row.state, row.body) == ("unmatched", None)

    def test_a_message_longer_than_one_costs_more_when_aliyun_says_so(
        self, story: Story, listening: str, aliyun: Aliyun
    ) -> None:
        story.settings(provider="aliyun")
        send(story)
        body: Any = aliyun.fake.receipt(aliyun.fake.last(PHONE), ReceiptOrder(phone=PHONE))
        body[0]["sms_size"] = "3"
        aliyun.fake.push(body)
        story.drain()
        assert story.spent() == (1, 12)


def _then(function: Callable[..., Any], after: Callable[[], object]) -> Callable[..., Any]:
    def both(*arguments: Any) -> Any:
        answer = function(*arguments)
        after()
        return answer

    return both


class TestReplies:
    def test_a_reply_is_kept_sealed_and_told_without_its_words(
        self, fake: SmsFake, story: Story, member: Callable[..., members.MemberView]
    ) -> None:
        han = member(phone=PHONE)
        send(story)
        assert fake.push_reply(ReplyOrder(phone=PHONE, text="谢谢，明天来")) == [200]
        story.drain()
        (fact,) = story.facts("sms_replied")
        told = json.loads(fact.body)
        (message,) = story.messages()
        assert (told["member"], told["message"], told["unsubscribe"]) == (str(han.id), str(message.id), False)
        (row,) = SmsReply.scoped(story.ctx).select()
        assert (told["reply"], row.unsubscribe) == (str(row.id), False)
        for held in (fact.body, repr(row.__data__)):
            assert PHONE not in held
            assert "明天" not in held

    def test_a_reply_ten_times_counts_once(self, fake: SmsFake, story: Story) -> None:
        assert fake.push_reply(ReplyOrder(phone=PHONE, text="TD", times=10)) == [200] * 10
        story.drain()
        assert len(story.facts("sms_replied")) == 1
        assert SmsOptOut.scoped(story.ctx).select().count() == 1

    def test_unsubscribing_is_told_and_holds(self, fake: SmsFake, story: Story) -> None:
        fake.push_reply(ReplyOrder(phone=PHONE, text="退订"))
        story.drain()
        (fact,) = story.facts("sms_replied")
        assert json.loads(fact.body)["unsubscribe"] is True
        assert story.opted_out()
        assert not story.opted_out("13800002222")

    @pytest.mark.parametrize("text", ["TD不是我发的", "不要退订", "Tomorrow", "", "   ", "。"])
    def test_other_words_unsubscribe_nobody(self, fake: SmsFake, story: Story, text: str) -> None:
        fake.push_reply(ReplyOrder(phone=PHONE, text=text))
        story.drain()
        assert not story.opted_out()

    def test_the_words_are_a_setting(self, fake: SmsFake, story: Story) -> None:
        story.settings(unsubscribe_words=["STOP"])
        fake.push_reply(ReplyOrder(phone=PHONE, text="TD"))
        fake.push_reply(ReplyOrder(phone="13800002222", text="stop!"))
        story.drain()
        assert not story.opted_out()
        assert story.opted_out("13800002222")

    def test_a_number_from_abroad_and_odd_characters_stop_nothing(
        self, story: Story, listening: str, tencent: Tencent
    ) -> None:
        tencent.fake.push_reply(ReplyOrder(phone="85291234567", text="TD"))
        raw = json.dumps({"mobile": PHONE, "nationcode": "86", "text": "a\0b\ud800", "sign": "", "time": 1})
        assert requests.post(listening, data=raw.encode(), timeout=5).status_code == 200
        story.drain()
        assert SmsReply.scoped(story.ctx).select().count() == 1
        assert {row.state for row in SmsPush.scoped(story.ctx).select()} == {"done"}


class TestTheDoor:
    URL = "/callbacks/sms/acme"
    REPLY = {"mobile": PHONE, "text": "TD", "time": 1}

    def push(self, api: Api, key: str | None, body: Any = None) -> Any:
        query = {"key": key} if key is not None else {}
        return api.client.simulate_post(self.URL, params=query, json=body or self.REPLY)

    @pytest.mark.parametrize("key", [None, "", "k" * 23, "K" * 24, "k" * 25, "é"])
    def test_without_the_key_nothing_is_taken(self, story: Story, api: Api, key: str | None) -> None:
        reply = self.push(api, key)
        assert (reply.status_code, reply.json["code"]) == (401, "wrong_key")
        assert SmsPush.scoped(story.ctx).select().count() == 0

    def test_with_it_the_answer_is_the_one_that_each_company_waits_for(self, story: Story, api: Api) -> None:
        assert self.push(api, CALLBACK_KEY).json == {"result": 0, "errmsg": "OK"}
        aliyun = [{"phone_number": PHONE, "content": "TD", "send_time": "x", "sequence_id": 1}]
        assert self.push(api, CALLBACK_KEY, aliyun).json["code"] == 0

    def test_while_no_key_is_set_every_push_is_refused(self, story: Story, api: Api) -> None:
        story.settings(callback_key="")
        for key in (None, "", CALLBACK_KEY):
            assert self.push(api, key).json["code"] == "not_configured"

    def test_a_key_that_is_too_short_cannot_be_set(self, story: Story) -> None:
        with pytest.raises(Exception, match="cannot be used"):
            story.settings(callback_key="short")

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"not JSON",
            b"\xff\xfe",
            b"[]",
            b"{}",
            b"[1]",
            b'[{"sid": "x"}]',
            b'{"mobile": 1}',
            b'[{"sid": "' + b"x" * 200 + b'", "mobile": "1", "report_status": "SUCCESS"}]',
            "[".encode("utf-16"),
            b"[" * 100_000,
        ],
    )
    def test_what_is_no_push_is_refused(self, story: Story, api: Api, body: bytes) -> None:
        reply = api.client.simulate_post(self.URL, params={"key": CALLBACK_KEY}, body=body)
        assert (reply.status_code, reply.json["code"]) == (422, "bad_push")
        assert PHONE not in reply.text

    def test_while_the_plugin_is_off_nothing_is_there(self, tenant: Context, api: Api) -> None:
        assert self.push(api, CALLBACK_KEY).status_code == 404

    def test_another_brand_s_key_is_none_here(self, story: Story, api: Api, new_tenant: Callable[..., Context]) -> None:
        from core import tenants

        other = new_tenant("other", plugins=("sms",))
        tenants.save_settings(other, "sms", {"callback_key": "o" * 24})
        assert self.push(api, "o" * 24).status_code == 401

    def test_nothing_in_clear_is_stored_of_a_push(self, story: Story, api: Api) -> None:
        self.push(api, CALLBACK_KEY)
        (row,) = SmsPush.scoped(story.ctx).select().dicts()
        assert PHONE.encode() not in bytes(row["body"])
        assert SmsMessage.scoped(story.ctx).select().count() == 0
