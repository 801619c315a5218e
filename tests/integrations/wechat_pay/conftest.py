"""A brand that is paid by WeChat Pay, both over real HTTP, and a till that claims what is paid."""

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core import members, tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.events.models import Job
from core.members import MemberView
from core.registry.registry import PluginsFile, Registry
from integrations.fake_server import Running
from integrations.wechat_pay import payments
from integrations.wechat_pay.fake import APPID, WechatPayFake, serve
from integrations.wechat_pay.models import WechatPayPush, WechatPayRefund, WechatPaySettlement, WechatPayTrade
from roost import Charge, PaymentState, Refund, Steps

SAMPLE = Path(__file__).parent / "sample"
LOADED = PluginsFile(load=("wechat", "wechat_pay"))


@pytest.fixture(scope="session")
def plugins_file() -> PluginsFile:
    """Load WeChat and its payments; the till comes beside."""
    return LOADED


@pytest.fixture(scope="session")
def registry() -> Registry:
    """Load the integrations and the till."""
    if str(SAMPLE) not in sys.path:
        sys.path.insert(0, str(SAMPLE))
    registry = Registry.load(LOADED, strict=True)
    registry.add({"till": ("till", SAMPLE / "till")}, strict=True)
    return registry


@pytest.fixture
def pay(clock: ManualClock) -> Iterator[Running[WechatPayFake]]:
    with serve(fake=WechatPayFake(clock=clock.now)) as running:
        yield running


@pytest.fixture
def brand(tenant: Context, enable_plugin: Callable[..., None], pay: Running[WechatPayFake], listening: str) -> Context:
    """A brand that is set up to be paid, with the till on."""
    enable_plugin("till")
    enable_plugin("wechat_pay", **pay.fake.settings(pay.url), notify_base=listening)
    tenants.save_settings(tenant, "wechat", {"appid": APPID})
    object.__setattr__(tenant, "tenant", tenants.by_id(tenant.tenant.id))
    return tenant


class Story:
    """What a test does and asks again and again."""

    def __init__(self, ctx: Context, pay: Running[WechatPayFake], drain: Callable[[], int], payer: MemberView) -> None:
        self.ctx, self.fake, self.drain, self.payer = ctx, pay.fake, drain, payer

    def steps(self, steps: Steps, asked: Any) -> Any:
        """Go through the three steps as a host does."""
        prepared = self.ctx.run(lambda: steps.prepare(self.ctx, asked))
        answer = steps.call(prepared)
        return self.ctx.run(lambda: steps.complete(self.ctx, prepared, answer))

    def charge(self, number: str = "T000001", amount: int = 9900, minutes: int = 30, **more: Any) -> Charge:
        """Return a charge of the payer's."""
        ends = self.ctx.now() + timedelta(minutes=minutes)
        return Charge(number, more.pop("member", self.payer.id), amount, more.pop("title", "年卡"), ends)

    def ask(self, number: str = "T000001", amount: int = 9900, **more: Any) -> dict[str, str]:
        """Ask for a charge; return what the mini-program gets."""
        parameters: dict[str, str] = self.steps(payments.METHOD.pay, self.charge(number, amount, **more))
        return parameters

    def paid(self, number: str = "T000001", amount: int = 9900) -> str:
        """Have a charge asked for, paid, told and settled; return its number."""
        self.ask(number, amount)
        assert self.fake.pay(number) == [204]
        self.drain()
        assert self.trade(number).state == "paid"
        return number

    def query(self, number: str = "T000001") -> PaymentState:
        return self.steps(payments.METHOD.query, number)  # type: ignore[no-any-return]

    def close(self, number: str = "T000001") -> PaymentState:
        return self.steps(payments.METHOD.close, number)  # type: ignore[no-any-return]

    def refund(
        self, number: str = "R000001", charge: str = "T000001", amount: int = 9900, total: int = 9900
    ) -> PaymentState:
        asked = Refund(number, charge, amount, total, "不想要了")
        return self.steps(payments.METHOD.refund, asked)  # type: ignore[no-any-return]

    def query_refund(self, number: str = "R000001") -> PaymentState:
        return self.steps(payments.METHOD.query_refund, number)  # type: ignore[no-any-return]

    def withdraw(self, number: str = "R000001") -> None:
        with self.ctx.transaction():
            payments.METHOD.withdraw(self.ctx, number)

    def trade(self, number: str = "T000001") -> Any:
        return WechatPayTrade.scoped(self.ctx).get(WechatPayTrade.number == number)

    def refund_row(self, number: str = "R000001") -> Any:
        return WechatPayRefund.scoped(self.ctx).get(WechatPayRefund.number == number)

    def pushes(self) -> list[tuple[str, str]]:
        """Return (event, state) of the callbacks kept."""
        rows = WechatPayPush.scoped(self.ctx).select().order_by(WechatPayPush.id)
        return [(row.event_type, row.state) for row in rows]

    def booked(self) -> list[tuple[str, str, int]]:
        """Return (kind, number, fen) of what was booked, in order."""
        rows = WechatPaySettlement.scoped(self.ctx).select().order_by(WechatPaySettlement.id)
        return [(row.kind, row.number, row.amount) for row in rows]

    def told(self) -> list[tuple[str, str, int]]:
        """Return (kind, number, fen) of what the till was told, in order and as often as it was."""
        from till.models import TillNote

        rows = TillNote.scoped(self.ctx).select().order_by(TillNote.id)
        return [(row.kind, row.refund or row.charge, row.amount) for row in rows]

    def jobs(self, kind: str) -> int:
        """Return how many jobs of a kind there are."""
        return int(Job.scoped(self.ctx).select().where(Job.kind == kind).count())


@pytest.fixture
def payer(brand: Context, member: Callable[..., MemberView]) -> MemberView:
    """A member who logged in with the mini-program."""
    view = member()
    with brand.transaction():
        members.link_identity(brand, view.id, f"wechat:{APPID}", "oPayer0000000000000000000001")
    return view


@pytest.fixture
def story(brand: Context, pay: Running[WechatPayFake], drain: Callable[[], int], payer: MemberView) -> Story:
    return Story(brand, pay, drain, payer)
