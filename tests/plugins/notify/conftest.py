"""A brand with two ways to reach a member besides the inbox, each a tiny plugin's: `sms` and `bird`.

The plugin `pigeon` brings the channels, `cheer` a fact and its notice; neither knows notify.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from core import boot, db, members, tenants
from core.clock import ManualClock
from core.config import Settings
from core.contract.context import Context
from core.events.models import Event
from core.members import MemberView
from core.privacy import Keyring
from core.registry.registry import Registry, find_packages
from core.runtime import Runtime
from hosts.testkit.plugin import test_settings
from plugins.notify.content import Content
from plugins.notify.models import NotifyInbox, NotifyMessage
from plugins.notify.posting import Letter, post
from roost import Outgoing
from tests.core.registry.plugin_writer import write

NEEDED = ("notify",)

PIGEON = '''
"""Two ways to reach a member, and the answers to text messages."""

from uuid import UUID

from roost import Channel, Context, Contribution, Outgoing, RoostError, Sent, Steps, Text, hookimpl, members

sent = []  # every message that was handed over
answers = {}  # channel → what it answers, or what it raises
addresses = {}  # member → address by bird
kept = []  # what complete was told


def phone(ctx: Context, member: UUID):
    return members.phone_of(ctx, member) or None


def nest(ctx: Context, member: UUID):
    return addresses.get(member)


def channel(name, address, templates):
    def prepare(ctx, outgoing):
        if "prepare" in answers.get(name, {}):
            raise answers[name]["prepare"]
        return outgoing

    def call(outgoing):
        sent.append((name, outgoing))
        answer = answers.get(name, {}).get("call", Sent("sent", receipt="r1"))
        answer = answer(outgoing) if callable(answer) else answer
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def complete(ctx, outgoing, answer):
        kept.append((name, ctx.plugin, answer.state))

    return Channel(name, Text(name, name), address, Steps(prepare, call, complete), templates=templates)


@hookimpl
def contribute():
    """Bring them."""
    return Contribution(channels=[channel("sms", phone, False), channel("bird", nest, True)])
'''
PIGEON_FACTS = '''
"""What somebody answered."""

from uuid import UUID

from roost import Context, Fact, Text, fact


class SmsReplied(Fact):
    """Somebody answered a text message."""

    label = Text("短信回复", "Text message answered")

    member: UUID | None = None
    unsubscribe: bool = False


@fact(since="1.0")
def sms_replied(ctx: Context, fact: SmsReplied) -> None:
    """Fires when an answer came."""
'''
CHEER_FACTS = '''
"""A cheer, and a sale."""

from uuid import UUID

from roost import Context, Fact, Text, fact


class Cheered(Fact):
    """Somebody was cheered for."""

    label = Text("加油", "Cheered")

    member: UUID
    words: str = ""


class OnSale(Fact):
    """Something is cheap."""

    label = Text("开售", "On sale")

    member: UUID


class Grumbled(Fact):
    """Somebody grumbled at a venue."""

    label = Text("抱怨", "Grumbled")

    venue: UUID


@fact(since="1.0")
def grumbled(ctx: Context, fact: Grumbled) -> None:
    """Fires on a grumble."""


@fact(since="1.0")
def cheered(ctx: Context, fact: Cheered) -> None:
    """Fires on a cheer."""


@fact(since="1.0")
def on_sale(ctx: Context, fact: OnSale) -> None:
    """Fires when something is cheap."""
'''
CHEER = '''
"""Tell of a cheer, and of a sale."""

from roost import Contribution, Notice, StaffTold, Text, Told, hookimpl, tenants



def tell_cheer(ctx, fact):
    level = "gold" if ctx.locale == "en" else "金卡"
    return Told(fact.member, {"words": fact.words, "level": level}) if fact.words != "nobody" else None


def tell_sale(ctx, fact):
    return Told(fact.member)


def tell_grumble(ctx, fact):
    return StaffTold(fact.venue, {"venue": tenants.venue(ctx, fact.venue).name})


@hookimpl
def contribute():
    """Bring the notices."""
    return Contribution(
        notices=[
            Notice(
                "grumbled",
                Text("抱怨", "Grumble"),
                tell_grumble,
                Text("{venue} 有人抱怨", "Somebody grumbled at {venue}"),
                permission="cheer.view",
            ),
            Notice(
                "cheered",
                Text("喝彩", "Cheers"),
                tell_cheer,
                Text("{name}，{level}：{words}", "{name}, {level}: {words}"),
                link="/pages/cheer?words={words}",
            ),
            Notice("on_sale", Text("特价", "Sale"), tell_sale, Text("今日特价", "On sale"), marketing=True),
        ]
    )
'''


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Load notify, what its tests need, and the two tiny plugins."""
    folder = tmp_path_factory.mktemp("plugins")
    packages = {slug: place for slug, place in find_packages()[0].items() if slug in NEEDED}
    packages["pigeon"] = write(folder, "pigeon", {"hooks.py": PIGEON, "hookspecs.py": PIGEON_FACTS})
    packages["cheer"] = write(folder, "cheer", {"hooks.py": CHEER, "hookspecs.py": CHEER_FACTS})
    registry = Registry()
    registry.add(packages, strict=True)
    yield registry
    sys.path.remove(str(folder))


