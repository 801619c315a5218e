"""What the bundled plugins tell their members through notify, which they do not know: in both languages."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core import members, points, rewards, tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.members import MemberView
from core.registry.registry import PluginsFile, Registry
from hosts.testkit.plugin import Api
from plugins.feedback import service as feedback
from plugins.feedback.schemas import NewCase, Said
from plugins.gifts import catalog, claims
from plugins.gifts.models import GiftsClaim
from plugins.gifts.schemas import AcceptIn, GiftIn, Shipment
from plugins.levels import service as levels
from plugins.notify.noticing import offered
from plugins.notify.wording import placeholders

LOADED = PluginsFile(load=("notify", "levels", "gifts", "referrals", "feedback", "media", "storage"))


@pytest.fixture
def registry(registries: dict[PluginsFile, Registry]) -> Registry:
    """Load what tells something, and notify; not the tiny plugins of the other tests."""
    if LOADED not in registries:
        registries[LOADED] = Registry.load(LOADED, strict=True)
    return registries[LOADED]


@pytest.fixture
def brand(tenant: Context, enable_plugin: Callable[..., None]) -> Context:
    enable_plugin("gifts", standard_rules=False)
    enable_plugin("referrals", "feedback")
    enable_plugin("notify", channels=["inbox"])
    return tenant


@pytest.fixture
def pair(brand: Context, member: Callable[..., MemberView], drain: Callable[[], int]) -> tuple[MemberView, MemberView]:
    """Return one member who reads Chinese and one who reads English."""
    li, ann = member(name="李雷"), member(name="Ann")
    with brand.transaction():
        members.update_profile(brand, ann.id, {"locale": "en"})
    drain()
    return li, ann


@pytest.fixture
def told(api: Api, drain: Callable[[], int]) -> Callable[[MemberView], list[str]]:
    """Return a function that reads what a member was told, oldest first."""

    def read(member: MemberView) -> list[str]:
        drain()
        items: list[dict[str, Any]] = api.get("/v1/notify/messages", token=api.as_member(member)).json["items"]
        return [item["text"] for item in reversed(items)]

    return read


def grow(ctx: Context, member: MemberView, amount: int, key: str) -> None:
    with ctx.transaction():
        points.credit(ctx, member.id, "growth", amount, key=f"{member.id}:{key}", reason="purchase")


def test_a_level_within_reach_is_told_once_and_then_the_level(
    brand: Context,
    pair: tuple[MemberView, MemberView],
    told: Callable[[MemberView], list[str]],
    drain: Callable[[], int],
) -> None:
    for one in pair:
        for key, amount in (("a", 89), ("b", 1), ("c", 5), ("d", 5), ("e", 1)):
            grow(brand, one, amount, key)
            drain()
    assert [told(one) for one in pair] == [
        ["再获得 10 成长值，即可升级为银卡。", "恭喜您升级为银卡！"],
        ["10 more growth, and you reach Silver.", "You have reached the level Silver. Congratulations!"],
    ]


def test_a_level_that_ends_is_told_before_and_after(
    brand: Context,
    pair: tuple[MemberView, MemberView],
    told: Callable[[MemberView], list[str]],
    drain: Callable[[], int],
    tick: Callable[[], int],
    clock: ManualClock,
) -> None:
    acting = brand.for_plugin("levels")
    with brand.transaction():
        for one in pair:
            levels.set_by_hand(acting, one.id, "gold", brand.today() + timedelta(days=2), "guest of honour")
    for _ in range(3):
        clock.advance(days=1)
        tick()
    assert [told(one)[1:] for one in pair] == [
        ["为您设置的金卡将于 2026-11-24 到期，之后按成长值为普卡。", "为您设置的金卡已到期，您当前的等级为普卡。"],
        [
            "Your level Gold was given until 2026-11-24; after that, by your growth, it is Bronze.",
            "Your level Gold has ended; your level is now Bronze.",
        ],
    ]
    with brand.transaction():
        done = points.credit(brand, pair[1].id, "growth", 100, key="bought", reason="purchase")
    drain()
    with brand.transaction():
        points.reverse(brand, done.id, key="refund", reason="refund")
    assert told(pair[1])[-1] == "After a refund, your level Silver is taken back; it is now Bronze."


def test_a_gift_that_waits_in_a_venue_is_told_before_it_goes(
    brand: Context,
    pair: tuple[MemberView, MemberView],
    told: Callable[[MemberView], list[str]],
    tick: Callable[[], int],
    clock: ManualClock,
) -> None:
    gift = rewards.RewardSpec(kind="gift", spec={"gift": "mug"})
    with brand.transaction():
        shop = tenants.add_venue(brand, "001", "Centre")
        catalog.define(brand.for_plugin("gifts"), GiftIn(code="mug", name="Mug", kind="physical"))
        for one in pair:
            given = rewards.give(brand, one.id, [gift], key=f"g{one.id}", reason="test")
            body = AcceptIn(venue=shop.id)
            claims.accept(brand.for_plugin("gifts"), one.id, given.rewards[0].receipt["claim"], body)
    for _ in range(13):
        clock.advance(days=1)
        tick()
    assert [told(one)[-1] for one in pair] == [
        "Mug 在Centre等您领取，请于 2026-12-07 前到店。",
        "Mug waits for you at Centre until 2026-12-07.",
    ]


def test_history_brings_nobody_near_a_level(
    brand: Context, pair: tuple[MemberView, MemberView], told: Callable[[MemberView], list[str]]
) -> None:
    grow(brand.imported(), pair[0], 95, "a")
    assert told(pair[0]) == []


def test_a_gift_that_waits_and_a_gift_on_its_way(
    brand: Context, pair: tuple[MemberView, MemberView], told: Callable[[MemberView], list[str]]
) -> None:
    voucher = {"kind": "voucher", "spec": {"name": "50", "amount_fen": 5000, "valid_days": 30}}
    with brand.transaction():
        for one in pair:
            rewards.give(brand, one.id, [rewards.RewardSpec.model_validate(voucher)], key=f"g{one.id}", reason="test")
    assert [told(one) for one in pair] == [
        ["50 已为您准备好，有效期至 2026-12-22。"],
        ["50 is waiting for you until 2026-12-22."],
    ]
    with brand.transaction():
        claim = GiftsClaim.scoped(brand).get(GiftsClaim.member == pair[1].id)
        GiftsClaim.scoped(brand).update(state="accepted", kind="physical", delivery="ship").where(
            GiftsClaim.id == claim.id
        ).execute()
        claims.ship(brand.for_plugin("gifts"), claim.id, Shipment(carrier="SF", tracking="SF12345"))
    assert told(pair[1])[1:] == ["50 was sent by SF, SF12345."]


def test_a_reward_for_a_friend(
    brand: Context,
    pair: tuple[MemberView, MemberView],
    member: Callable[..., MemberView],
    told: Callable[[MemberView], list[str]],
    api: Api,
) -> None:
    for one in pair:
        token = api.get("/v1/referrals/invitation", token=api.as_member(one)).json["token"]
        member(invitation=token)
    assert "50" in told(pair[0])[0]
    assert told(pair[0])[0].startswith("您的推荐奖励已到账：")
    assert told(pair[1])[0].startswith("You have been given: 50 ")


def test_an_answer_to_feedback_and_a_survey(
    brand: Context, pair: tuple[MemberView, MemberView], told: Callable[[MemberView], list[str]]
) -> None:
    acting = brand.for_plugin("feedback")
    with brand.transaction():
        shop = tenants.add_venue(brand, "001", "Centre")
        case = feedback.open_case(acting, pair[1].id, NewCase(venue=shop.id, category="fee", text="too dear"))
        feedback.reply(acting, case.id, Said(text="we see"))
    assert told(pair[1]) == ["There is an answer to your feedback of 2026-11-22."]
    with brand.transaction():
        feedback.solve(acting, case.id, Said(text="done"))
    assert told(pair[1])[-1].startswith(("Tell us before 2026-12-06", "There is an answer"))
    assert len(told(pair[1])) == 3


def test_every_notice_has_both_languages_and_the_same_values_in_both(brand: Context) -> None:
    found = offered(brand)
    assert len(found) > 8
    for fact, (_, notice) in found.items():
        assert notice.title.zh != notice.title.en, fact
        zh, en = placeholders(notice.text.zh), placeholders(notice.text.en)
        assert zh == en, f"{fact}: {zh ^ en}"
