"""What is kept of members: given to them, moved with them, forgotten with them."""

import json
from collections.abc import Callable
from typing import Any  # JSON
from uuid import UUID

import pytest

from core import members
from core.contract.context import Context
from hosts.testkit.plugin import Api
from integrations.wechat import RiskAsked, codes, risk_steps, subscriptions
from integrations.wechat.codes import CodeAsked
from integrations.wechat.fake import PushTarget, Running, WechatFake
from integrations.wechat.models import (
    WechatCode,
    WechatPush,
    WechatRisk,
    WechatSubscription,
    WechatTemplate,
    WechatToken,
)
from integrations.wechat.schemas import TemplateForm
from tests.integrations.wechat.conftest import AES_KEY, TOKEN


@pytest.fixture
def fake(wechat: Running) -> WechatFake:
    return wechat.fake  # type: ignore[no-any-return]  # what the server holds


@pytest.fixture
def known(
    brand: Context, api: Api, fake: WechatFake, person: Callable[[str], UUID], run_steps: Callable[..., Any],
    change: Callable[..., None], drain: Callable[[], int],
) -> Callable[[str], UUID]:  # fmt: skip
    """Make somebody of whom everything is known."""
    change(push_token=TOKEN, push_aes_key=AES_KEY, risk=True)

    def make(name: str) -> UUID:
        member = person(name)
        with brand.transaction():
            subscriptions.accepted(brand, fake.openid(name), "T1")
        run_steps(codes.code_steps, CodeAsked(f"invite:{name}", "a", member=member))
        run_steps(risk_steps, RiskAsked(member, "203.0.113.7"))
        said = {**fake.event("", fake.openid(name)), "MsgType": "text", "Content": f"I am {name}", "MsgId": name}
        push = fake.signed(said, PushTarget(token=TOKEN, aes_key=AES_KEY))
        assert api.client.simulate_post("/callbacks/wechat/acme", params=dict(push.query), body=push.body).text
        drain()
        return member

    return make


def test_a_member_takes_away_what_is_kept_of_them(brand: Context, known: Callable[[str], UUID]) -> None:
    alice = known("alice")
    known("bob")
    told = members.export(brand, alice)["plugins"]["wechat"]
    assert [s["template"] for s in told["subscriptions"]] == ["T1"]
    assert [c["name"] for c in told["codes"]] == ["invite:alice"]
    assert [p["kind"] for p in told["pushes"]] == ["message.text"]
    assert told["risk"]["rank"] == 0
    json.dumps(told)


def test_a_member_who_leaves_is_forgotten_and_nobody_else(brand: Context, known: Callable[[str], UUID]) -> None:
    alice, bob = known("alice"), known("bob")
    with brand.transaction():
        members.erase(brand, alice, "asked for it")
    for model in (WechatSubscription, WechatCode, WechatRisk):
        assert [row.member for row in model.scoped(brand).select()] == [bob]
    pushes = {row.member: row for row in WechatPush.scoped(brand).select()}
    assert pushes[None].body is None
    assert pushes[None].openid == ""
    assert pushes[bob].body is not None


def test_a_merged_members_things_are_the_survivors(brand: Context, known: Callable[[str], UUID]) -> None:
    alice, bob = known("alice"), known("bob")
    with brand.transaction():
        members.merge(brand, alice, bob, "one person")
    for model in (WechatSubscription, WechatCode, WechatPush):
        assert [row.member for row in model.scoped(brand).select()] == [alice, alice]
    assert WechatRisk.scoped(brand).select().where(WechatRisk.member == alice).count() == 1


def test_a_brand_that_leaves_leaves_nothing(
    brand: Context, known: Callable[[str], UUID], purge: Callable[[Context, str], None]
) -> None:
    known("alice")
    with brand.transaction():
        subscriptions.add_template(brand, TemplateForm(template="T1", title="Booked"))
    purge(brand, "wechat")
    for model in (WechatSubscription, WechatCode, WechatRisk, WechatPush, WechatTemplate, WechatToken):
        assert model.scoped(brand).select().count() == 0