@pytest.fixture
def registry(written: Registry) -> Registry:
    """Return the plugins of these tests."""
    return written


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Return a deployment's settings in which a mail server may run on this machine."""
    return test_settings(database_url, tmp_path, egress_allow="127.0.0.1/32")


@pytest.fixture
def runtime(settings: Settings, registry: Registry, clock: ManualClock) -> Iterator[Runtime]:
    """Return a running Roost with them."""
    db.open_database(settings.database_url)
    tenants.forget_cached()
    yield boot.assemble(settings, clock, registry, Keyring.from_settings(settings))
    db.close_database()


class Pigeon:
    """The two channels, as a test sees them."""

    def __init__(self) -> None:
        self.module: Any = sys.modules["written_pigeon.hooks"]
        for kept in (self.module.sent, self.module.kept, self.module.answers, self.module.addresses):
            kept.clear()

    @property
    def sent(self) -> list[tuple[str, Outgoing]]:
        """Return what was handed over, in order: (channel, message)."""
        return self.module.sent  # type: ignore[no-any-return]

    @property
    def kept(self) -> list[tuple[str, str, str]]:
        """Return what channels were told in the end: (channel, plugin it ran as, state)."""
        return self.module.kept  # type: ignore[no-any-return]

    def ways(self) -> list[str]:
        """Return by which channels messages went."""
        return [name for name, _ in self.sent]

    def answer(self, channel: str, call: Any = None, *, prepare: Exception | None = None) -> None:
        """Have a channel answer, or raise, from now on."""
        given = {"call": call} if call is not None else {}
        self.module.answers[channel] = {**given, **({"prepare": prepare} if prepare is not None else {})}

    def nests(self, member: UUID, address: str = "nest-1") -> None:
        """Give a member an address by bird."""
        self.module.addresses[member] = address


@pytest.fixture
def pigeon(registry: Registry) -> Pigeon:
    """Return the channels, with nothing sent yet."""
    return Pigeon()


@pytest.fixture
def brand(tenant: Context, enable_plugin: Callable[..., None], pigeon: Pigeon) -> Context:
    """Return a brand with everything on: 10:00 on a Sunday, no quiet hour."""
    enable_plugin("pigeon", "cheer", "notify")
    return tenant.for_plugin("notify")


@pytest.fixture
def fact(brand: Context) -> Callable[..., Any]:
    """Return a function that makes one of the tiny plugins' facts."""
    return lambda name, **values: brand.services.registry.facts[name](**values)


@dataclass
class Story:
    """What a test does and asks again and again."""

    ctx: Context
    drain: Callable[[], int]
    fact: Callable[..., Any]
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 10_000)))

    def publish(self, name: str, *, drain: bool = True, **values: Any) -> None:
        """Tell a fact, and let everybody hear of it."""
        with self.ctx.transaction():
            self.ctx.for_plugin("cheer").publish(self.fact(name, **values))
        if drain:
            self.drain()

    def agree(self, member: MemberView, channel: str = "") -> None:
        """Have a member agree to marketing, by one channel or all."""
        purpose = f"marketing.{channel}" if channel else "marketing"
        with self.ctx.transaction():
            members.give_consent(self.ctx, member.id, purpose, policy_version="1")

    def letter(self, member: MemberView, *, marketing: bool = True, channels: tuple[str, ...] = ("sms",)) -> UUID:
        """Post a message of some plugin's to a member, without sending it."""
        with self.ctx.transaction():
            message = post(
                self.ctx,
                Letter(
                    key=f"k{next(self.numbers)}", group="cheer", notice="on_sale", content=Content("T", "words"),
                    channels=channels, member=member.id, marketing=marketing,
                ),
            )  # fmt: skip
        assert message is not None
        return message

    def states(self) -> list[str]:
        """Return the state of every message, oldest first."""
        return [row.state for row in self.rows()]

    def rows(self) -> list[NotifyMessage]:
        """Return every message, oldest first."""
        return list(NotifyMessage.scoped(self.ctx).select().order_by(NotifyMessage.id))

    def row(self, message: UUID) -> NotifyMessage:
        """Return one message."""
        found: NotifyMessage = NotifyMessage.scoped(self.ctx).get(NotifyMessage.id == message)
        return found

    def inbox(self, member: MemberView) -> int:
        """Return how many messages lie in a member's inbox."""
        return int(NotifyInbox.scoped(self.ctx).select().where(NotifyInbox.member == member.id).count())

    def facts(self, name: str) -> list[Event]:
        """Return the facts of a name that were published."""
        return list(Event.scoped(self.ctx).select().where(Event.name == name).order_by(Event.id))


@pytest.fixture
def story(brand: Context, drain: Callable[[], int], fact: Callable[..., Any]) -> Story:
    """Return what a test does again and again."""
    return Story(brand, drain, fact)


@pytest.fixture
def use(brand: Context) -> Callable[..., None]:
    """Return a function that changes notify's settings, or another plugin's."""

    def save(**values: Any) -> None:
        held = tenants.settings_values(brand, "notify")
        tenants.save_settings(brand, "notify", {**held, **values})
        object.__setattr__(brand, "tenant", tenants.by_id(brand.tenant.id))

    return save
