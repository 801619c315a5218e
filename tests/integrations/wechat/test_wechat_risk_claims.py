"""WeChat's risk rank is asked where rewards are claimed, by plugins that know nothing of WeChat."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from core import members, points, rewards
from core.contract.context import Context
from core.registry.registry import PluginsFile
from hosts.testkit.plugin import Api
from integrations.wechat.fake import Failure, Running, WechatFake
from integrations.wechat.models import WechatRisk
from plugins.gifts.models import GiftsClaim
from plugins.referrals import relations
from plugins.referrals.models import ReferralsReward
from plugins.seckill import sessions
from plugins.seckill.schemas import ItemCreate, SessionForm


@pytest.fixture(scope="session")
def plugins_file() -> PluginsFile:
    """Load everything: the reward plugins and the link are strangers to each other."""
    return PluginsFile()


@pytest.fixture
def fake(wechat: Running) -> WechatFake:
    return wechat.fake  # type: ignore[no-any-return]  # what the server holds


@pytest.fixture(autouse=True)
def from_a_phone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have calls come from an address, which WeChat wants to know."""
    monkeypatch.setattr("hosts.rest.caller.address_of", lambda req, proxies: "203.0.113.7")


@pytest.fixture
def on(brand: Context, enable_plugin: Callable[..., None], change: Callable[..., None]) -> None:
    enable_plugin("gifts", standard_rules=False)
    enable_plugin("seckill", "referrals")
    change(risk=True)


@pytest.fixture
def offered(brand: Context) -> Callable[[UUID], UUID]:
    """Return a function that lays a gift of points before a member."""

    def make(member: UUID) -> UUID:
        ctx = brand.for_plugin("gifts")
        with brand.transaction():
            claim = GiftsClaim.scoped(ctx).create(
                key=f"k{member.hex}", member=member, name="礼", kind="points", state="offered", points=20,
                moment="new_member", offered_at=ctx.now(), expires_at=ctx.now() + timedelta(days=1),
            )  # fmt: skip
        return claim.id  # type: ignore[no-any-return]  # peewee

    return make


def accept(api: Api, member: Any, claim: UUID, key: str = "k") -> Any:
    return api.post(f"/v1/gifts/claims/{claim}/accept", token=api.as_member(member), json={}, key=key)


@pytest.mark.usefixtures("on")
def test_a_gift_is_refused_to_a_risky_member_and_the_answer_is_kept(
    brand: Context, api: Api, person: Callable[[str], UUID], fake: WechatFake, offered: Callable[[UUID], UUID]
) -> None:
    mallory, alice = person("mallory"), person("alice")
    fake.ranks[fake.openid("mallory")] = 4
    claim = offered(mallory)
    for key in ("k1", "k2"):
        refused = accept(api, mallory, claim, key)
        assert (refused.status_code, refused.json["code"]) == (403, "risky")
    assert len(fake.calls("risk_rank")) == 1, "it is asked once in its days, also when it refuses"
    assert accept(api, alice, offered(alice)).json["state"] == "done"
    assert [points.balance(brand, one).available for one in (mallory, alice)] == [0, 20]


@pytest.mark.parametrize(("outage", "status"), [("pass", 200), ("refuse", 403)])
@pytest.mark.usefixtures("on")
def test_when_wechat_does_not_answer_the_setting_decides(
    change: Callable[..., None], api: Api, person: Any, fake: WechatFake, offered: Any, outage: str, status: int
) -> None:
    change(risk=True, risk_outage=outage)
    fake.fail(Failure(api="risk_rank", status=502, times=9))
    alice = person("alice")
    assert accept(api, alice, offered(alice)).status_code == status


@pytest.mark.usefixtures("on")
def test_whom_wechat_does_not_know_passes(
    change: Callable[..., None], api: Api, member: Callable[..., Any], fake: WechatFake, offered: Any
) -> None:
    change(risk=True, risk_outage="refuse")
    walk_in = member()
    assert accept(api, walk_in, offered(walk_in.id)).status_code == 200
    assert fake.calls("risk_rank") == []


@pytest.mark.usefixtures("on")
def test_nobody_is_asked_while_it_is_off(
    change: Callable[..., None], api: Api, person: Any, fake: WechatFake, offered: Any
) -> None:
    change(risk=False)
    mallory = person("mallory")
    fake.ranks[fake.openid("mallory")] = 4
    assert accept(api, mallory, offered(mallory)).status_code == 200
    assert fake.calls("risk_rank") == []


@pytest.mark.usefixtures("on")
def test_a_flash_sale_unit_is_not_taken_by_a_risky_member(
    brand: Context, api: Api, person: Callable[[str], UUID], fake: WechatFake
) -> None:
    ctx = brand.for_plugin("seckill")
    with brand.transaction():
        form = SessionForm(title="周三", starts_at=ctx.now(), ends_at=ctx.now() + timedelta(hours=2))
        session = sessions.create_session(ctx, form)
        item = sessions.add_item(ctx, ItemCreate(session=session, title="毛巾", stock=1))
        sessions.publish_session(ctx, session)
    fake.ranks[fake.openid("mallory")] = 3
    taken = [
        api.post(f"/v1/seckill/items/{item}/take", token=api.as_member(person(name)), json={}, key=name)
        for name in ("mallory", "alice")
    ]
    assert [(one.status_code, one.json.get("code")) for one in taken] == [(403, "risky"), (201, None)]


@pytest.mark.usefixtures("on")
def test_a_login_asks_and_a_referral_of_a_risky_member_is_not_paid(
    brand: Context, api: Api, person: Callable[[str], UUID], fake: WechatFake, drain: Callable[[], int]
) -> None:
    mallory = person("mallory")
    fake.ranks[fake.openid("mallory")] = 4
    logged = api.post("/v1/wechat/login", json={"code": "code-mallory"})
    assert logged.status_code == 200, logged.text
    assert WechatRisk.scoped(brand).get(WechatRisk.member == mallory).rank == 4
    with brand.transaction():
        token, _ = relations.invitation(brand.for_plugin("referrals"), mallory)
        members.register(brand, channel="wechat", phone="13800001111", invitation=token)
    drain()
    states = {row.role: row.state for row in ReferralsReward.scoped(brand).select()}
    assert states == {"registration": "capped", "invitee": "given"}
    assert points.balance(brand, mallory).available == 0
    assert rewards.why(brand, mallory)[0].reason == "账号风险过高，暂不发放"
