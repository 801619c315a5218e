"""What staff see, and what becomes of it when a member leaves or keys are changed."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from core import members, tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.privacy import Keyring
from hosts.testkit.plugin import Api
from integrations.fake_server import Failure, Running
from integrations.sms.fake import ReceiptOrder, ReplyOrder, TencentFake
from integrations.sms.models import SmsMessage, SmsMeter, SmsOptOut, SmsPush, SmsReply
from tests.integrations.sms.conftest import PHONE, Story

Tencent = Running[TencentFake]


def test_the_log_shows_masked_phones_and_what_the_provider_said(
    story: Story, api: Api, tencent: Tencent, listening: str
) -> None:
    story.ask()
    story.drain()
    tencent.fake.push_receipt(ReceiptOrder(phone=PHONE, delivered=False, code="MOBILE_BLACK"))
    story.drain()
    reply = api.get("/admin/v1/sms/messages", token=api.as_staff("sms.view"))
    (row,) = reply.json["items"]
    assert (row["phone"], row["state"], row["provider"], row["code"]) == (
        "138****1111", "failed", "tencent", "MOBILE_BLACK",
    )  # fmt: skip
    assert (row["purpose"], row["cost_fen"], row["segments"]) == ("login", 5, 1)
    assert PHONE not in reply.text
    page = api.get("/admin/v1/sms/messages", token=api.as_staff("sms.view"), params={"state": "sent"})
    assert page.json["items"] == []


def test_the_log_is_for_who_may_see_it(story: Story, api: Api) -> None:
    assert api.get("/admin/v1/sms/messages", token=api.as_staff("sms.manage")).status_code == 403


def test_staff_of_a_venue_see_its_members_messages_only(
    story: Story, api: Api, tenant: Context, tencent: Tencent
) -> None:
    with tenant.transaction():
        here, there = tenants.add_venue(tenant, "001", "江湾店"), tenants.add_venue(tenant, "002", "苏河店")
        for number, venue in (("13800000001", here), ("13800000002", there)):
            members.register(tenant, channel="test", phone=number, venue=venue.id)
    for number in ("13800000001", "13800000002", "13800000003"):
        story.ask(number)
        story.drain()
        if number != "13800000003":
            story.log_in(tencent.fake.last(number).code, number)
    seen = api.get("/admin/v1/sms/messages", token=api.as_staff("sms.view", venues=(here.id,))).json["items"]
    assert [row["phone"] for row in seen] == ["138****0001"]
    assert len(api.get("/admin/v1/sms/messages", token=api.as_staff("sms.view")).json["items"]) == 3


def test_replies_are_read_and_marketing_is_allowed_again_for_a_reason(
    story: Story, api: Api, tencent: Tencent, listening: str
) -> None:
    tencent.fake.push_reply(ReplyOrder(phone=PHONE, text="TD"))
    story.drain()
    token = api.as_staff("sms.view", "sms.manage")
    (reply,) = api.get("/admin/v1/sms/replies", token=token).json["items"]
    assert (reply["phone"], reply["text"], reply["unsubscribe"]) == ("138****1111", "TD", True)
    (out,) = api.get("/admin/v1/sms/opt-outs", token=token).json["items"]
    assert (out["phone"], out["how"]) == ("138****1111", "reply")
    path = f"/admin/v1/sms/opt-outs/{out['id']}/lift"
    assert api.post(path, token=token, json={}).status_code == 422, "it takes a reason"
    assert api.post(path, token=token, json={"reason": "asked at the counter"}).status_code < 300
    assert not story.opted_out()


def test_what_the_days_cost(story: Story, api: Api, tencent: Tencent, clock: ManualClock) -> None:
    for number in ("13800000001", "13800000002"):
        story.ask(number)
    clock.advance(days=1)
    story.ask("13800000003")
    tencent.fake.fail(Failure(status=500))
    story.drain()
    days = api.get("/admin/v1/sms/days", token=api.as_staff("sms.view")).json["items"]
    assert [(d["day"], d["messages"], d["cost_fen"]) for d in days] == [("2026-11-23", 1, 5), ("2026-11-22", 0, 0)]
    panel = next(p for p in story.ctx.services.registry.plugin("sms").gives.panels if p.name == "spend")
    told = dict(panel.read(story.ctx))
    assert told["今日费用 / 上限（元）"] == "0.05 / 500.00"
    assert told["近 7 日结果未知"] == "1"


class TestLeaving:
    @pytest.fixture
    def han(
        self, story: Story, member: Callable[..., members.MemberView], tencent: Tencent, listening: str
    ) -> members.MemberView:
        """A member to whom a message went, and who answered."""
        view = member(phone=PHONE)
        story.log_in(story.code(tencent.fake))
        tencent.fake.push_reply(ReplyOrder(phone=PHONE, text="退订"))
        story.drain()
        return view

    def test_an_erased_member_leaves_no_phone_and_no_word(self, story: Story, han: members.MemberView) -> None:
        with story.ctx.transaction():
            members.erase(story.ctx, han.id, "asked")
        (message,), (reply,), (out,) = (
            list(model.scoped(story.ctx).select()) for model in (SmsMessage, SmsReply, SmsOptOut)
        )
        assert [message.phone, message.phone_blind, message.address, message.address_blind] == [None] * 4
        assert (message.member, reply.phone, reply.text, reply.member) == (None, None, None, None)
        assert (out.phone, out.member) == (None, None)
        assert story.opted_out(), "that they want no marketing is not forgotten"

    def test_codes_that_never_led_to_a_login_are_erased_with_the_phone_s_owner(
        self, story: Story, member: Callable[..., members.MemberView]
    ) -> None:
        view = member(phone=PHONE)
        story.ask()
        with story.ctx.transaction():
            members.erase(story.ctx, view.id, "asked")
        (row,) = story.messages()
        assert (row.phone, row.content) == (None, None)

    def test_a_merged_member_s_messages_are_the_member_s(
        self, story: Story, han: members.MemberView, member: Callable[..., members.MemberView]
    ) -> None:
        survivor = member(phone="13800002222")
        with story.ctx.transaction():
            members.merge(story.ctx, survivor.id, han.id, "the same person")
        assert {row.member for row in SmsMessage.scoped(story.ctx).select()} == {survivor.id}
        assert {row.member for row in SmsReply.scoped(story.ctx).select()} == {survivor.id}

    def test_a_member_takes_away_what_is_kept(self, story: Story, han: members.MemberView) -> None:
        with story.ctx.transaction():
            told: Any = members.export(story.ctx, han.id)["plugins"]["sms"]
        assert [m["purpose"] for m in told["messages"]] == ["login"]
        assert [r["text"] for r in told["replies"]] == ["退订"]
        assert "no_marketing_since" in told

    def test_nothing_is_left_of_a_tenant(
        self, story: Story, han: members.MemberView, purge: Callable[[Context, str], None]
    ) -> None:
        purge(story.ctx, "sms")
        for model in story.ctx.services.registry.plugin("sms").models:
            assert model.scoped(story.ctx).select().count() == 0


def test_old_messages_go_and_the_rest_stays(
    story: Story, tick: Callable[[], int], clock: ManualClock, tencent: Tencent, listening: str
) -> None:
    story.settings(keep_days=30)
    story.ask()
    tencent.fake.push_reply(ReplyOrder(phone=PHONE, text="TD"))
    tick()
    clock.advance(days=29)
    tick()
    assert len(story.messages()) == 1
    clock.advance(days=3)
    tick()
    assert story.messages() == []
    for model in (SmsReply, SmsPush, SmsMeter):
        assert model.scoped(story.ctx).select().count() == 0
    assert story.opted_out(), "a wish does not grow old"


def test_limits_and_wishes_hold_while_keys_are_changed(
    story: Story, tencent: Tencent, listening: str, clock: ManualClock, drain: Callable[[], int]
) -> None:
    story.ask()
    tencent.fake.push_reply(ReplyOrder(phone="13800002222", text="TD"))
    drain()
    runtime = story.ctx.services
    runtime.keyring = Keyring.from_settings(_rotated(runtime.settings))
    assert story.ask(status=429)["code"] == "sms_too_often"
    assert story.opted_out("13800002222")
    with story.ctx.transaction():
        members.start_rotation(story.ctx)
    drain()
    runtime.keyring = Keyring.from_settings(_rotated(runtime.settings, old=False))
    assert story.ask(status=429)["code"] == "sms_too_often"
    assert story.opted_out("13800002222")


def _rotated(settings: Any, *, old: bool = True) -> Any:
    """Return settings with new keys, and the old ones beside them."""

    def keys(letter: str, held: Any) -> Any:
        fresh = f"2:{base64.b64encode(letter.encode() * 32).decode()}"
        text = f"{fresh},{held.get_secret_value()}" if old else fresh
        return type(held)(text)

    return settings.model_copy(
        update={
            "encryption_keys": keys("E", settings.encryption_keys),
            "index_keys": keys("I", settings.index_keys),
        }
    )
