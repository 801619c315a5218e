"""The channel, as a plugin uses it that knows nothing of text messages: by the port alone."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from core import members
from core.clock import ManualClock
from core.contract.context import Context
from core.contract.ports import Channel, Outgoing, Sent
from integrations.fake_server import Failure, Running
from integrations.sms.fake import AliyunFake, ReplyOrder, Rules, TencentFake
from tests.integrations.sms.conftest import PHONE, Story

Tencent = Running[TencentFake]
Aliyun = Running[AliyunFake]


class Sender:
    """Another plugin with messages to send."""

    def __init__(self, story: Story, slug: str = "notify") -> None:
        self.story, self.slug = story, slug
        ((owner, self.channel),) = self.ctx.providers(Channel)
        assert owner == "sms"
        self.number = iter(range(1000))

    @property
    def ctx(self) -> Context:
        return self.story.ctx.for_plugin(self.slug)

    def out(self, **more: Any) -> Outgoing:
        given = {
            "key": f"n{next(self.number)}", "member": None, "address": f"+86{PHONE}", "template": "order_shipped",
            "params": {"number": "SF1", "goods": "毛巾"},
        }  # fmt: skip
        return Outgoing(**{**given, **more})

    def send(self, outgoing: Outgoing) -> Sent:
        prepared = self.ctx.run(lambda: self.channel.send.prepare(self.ctx, outgoing))
        sent = self.channel.send.call(prepared)
        assert isinstance(sent, Sent)
        self.ctx.run(lambda: self.channel.send.complete(self.ctx, prepared, sent))
        return sent


@pytest.fixture
def sender(story: Story) -> Sender:
    return Sender(story)


def test_a_message_goes_out_by_the_template_of_each_provider(
    sender: Sender, story: Story, tencent: Tencent, aliyun: Aliyun
) -> None:
    assert (sender.channel.name, sender.channel.templates) == ("sms", True)
    sent = sender.send(sender.out())
    assert (sent.state, sent.code) == ("sent", "")
    taken = tencent.fake.last(PHONE)
    assert (taken.template, list(taken.params.values())) == ("449740", ["毛巾", "SF1"]), "in the template's order"
    (row,) = story.messages()
    assert (row.key, row.kind, row.state, row.id.hex) == ("notify:n0", "message", "sent", sent.receipt)
    tencent.fake.rules = Rules(balance=0)
    assert sender.send(sender.out(address="13800002222")).state == "sent"
    assert dict(aliyun.fake.last("13800002222").params) == {"goods": "毛巾", "number": "SF1"}


def test_a_template_may_be_the_first_provider_s_own_id(sender: Sender, tencent: Tencent, aliyun: Aliyun) -> None:
    assert sender.send(sender.out(template="777", params={"a": "1"})).state == "sent"
    assert tencent.fake.last(PHONE).template == "777"
    tencent.fake.rules = Rules(balance=0)
    assert sender.send(sender.out(template="777", address="13800002222")).state == "later"
    assert aliyun.fake.log == [], "it means nothing to the other"


def test_the_same_key_is_the_same_message(sender: Sender, tencent: Tencent) -> None:
    outgoing = sender.out()
    first, again = sender.send(outgoing), sender.send(outgoing)
    assert (first.state, again.state, first.receipt) == ("sent", "sent", again.receipt)
    assert len(tencent.fake.log) == 1


def test_two_plugins_may_use_the_same_key(sender: Sender, story: Story, tencent: Tencent) -> None:
    sender.send(sender.out(key="k"))
    other = Sender(story, "webhooks")
    assert other.send(other.out(key="k", address="13800002222")).state == "sent"
    assert len(tencent.fake.sent) == 2


def test_an_unknown_outcome_stays_unknown_however_often_one_asks(sender: Sender, tencent: Tencent) -> None:
    tencent.fake.fail(Failure(status=500, after=True))
    outgoing = sender.out()
    assert [sender.send(outgoing).state for _ in range(3)] == ["unknown"] * 3
    assert len(tencent.fake.log) == 1


def test_a_sender_that_died_over_the_call_is_told_unknown(sender: Sender, story: Story, tencent: Tencent) -> None:
    outgoing = sender.out()
    prepared = sender.ctx.run(lambda: sender.channel.send.prepare(sender.ctx, outgoing))
    sender.channel.send.call(prepared)  # and nothing more
    assert sender.send(outgoing).state == "unknown"
    assert len(tencent.fake.log) == 1
    assert story.states() == ["unknown"]


@pytest.mark.parametrize(
    ("code", "state", "ours"),
    [
        ("LimitExceeded.PhoneNumberOneHourLimit", "later", "too_often"),
        ("RequestLimitExceeded", "later", "busy"),
        ("FailedOperation.InsufficientBalanceInSmsPackage", "later", "balance"),
        ("FailedOperation.MarketingSendTimeConstraint", "later", "closed_hours"),
        ("InvalidParameterValue.IncorrectPhoneNumber", "refused", "invalid_address"),
        ("FailedOperation.PhoneNumberInBlacklist", "refused", "blocked"),
        ("AuthFailure.SignatureFailure", "refused", "not_configured"),
        ("FailedOperation.TemplateIncorrectOrUnapproved", "refused", "bad_template"),
    ],
)
def test_refusals_in_the_words_of_the_port(
    sender: Sender, story: Story, tencent: Tencent, code: str, state: str, ours: str
) -> None:
    story.settings(fail_over=False)
    tencent.fake.fail(Failure(errcode=code, errmsg=f"no, {PHONE}"))
    outgoing = sender.out()
    sent = sender.send(outgoing)
    assert (sent.state, sent.code, (sent.retry_after or 0) > 0) == (state, ours, state == "later")
    assert PHONE not in sent.detail
    again = sender.send(outgoing)
    assert again.state == ("sent" if state == "later" else "refused"), "later is worth another try, refused is not"
    assert len(tencent.fake.sent) == (1 if state == "later" else 0)
    assert story.spent() == ((1, 5) if state == "later" else (0, 0))


def test_what_waited_over_midnight_counts_for_the_new_day(
    sender: Sender, story: Story, tencent: Tencent, clock: ManualClock
) -> None:
    story.settings(fail_over=False)
    tencent.fake.fail(Failure(errcode="RequestLimitExceeded"))
    outgoing = sender.out()
    sender.send(outgoing)
    clock.advance(days=1)
    assert story.spent() == (0, 0)
    assert sender.send(outgoing).state == "sent"
    assert story.spent() == (1, 5)
    clock.advance(days=-1)
    assert story.spent() == (0, 0)


def test_what_is_wrong_is_told_before_anything_is_sent(sender: Sender, story: Story, tencent: Tencent) -> None:
    assert sender.send(sender.out(address="nonsense")).code == "invalid_address"
    story.settings(templates={}, provider="aliyun", aliyun_sign="")
    assert sender.send(sender.out()).code == "not_configured"
    story.settings(provider="tencent", daily_spend_fen=1)
    told = sender.send(sender.out())
    assert (told.state, told.code, told.retry_after) == ("later", "used_up", 14 * 3600 + 1)
    assert tencent.fake.log == []
    assert story.messages() == []


class TestMarketing:
    def test_it_waits_for_its_hours_in_the_tenant_s_time_zone(
        self, sender: Sender, tencent: Tencent, clock: ManualClock
    ) -> None:
        clock.advance(hours=12, minutes=30)  # 22:30
        outgoing = sender.out(template="offer", marketing=True)
        told = sender.send(outgoing)
        assert (told.state, told.code, told.retry_after) == ("later", "closed_hours", 9 * 3600 + 1800 + 1)
        assert sender.send(sender.out(address="13800002222")).state == "sent", "what is no marketing goes at any hour"
        clock.advance(seconds=told.retry_after or 0)
        assert sender.send(outgoing).state == "sent"

    @pytest.mark.parametrize("tenant_zone", ["Europe/Berlin"])
    @pytest.mark.parametrize(
        ("evening", "hours"),
        [(datetime(2027, 3, 27, 22, tzinfo=UTC), 8), (datetime(2027, 10, 30, 21, tzinfo=UTC), 10)],
        ids=["to summer time", "from summer time"],
    )
    def test_its_hours_begin_in_time_over_a_night_on_which_clocks_change(
        self, sender: Sender, tencent: Tencent, clock: ManualClock, evening: datetime, hours: int
    ) -> None:
        clock.set(evening)  # 23:00 in Berlin; opens at 8:00
        assert sender.send(sender.out(template="offer", marketing=True)).retry_after == hours * 3600 + 1

    def test_a_refusal_for_the_hour_tells_when_they_begin(self, sender: Sender, tencent: Tencent) -> None:
        tencent.fake.fail(Failure(errcode="FailedOperation.MarketingSendTimeConstraint"))
        assert sender.send(sender.out(template="offer", marketing=True)).retry_after == 22 * 3600 + 1

    @pytest.mark.parametrize("word", ["TD", "td", "ＴＤ", "回复TD。", "退订", " T "])
    def test_who_asked_for_no_more_gets_no_more_marketing_and_everything_else(
        self, sender: Sender, story: Story, tencent: Tencent, listening: str, word: str
    ) -> None:
        tencent.fake.push_reply(ReplyOrder(phone=PHONE, text=word))
        story.drain()
        told = sender.send(sender.out(template="offer", marketing=True))
        assert (told.state, told.code) == ("refused", "blocked")
        assert sender.send(sender.out()).state == "sent"

    def test_one_that_waits_is_not_sent_after_its_receiver_asked_for_no_more(
        self, sender: Sender, story: Story, tencent: Tencent, listening: str
    ) -> None:
        tencent.fake.fail(Failure(errcode="RequestLimitExceeded"))
        story.settings(fail_over=False)
        outgoing = sender.out(template="offer", marketing=True)
        assert sender.send(outgoing).state == "later"
        tencent.fake.push_reply(ReplyOrder(phone=PHONE, text="TD"))
        story.drain()
        assert sender.send(outgoing).code == "blocked"
        assert tencent.fake.sent == []

    def test_a_black_list_of_the_provider_s_is_remembered(self, sender: Sender, tencent: Tencent) -> None:
        tencent.fake.rules = Rules(blocked=[PHONE])
        assert sender.send(sender.out(template="offer", marketing=True)).code == "blocked"
        assert sender.send(sender.out(template="offer", marketing=True)).code == "blocked"
        assert len(tencent.fake.log) == 1


def test_where_a_member_is_reached(sender: Sender, member: Callable[..., members.MemberView], tenant: Context) -> None:
    han = member(phone=PHONE)
    assert sender.channel.address(sender.ctx, han.id) == f"+86{PHONE}"
    with tenant.transaction():
        nobody, _ = members.register(tenant, channel="test")
    assert sender.channel.address(sender.ctx, nobody.id) is None


def test_a_member_gets_only_so_many_a_day(
    sender: Sender, story: Story, member: Callable[..., members.MemberView], clock: ManualClock
) -> None:
    story.settings(member_day=2)
    han = member(phone=PHONE)
    said = []
    for _ in range(3):
        said.append(sender.send(sender.out(member=han.id)))
        clock.advance(minutes=1)
    assert [s.state for s in said] == ["sent", "sent", "later"]
    assert said[2].code == "too_often"
    clock.advance(seconds=said[2].retry_after or 0)
    assert sender.send(sender.out(member=han.id)).state == "sent"
