"""A brand with a receiver that verifies, both over real HTTP."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from core import members, tenants
from core.clock import ManualClock
from core.config import Settings
from core.contract.context import Context
from core.registry.registry import PluginsFile
from hosts.testkit.plugin import Api, test_settings
from integrations.webhooks import endpoints
from integrations.webhooks.fake import PATH, ReceiverFake, Running, serve
from integrations.webhooks.models import WebhooksAttempt, WebhooksDelivery, WebhooksEndpoint
from integrations.webhooks.schemas import NewEndpoint
from roost import unseal


@pytest.fixture(scope="session")
def plugins_file() -> PluginsFile:
    """Load webhooks, and a plugin whose facts it hears without requiring it."""
    return PluginsFile(load=("visits", "webhooks"))


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Let addresses lead to this machine's first loopback address, where the receivers are, and nowhere else inside."""
    return test_settings(database_url, tmp_path, egress_allow="127.0.0.1/32")


@pytest.fixture
def receivers(clock: ManualClock) -> Iterator[Callable[[], Running[ReceiverFake]]]:
    """Return a function that starts one more receiver."""
    started: list[Running[ReceiverFake]] = []

    def start() -> Running[ReceiverFake]:
        started.append(serve(fake=ReceiverFake(clock=clock.now)))
        return started[-1]

    yield start
    for running in started:
        running.close()


class Brand:
    """What a test does and asks again and again."""

    def __init__(self, ctx: Context, drain: Callable[[], int], clock: ManualClock) -> None:
        self.base, self.drain, self.clock = ctx, drain, clock
        self._number = 0

    @property
    def ctx(self) -> Context:
        """Return a context with the configuration as it is now."""
        return self.base.services.system(tenants.by_id(self.base.tenant.id), "test").for_plugin("webhooks")

    def do(self, act: Callable[..., Any], *arguments: Any) -> Any:
        """Act in a transaction, as a host would."""
        ctx = self.ctx
        with ctx.transaction():
            return act(ctx, *arguments)

    def subscribe(self, receiver: Running[ReceiverFake] | str, *facts: str, **more: Any) -> UUID:
        """Add an address; the receiver knows its secret."""
        url = receiver if isinstance(receiver, str) else receiver.url + PATH
        row = self.do(endpoints.create, NewEndpoint(url=url, facts=list(facts or ("member_registered",)), **more))
        if not isinstance(receiver, str):
            receiver.fake.secrets.append(self.secret(row.id))
        return row.id  # type: ignore[no-any-return]  # peewee

    def secret(self, endpoint: UUID) -> str:
        """Return the present secret."""
        return unseal(self.ctx, "secret", self.endpoint(endpoint).secret)

    def register(self, *, drain: bool = True, ctx: Context | None = None) -> members.MemberView:
        """Make a person known: the fact `member_registered`."""
        self._number += 1
        ctx = ctx or self.ctx
        with ctx.transaction():
            view, _ = members.register(ctx.for_plugin("core"), channel="wechat", phone=f"138{self._number:08d}")
        if drain:
            self.drain()
        return view

    def later(self, **time: float) -> None:
        """Let time pass and do what is due."""
        self.clock.advance(**time)
        self.drain()

    def endpoint(self, row_id: UUID) -> Any:
        """Return an address."""
        return WebhooksEndpoint.scoped(self.ctx).get(WebhooksEndpoint.id == row_id)

    def deliveries(self, endpoint: UUID | None = None) -> list[Any]:
        """Return deliveries, oldest first."""
        query = WebhooksDelivery.scoped(self.ctx).select().order_by(WebhooksDelivery.id)
        return list(query.where(WebhooksDelivery.endpoint == endpoint) if endpoint else query)

    def attempts(self) -> list[Any]:
        """Return attempts, oldest first."""
        return list(WebhooksAttempt.scoped(self.ctx).select().order_by(WebhooksAttempt.id))


@pytest.fixture
def brand(
    tenant: Context, enable_plugin: Callable[..., None], drain: Callable[[], int], clock: ManualClock, api: Api
) -> Brand:
    """Return a brand with the plugin on."""
    enable_plugin("webhooks")
    return Brand(tenant, drain, clock)
