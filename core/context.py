"""Who acts, for which brand, why: the one value every service takes first.

A host makes a `Context` for a request, a job or a command; services and plugins only read it. It holds no request,
no session and no connection.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from uuid import UUID

from core import db
from core.clock import local_date
from core.errors import Forbidden

if TYPE_CHECKING:  # names for the type checker only: a context is made by a runtime and never imports it
    from pydantic import BaseModel

    from core.events.facts import Fact
    from core.runtime.runtime import Runtime

    S = TypeVar("S", bound=BaseModel)

T = TypeVar("T")
Origin = Literal["live", "import", "replay"]
ActorKind = Literal["member", "staff", "key", "system", "nobody"]


@dataclass(frozen=True, slots=True)
class Tenant:
    """One brand as a process sees it at one configuration version."""

    id: int
    slug: str
    name: str
    zone: str  # IANA time zone: what "today" means
    version: int  # grows with every change of plugins or settings
    plugins: frozenset[str]  # what is on


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `reason` is for the system, `venues` empty means all venues."""

    kind: ActorKind
    id: UUID | None = None
    reason: str = ""
    permissions: frozenset[str] = frozenset()
    venues: frozenset[UUID] = frozenset()

    def __str__(self) -> str:
        return f"{self.kind}:{self.id or self.reason}"


NOBODY = Actor("nobody")


@dataclass(frozen=True, slots=True)
class Context:
    """One tenant's call at work. `plugin` is the slug on whose behalf code runs (`core` for core itself)."""

    runtime: "Runtime"
    tenant: Tenant
    actor: Actor
    plugin: str = "core"
    cause: str = ""  # what is behind this: `request:ID`, `fact:ID`, `job:ID`, `command:NAME`
    request_id: str = ""
    origin: Origin = "live"
    locale: str = "zh"
    address: str = field(default="", repr=False)  # the client's, as our own proxies saw it; "" where nobody calls
    _system: bool = field(default=False, repr=False)

    @property
    def scope(self) -> int:
        """Return the tenant whose rows may be seen."""
        return db.EVERY_TENANT if self._system else self.tenant.id

    # time

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        return self.runtime.clock.now()

    def today(self) -> date:
        """Return the tenant's calendar date."""
        return local_date(self.runtime.clock.now(), self.tenant.zone)

    # who

    def acting(self, actor: Actor) -> "Context":
        """Return the same context for another actor."""
        return replace(self, actor=actor)

    def for_plugin(self, slug: str) -> "Context":
        """Return the same context for another plugin's code."""
        return self if self.plugin == slug else replace(self, plugin=slug)

    def caused_by(self, cause: str) -> "Context":
        """Return the same context with another cause."""
        return replace(self, cause=cause)

    def imported(self) -> "Context":
        """Return a context whose facts carry the origin `import`: what happened long ago sends nobody a gift."""
        return replace(self, origin="import")

    def has(self, permission: str) -> bool:
        """Tell whether the actor holds `permission`; the system holds all."""
        return self.actor.kind == "system" or permission in self.actor.permissions

    def require(self, permission: str) -> None:
        """Raise Forbidden unless the actor holds `permission`."""
        if not self.has(permission):
            raise Forbidden(f"this needs the permission {permission}", f"需要权限：{permission}", permission=permission)

    def enabled(self, slug: str) -> bool:
        """Tell whether a plugin is on for this tenant."""
        return slug in self.tenant.plugins

    def offered(self, kind: type[T], *, installed: bool = False) -> list[tuple[str, T]]:
        """Return (slug, declaration) of what plugins offer of a kind: `ctx.offered(Channel)`.

        Of those that are on for this tenant, or with `installed` of every one: money that was paid goes back also
        when its plugin has been switched off.
        """
        return [
            (plugin.slug, offer)
            for plugin in self.runtime.registry.plugins.values()
            if installed or plugin.slug in self.tenant.plugins
            for offer in plugin.offers
            if isinstance(offer, kind)
        ]

    def oblige(self, hook: str, **values: Any) -> list[tuple[str, Any]]:
        """Make every installed plugin do a duty, in the open transaction; return (slug, answer) of each."""
        return self.runtime.dispatcher.oblige(self, hook, **values)

    # work

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Open a transaction of this tenant, or join the one that is open."""
        with db.transaction(self.scope):
            yield

    def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a transaction, again when the database asks for it."""
        return db.run_in_transaction(self.scope, work)

    def publish(self, fact: "Fact") -> UUID:
        """Write a fact and its deliveries in the open transaction; return the event's id."""
        return self.runtime.publish(self, fact)

    def enqueue(
        self, kind: str, payload: "BaseModel", *, run_at: datetime | None = None, dedupe: str | None = None
    ) -> None:
        """Put a declared job in the table in the open transaction.

        `kind` is `slug.name`; a job with the same `dedupe` that is still waiting or was done is not put twice.
        """
        self.runtime.enqueue(self, kind, payload, run_at=run_at, dedupe=dedupe)

    def settings(self, model: type["S"]) -> "S":
        """Return this tenant's settings of the plugin that declared `model`; the defaults where nothing is set."""
        return self.runtime.settings_of(self.tenant, model)
