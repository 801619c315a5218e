"""How risky WeChat holds a member to be: asked only where it is switched on."""

from collections.abc import Callable
from typing import Any  # what a step gives
from uuid import UUID

import pytest

from core import rewards
from core.clock import ManualClock
from core.contract.context import Context
from integrations.wechat import RiskAsked, risk_steps
from integrations.wechat.fake import Failure, Running, WechatFake
from integrations.wechat.risk import RiskSpec, condition

IP = "203.0.113.7"


@pytest.fixture
def fake(wechat: Running) -> WechatFake:
    return wechat.fake  # type: ignore[no-any-return]  # what the server holds


@pytest.fixture
def on(change: Callable[..., None]) -> None:
    change(risk=True)


@pytest.fixture
def ask(run_steps: Callable[..., Any]) -> Callable[[UUID], int | None]:
    return lambda member: run_steps(risk_steps, RiskAsked(member, IP))


def passes(ctx: Context, member: UUID, **spec: Any) -> tuple[bool, Any]:
    return condition.evaluate(ctx, member, RiskSpec(**spec))


def test_it_is_off_until_it_is_switched_on(
    brand: Context, ask: Any, person: Callable[[str], UUID], fake: WechatFake
) -> None:
    alice = person("alice")
    fake.ranks[fake.openid("alice")] = 4
    assert ask(alice) is None
    assert passes(brand, alice, at_most=0) == (True, None)
    assert fake.calls("risk_rank") == []


@pytest.mark.usefixtures("on")
def test_a_rank_decides_and_is_asked_for_once_in_its_days(
    brand: Context, ask: Any, person: Callable[[str], UUID], fake: WechatFake, clock: ManualClock
) -> None:
    alice = person("alice")
    fake.ranks[fake.openid("alice")] = 3
    assert [ask(alice), ask(alice)] == [3, 3]
    (call,) = fake.calls("risk_rank")
    assert {"scene": 1, "client_ip": IP}.items() <= call["body"].items()  # type: ignore[union-attr,operator]  # JSON
    assert passes(brand, alice, at_most=3) == (True, 3)
    assert passes(brand, alice, at_most=2) == (False, 3)
    clock.advance(days=7, seconds=1)
    assert passes(brand, alice, at_most=2) == (True, None)
    assert passes(brand, alice, at_most=2, unknown=False) == (False, None)
    fake.ranks[fake.openid("alice")] = 0
    assert ask(alice) == 0
    assert passes(brand, alice, at_most=0, unknown=False) == (True, 0)


@pytest.mark.usefixtures("on")
@pytest.mark.parametrize("failure", [Failure(api="risk_rank", errcode=43104), Failure(api="risk_rank", status=502)])
def test_when_wechat_does_not_say_nobody_knows(
    brand: Context, ask: Any, person: Callable[[str], UUID], fake: WechatFake, failure: Failure
) -> None:
    fake.fail(failure.model_copy())
    alice = person("alice")
    assert ask(alice) is None
    assert passes(brand, alice, unknown=False) == (False, None)


@pytest.mark.usefixtures("on")
def test_rules_of_any_plugin_may_ask(brand: Context, ask: Any, person: Callable[[str], UUID], fake: WechatFake) -> None:
    spec = rewards.RuleSpec(
        name="welcome", trigger="test", conditions=[{"kind": "wechat_risk", "spec": {"at_most": 1}}],
        rewards=[{"kind": "points", "spec": {"amount": 5}}],
    )  # fmt: skip
    with brand.transaction():
        rule = rewards.save_rule(brand, spec)
    for name, rank in (("alice", 0), ("mallory", 4)):
        fake.ranks[fake.openid(name)] = rank
        ask(person(name))
    given = {}
    for name in ("alice", "mallory"):
        with brand.transaction():
            given[name] = rewards.grant(brand, rule, person(name), key=name) is not None
    assert given == {"alice": True, "mallory": False}
