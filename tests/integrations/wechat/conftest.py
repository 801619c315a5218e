"""A brand whose mini-program is the fake's, and people who logged in there."""

from collections.abc import Callable, Iterator
from typing import Any  # what a step takes and gives
from uuid import UUID

import pytest

from core import members
from core.clock import ManualClock
from core.contract.context import Context
from core.contract.ports import Steps
from integrations.wechat.fake import APPID, SECRET, PushTarget, Running, WechatFake, serve

TOKEN, AES_KEY = "push-token", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


@pytest.fixture
def wechat(clock: ManualClock) -> Iterator[Running]:
    with serve(fake=WechatFake(clock=clock.now)) as running:
        yield running


@pytest.fixture
def brand(tenant: Context, enable_plugin: Callable[..., None], wechat: Running) -> Context:
    enable_plugin("wechat", appid=APPID, secret=SECRET, base_url=wechat.url)
    return tenant


@pytest.fixture
def change(brand: Context, enable_plugin: Callable[..., None], wechat: Running) -> Callable[..., None]:
    """Change settings of the brand's; secrets that are not named stay."""

    def to(**settings: Any) -> None:
        enable_plugin("wechat", appid=APPID, base_url=wechat.url, **settings)

    return to


@pytest.fixture
def person(brand: Context, wechat: Running, member: Callable[..., Any]) -> Callable[[str], UUID]:
    """Return a function that makes a member who is `name` at WeChat, and was just there."""

    def make(name: str) -> UUID:
        known = members.find_by_identity(brand, f"wechat:{APPID}", wechat.fake.openid(name))
        wechat.fake.visit(name)
        if known is not None:
            return known.id
        view = member(state="member")
        with brand.transaction():
            members.link_identity(brand, view.id, f"wechat:{APPID}", wechat.fake.openid(name))
        return view.id  # type: ignore[no-any-return]  # the fixture of the test kit is loose

    return make


@pytest.fixture
def run_steps(brand: Context) -> Callable[..., Any]:
    """Run the three steps as a host does."""

    def run(steps: Steps, asked: object, ctx: Context = brand) -> Any:
        prepared = ctx.run(lambda: steps.prepare(ctx, asked))
        answer = steps.call(prepared)
        return ctx.run(lambda: steps.complete(ctx, prepared, answer))

    return run


@pytest.fixture
def target() -> PushTarget:
    """Return how pushes are signed and encrypted, in safe mode."""
    return PushTarget(token=TOKEN, aes_key=AES_KEY)
