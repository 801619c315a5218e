"""A brand that is connected with a SaaS, both over real HTTP."""

from collections.abc import Callable, Iterator
from typing import Any  # JSON as it came

import pytest

from core import members, tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.events.models import Event
from integrations.qinniao.fake import APP_ID, SECRET, Item, Push, QinniaoFake, Running, serve
from integrations.qinniao.models import QinniaoEvent, QinniaoLead, QinniaoObject
from plugins import purchases, visits

PHONE = "13800001111"


@pytest.fixture
def saas(clock: ManualClock) -> Iterator[Running]:
    with serve(fake=QinniaoFake(clock=clock.now)) as running:
        yield running


@pytest.fixture
def brand(tenant: Context, enable_plugin: Callable[..., None], saas: Running) -> Context:
    """A connected brand with the stores 001 and 002 as venues."""
    enable_plugin("qinniao", base_url=saas.url, app_id=APP_ID, secret=SECRET)
    with tenant.transaction():
        tenants.add_venue(tenant, "001", "江湾店")
        tenants.add_venue(tenant, "002", "苏河店")
    return tenant


@pytest.fixture
def listening(listening: str, brand: Context, saas: Running) -> str:
    """Have the SaaS push to us over HTTP; give the callback's URL."""
    saas.fake.callback_url = f"{listening}/callbacks/qinniao/{brand.tenant.slug}"
    return saas.fake.callback_url


class Story:
    """What a test does and asks again and again."""

    def __init__(self, ctx: Context, saas: Running, drain: Callable[[], int]) -> None:
        self.ctx, self.fake, self.drain = ctx, saas.fake, drain

    def register(self, phone: str = PHONE, *, drain: bool = True, **more: Any) -> members.MemberView:
        """Make a person known as the mini-program does."""
        with self.ctx.transaction():
            view, _ = members.register(self.ctx, channel=more.pop("channel", "wechat"), phone=phone, **more)
        if drain:
            self.drain()
        return view

    def push(self, event_type: str, data: Item, **more: Any) -> list[int]:
        """Push an event; return the status of each delivery."""
        pushed = self.fake.push(Push(event_type=event_type, data=data, **more))
        deliveries: Any = pushed["deliveries"]
        return [delivery["status"] for delivery in deliveries]

    def member(self, phone: str = PHONE) -> members.MemberView:
        """Return the member as they are now."""
        found = members.find_by_phone(self.ctx, phone)
        assert found is not None
        return found

    def lead(self, member: Any) -> QinniaoLead:
        """Return the lead of a member."""
        return QinniaoLead.scoped(self.ctx).get(QinniaoLead.member == member.id)

    def event_states(self) -> dict[str, int]:
        """Return how many events are in which state."""
        states = [row.state for row in QinniaoEvent.scoped(self.ctx).select()]
        return {state: states.count(state) for state in set(states)}

    def object_state(self, kind: str, saas_id: str) -> tuple[str, str]:
        """Return an object's state and note."""
        row = QinniaoObject.scoped(self.ctx).get(QinniaoObject.kind == kind, QinniaoObject.saas_id == saas_id)
        return row.state, row.note

    def facts(self, name: str) -> list[Event]:
        """Return the facts of a name."""
        return list(Event.scoped(self.ctx).select().where(Event.name == name).order_by(Event.recorded_at))

    def bought(self) -> tuple[int, int]:
        """Return fen paid and fen refunded of all purchases."""
        total = purchases.summary(self.ctx, self.ctx.today(), 30)
        return total.fen, total.refunded_fen

    def visit(self, saas_id: str) -> Any:
        """Return the visit of a gate scan, or None."""
        return visits.find(self.ctx, "qinniao", saas_id)


@pytest.fixture
def story(brand: Context, saas: Running, drain: Callable[[], int]) -> Story:
    return Story(brand, saas, drain)
