"""A brand that is connected with a SaaS and an IVEP, both over real HTTP."""

from collections.abc import Callable, Iterator
from typing import Any  # JSON as it came

import pytest

from core import members, tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.events.models import Event
from core.registry.registry import PluginsFile
from integrations.ivep import fake as ivep_fake
from integrations.ivep.models import IvepEvent, IvepRelation
from integrations.qinniao import fake as saas_fake

PHONE = "13800001111"


@pytest.fixture(scope="session")
def plugins_file() -> PluginsFile:
    """Load the coach link and what it requires."""
    return PluginsFile(load=("ivep", "purchases", "qinniao", "visits"))


@pytest.fixture
def saas(clock: ManualClock) -> Iterator[Any]:
    with saas_fake.serve(fake=saas_fake.QinniaoFake(clock=clock.now)) as running:
        yield running


@pytest.fixture
def ivep(clock: ManualClock) -> Iterator[Any]:
    with ivep_fake.serve(fake=ivep_fake.IvepFake(clock=clock.now)) as running:
        yield running


@pytest.fixture
def brand(tenant: Context, enable_plugin: Callable[..., None], saas: Any, ivep: Any) -> Context:
    """A connected brand with the stores 001 and 002 as venues."""
    enable_plugin("qinniao", base_url=saas.url, app_id=saas_fake.APP_ID, secret=saas_fake.SECRET)
    enable_plugin("ivep", base_url=ivep.url, app_id=ivep_fake.APP_ID, secret=ivep_fake.SECRET)
    with tenant.transaction():
        tenants.add_venue(tenant, "001", "江湾店")
        tenants.add_venue(tenant, "002", "苏河店")
    return tenant


@pytest.fixture
def listening(listening: str, brand: Context, saas: Any, ivep: Any) -> str:
    """Have both push to us over HTTP; give the application's address."""
    saas.fake.callback_url = f"{listening}/callbacks/qinniao/{brand.tenant.slug}"
    ivep.fake.callback_url = f"{listening}/callbacks/ivep/{brand.tenant.slug}"
    return listening


class Story:
    """What a test does and asks again and again."""

    def __init__(self, ctx: Context, saas: Any, ivep: Any, drain: Callable[[], int]) -> None:
        self.ctx, self.saas, self.fake, self.drain = ctx, saas.fake, ivep.fake, drain

    def register(self, phone: str = PHONE, *, number: str | None = "m-1", drain: bool = True) -> members.MemberView:
        """Make a person known as the mini-program does; `number` is theirs in the SaaS."""
        if number is not None:
            self.saas.put("members", {"id": number, "phone": phone, "status": "active"})
        with self.ctx.transaction():
            view, _ = members.register(self.ctx, channel="wechat", phone=phone)
        if drain:
            self.drain()
        return view

    def push(self, event_type: str, data: dict[str, Any], **more: Any) -> list[int]:
        """Have IVEP push an event; return the status of each delivery."""
        pushed = self.fake.push(ivep_fake.Push(event_type=event_type, data=data, **more))
        return [delivery["status"] for delivery in pushed["deliveries"]]

    def relation(self, number: str) -> Any:
        """Return a relation's row."""
        return IvepRelation.scoped(self.ctx).get(IvepRelation.number == number)

    def event_states(self) -> dict[str, int]:
        """Return how many events are in which state."""
        states = [row.state for row in IvepEvent.scoped(self.ctx).select()]
        return {state: states.count(state) for state in set(states)}

    def facts(self, name: str) -> list[Event]:
        """Return the facts of a name."""
        return list(Event.scoped(self.ctx).select().where(Event.name == name).order_by(Event.recorded_at))


@pytest.fixture
def story(brand: Context, saas: Any, ivep: Any, drain: Callable[[], int]) -> Story:
    return Story(brand, saas, ivep, drain)
