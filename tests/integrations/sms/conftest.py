"""A brand that sends by both companies, each a fake over real HTTP."""

from collections.abc import Callable, Iterator
from typing import Any  # JSON as it came

import pytest

from core import tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.events.models import Event
from core.registry.registry import PluginsFile
from hosts.testkit.plugin import Api
from integrations.fake_server import Running
from integrations.sms import messages, routing
from integrations.sms.fake import APP_ID, KEY_ID, KEY_SECRET, AliyunFake, SmsFake, TencentFake
from integrations.sms.models import SmsDay, SmsMessage

PHONE = "13800001111"
CALLBACK_KEY = "k" * 24
TEMPLATES = {
    "login": {"tencent": "449739", "aliyun": "SMS_1001", "params": ["code"]},
    "order_shipped": {"tencent": "449740", "aliyun": "SMS_1002", "params": ["goods", "number"]},
    "offer": {"tencent": "449741", "aliyun": "SMS_1003", "params": ["what"]},
}


@pytest.fixture(scope="session")
def plugins_file() -> PluginsFile:
    """Load text messages alone."""
    return PluginsFile(load=("sms",))


@pytest.fixture(autouse=True)
def _closed_circuits() -> Iterator[None]:
    """Forget which providers were left in peace: a port may come back in the next test."""
    routing._breakers.clear()
    yield
    routing._breakers.clear()


@pytest.fixture
def tencent(clock: ManualClock) -> Iterator[Running[TencentFake]]:
    with Running(TencentFake(clock=clock.now)) as running:
        yield running


@pytest.fixture
def aliyun(clock: ManualClock) -> Iterator[Running[AliyunFake]]:
    with Running(AliyunFake(clock=clock.now)) as running:
        yield running


def settings_of(tencent_url: str, aliyun_url: str, **more: Any) -> dict[str, Any]:
    return {
        "tencent_key_id": KEY_ID, "tencent_key_secret": KEY_SECRET, "tencent_app_id": APP_ID,
        "tencent_sign": "归巢", "tencent_url": tencent_url, "tencent_price_fen": 5,
        "aliyun_key_id": KEY_ID, "aliyun_key_secret": KEY_SECRET, "aliyun_sign": "归巢健身",
        "aliyun_url": aliyun_url, "aliyun_price_fen": 4,
        "templates": TEMPLATES, "callback_key": CALLBACK_KEY, **more,
    }  # fmt: skip


@pytest.fixture
def configure(
    tenant: Context,
    enable_plugin: Callable[..., None],
    tencent: Running[TencentFake],
    aliyun: Running[AliyunFake],
) -> Callable[..., None]:
    """Return a function that sets the brand up, with some settings of one's own."""

    def save(**more: Any) -> None:
        enable_plugin("sms", **settings_of(tencent.url, aliyun.url, **more))

    return save


@pytest.fixture
def brand(tenant: Context, configure: Callable[..., None]) -> Context:
    configure()
    return tenant


@pytest.fixture
def listening(listening: str, tenant: Context, tencent: Running[TencentFake], aliyun: Running[AliyunFake]) -> str:
    """Have both providers push to us; give the callback's URL."""
    url = f"{listening}/callbacks/sms/{tenant.tenant.slug}?key={CALLBACK_KEY}"
    tencent.fake.callback_url = aliyun.fake.callback_url = url
    return url


class Story:
    """What a test does and asks again and again."""

    def __init__(self, ctx: Context, api: Api, drain: Callable[[], int]) -> None:
        self.ctx, self.api, self.drain = ctx, api, drain

    def ask(self, phone: str = PHONE, status: int = 202, **more: Any) -> Any:
        """Ask for a code to log in with."""
        reply = self.api.post("/v1/sms/codes", json={"phone": phone}, **more)
        assert reply.status_code == status, reply.text
        return reply.json

    def code(self, fake: SmsFake, phone: str = PHONE) -> str:
        """Ask for a code and read it on the phone."""
        self.ask(phone)
        self.drain()
        return fake.last(phone).code

    def log_in(self, code: str, phone: str = PHONE, status: int = 200, **more: Any) -> Any:
        """Log in with a code."""
        reply = self.api.post("/v1/sms/login", json={"phone": phone, "code": code, **more})
        assert reply.status_code == status, reply.text
        return reply.json

    def messages(self) -> list[SmsMessage]:
        """Return the messages, oldest first."""
        return list(SmsMessage.scoped(self.ctx).select().order_by(SmsMessage.created_at, SmsMessage.id))

    def states(self) -> list[str]:
        """Return the messages' states, oldest first."""
        return [row.state for row in self.messages()]

    def spent(self) -> tuple[int, int]:
        """Return how many messages count for today, and their fen."""
        row = SmsDay.scoped(self.ctx).first(SmsDay.day == self.ctx.today())
        return (row.messages, row.cost_fen) if row is not None else (0, 0)

    def opted_out(self, phone: str = PHONE) -> bool:
        """Tell whether a phone wants no marketing."""
        return messages.opted_out(self.ctx.for_plugin("sms"), f"+86{phone}")

    def facts(self, name: str) -> list[Event]:
        """Return the facts of a name."""
        return list(Event.scoped(self.ctx).select().where(Event.name == name).order_by(Event.recorded_at))

    def settings(self, **values: Any) -> None:
        """Change some settings."""
        held = tenants.settings_values(self.ctx, "sms")
        tenants.save_settings(self.ctx, "sms", {**held, **values})
        object.__setattr__(self.ctx, "tenant", tenants.by_id(self.ctx.tenant.id))


@pytest.fixture
def story(brand: Context, api: Api, drain: Callable[[], int]) -> Story:
    return Story(brand, api, drain)
