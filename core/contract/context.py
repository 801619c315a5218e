"""Who acts, for which brand, why: the one value every service takes first.

A host makes a `Context` for a request, a job or a command; services and plugins only read it. It holds no request,
no session and no connection. What it cannot answer by itself it asks the process for, by the protocol `Services`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Concatenate, Literal, ParamSpec, Protocol, TypeVar
from uuid import UUID

import peewee
from pydantic import BaseModel

from core import db
from core.clock import Clock, local_date
from core.config import Settings
from core.contract.facts import Fact, Origin
from core.contract.manifest import Manifest
from core.errors import Forbidden, NotFound, Unauthorized
from core.tables import TenantModel
from core.words import Text

T = TypeVar("T")
S = TypeVar("S", bound=BaseModel)
P = ParamSpec("P")
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


class Keys(Protocol):
    """The keys that personal data is sealed and found by; see `core.privacy.keyring`."""

    @property
    def rotating(self) -> bool: ...
    def seal(self, tenant_id: int, purpose: str, plaintext: str) -> bytes: ...
    def open(self, tenant_id: int, purpose: str, sealed: bytes | memoryview) -> str: ...
    def needs_rotation(self, sealed: bytes | memoryview) -> bool: ...
    def blind(self, tenant_id: int, purpose: str, value: str) -> bytes: ...
    def blinds(self, tenant_id: int, purpose: str, value: str) -> list[bytes]: ...
    def signature(self, tenant_id: int, purpose: str, message: bytes) -> bytes: ...


class Catalog(Protocol):
    """Which plugins are installed, and what they declare; see `core.registry`."""

    @property
    def broken(self) -> Mapping[str, str]: ...
    @property
    def facts(self) -> Mapping[str, type[Fact]]: ...
    def owner_of(self, fact: type[Fact]) -> str: ...
    def manifest(self, slug: str) -> Manifest: ...
    def manifests(self) -> list[Manifest]: ...
    def settings_model(self, slug: str) -> type[BaseModel]: ...
    def tables(self) -> Mapping[str, Sequence[type[TenantModel]]]: ...
    def providers(self, kind: type[T]) -> list[tuple[str, T]]: ...
    def offers(self, choices: str) -> list[tuple[str, Callable[..., Any]]]: ...


class Services(Protocol):
    """What a context asks of the process it lives in. `core.runtime.Runtime` is the one that answers."""

    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def keyring(self) -> Keys: ...
    @property
    def registry(self) -> Catalog: ...
    def publish_many(self, ctx: "Context", facts: Sequence[Fact]) -> list[UUID]: ...
    def publish_alike(
        self, ctx: "Context", fact: type[Fact], values: Sequence[Mapping[str, Any]], at: Sequence[datetime | None]
    ) -> None: ...
    def enqueue(
        self, ctx: "Context", kind: str, payload: BaseModel, *, run_at: datetime | None, dedupe: str | None
    ) -> None: ...
    def ring_after_commit(self) -> None: ...
    def settings_of(self, tenant: Tenant, model: type[S]) -> S: ...
    def audit(self, ctx: "Context", action: str, subject: str, details: dict[str, Any] | None) -> None: ...
    def check(self, ctx: "Context", hook: Callable[..., Any], values: Mapping[str, Any], only: str | None) -> None: ...
    def first(self, ctx: "Context", hook: Callable[..., Any], values: Mapping[str, Any]) -> Any: ...
    def collect(self, ctx: "Context", hook: Callable[..., Any], values: Mapping[str, Any]) -> list[tuple[str, Any]]: ...
    def lifecycle(
        self, ctx: "Context", hook: Callable[..., Any], values: Mapping[str, Any]
    ) -> list[tuple[str, Any]]: ...
    def system(self, tenant: Tenant, reason: str) -> "Context": ...
    def across_tenants(self, reason: str) -> "Context": ...


@dataclass(frozen=True, slots=True)
class Context:
    """One tenant's call at work. `plugin` is the slug on whose behalf code runs (`core` for core itself).

    `services` is for core and hosts: a plugin asks the context.
    """

    services: Services
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
        return self.services.clock.now()

    def today(self) -> date:
        """Return the tenant's calendar date."""
        return local_date(self.services.clock.now(), self.tenant.zone)

    # who

    @property
    def member(self) -> UUID:
        """Return the id of the member who acts. Raises Unauthorized for anybody else."""
        if self.actor.kind != "member" or self.actor.id is None:
            raise Unauthorized("sign in as a member", "请先登录")
        return self.actor.id

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

    def as_system(self, reason: str) -> "Context":
        """Return a context of the same tenant and plugin in which the system acts, for a stated reason."""
        return replace(self.services.system(self.tenant, reason), plugin=self.plugin)

    # what they may

    def has(self, permission: str) -> bool:
        """Tell whether the actor holds `permission`; the system holds all."""
        return self.actor.kind == "system" or permission in self.actor.permissions

    def require(self, permission: str) -> None:
        """Raise Forbidden unless the actor holds `permission`."""
        if not self.has(permission):
            raise Forbidden(f"this needs the permission {permission}", f"需要权限：{permission}", permission=permission)

    def covers(self, venue: UUID | None) -> bool:
        """Tell whether the actor may work with what belongs to a venue; an account held to venues sees only theirs."""
        return not self.actor.venues or venue in self.actor.venues

    def require_venue(self, venue: UUID | None, what: str, what_zh: str) -> None:
        """Raise NotFound, as for a row that is not there, when `venue` is beyond the actor's: "no such order"."""
        if not self.covers(venue):
            raise NotFound(f"no such {what}", f"找不到{what_zh}")

    def require_all_venues(self) -> None:
        """Raise Forbidden for an account that is held to venues: only head office does this."""
        if self.actor.venues:
            raise Forbidden("only head office may do this", "仅总部可执行此操作")

    def within(self, venue: Any) -> Any:  # Any: a peewee column, and a condition
        """Return the condition that holds a query to the actor's venues: `.where(ctx.within(Order.venue))`."""
        return venue.in_(sorted(self.actor.venues)) if self.actor.venues else peewee.SQL("TRUE")

    def enabled(self, slug: str) -> bool:
        """Tell whether a plugin is on for this tenant."""
        return slug in self.tenant.plugins

    # other plugins

    def providers(self, kind: type[T], *, installed: bool = False) -> list[tuple[str, T]]:
        """Return (slug, declaration) of what plugins provide of a kind: `ctx.providers(Channel)`.

        Of those that are on for this tenant, or with `installed` of every one: money that was paid goes back also
        when its plugin has been switched off.
        """
        found = self.services.registry.providers(kind)
        return found if installed else [(slug, one) for slug, one in found if slug in self.tenant.plugins]

    def check(self, hook: Callable[Concatenate["Context", P], Any], /, *args: P.args, **values: P.kwargs) -> None:
        """Ask a decision that combines `all`, in the open transaction; a plugin's Veto is raised as Vetoed."""
        self.services.check(self, hook, values, None)

    def first(self, hook: Callable[Concatenate["Context", P], T], /, *args: P.args, **values: P.kwargs) -> T | None:
        """Ask a decision that combines `first`; return the first answer that is not None."""
        return self.services.first(self, hook, values)  # type: ignore[no-any-return]  # what the hook returns

    def collect(
        self, hook: Callable[Concatenate["Context", P], T | None], /, *args: P.args, **values: P.kwargs
    ) -> list[tuple[str, T]]:
        """Ask a decision that combines `collect`; return (slug, answer) of each plugin that has one."""
        return self.services.collect(self, hook, values)

    def lifecycle(
        self, hook: Callable[Concatenate["Context", P], T], /, *args: P.args, **values: P.kwargs
    ) -> list[tuple[str, T]]:
        """Run a lifecycle hook of every installed plugin in the open transaction; return (slug, answer) of each."""
        return self.services.lifecycle(self, hook, values)

    def facts(self) -> Mapping[str, tuple[str, type[Fact]]]:
        """Return every fact there is by name, with the slug of the plugin that publishes it ("core" for core's)."""
        catalog = self.services.registry
        return {name: (catalog.owner_of(fact), fact) for name, fact in catalog.facts.items()}

    def plugin_name(self, slug: str) -> Text:
        """Return what people call an installed plugin. Raises NotFound."""
        return self.services.registry.manifest(slug).name

    # work

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Open a transaction of this tenant, or join the one that is open."""
        with db.transaction(self.scope):
            yield

    def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a transaction, again when the database asks for it."""
        return db.run_in_transaction(self.scope, work)

    def publish(self, *facts: Fact) -> list[UUID]:
        """Write facts and their deliveries in the open transaction, in few statements; return the events' ids."""
        return self.services.publish_many(self, facts)

    def publish_alike(
        self, fact: type[Fact], values: Sequence[Mapping[str, Any]], occurred_at: Sequence[datetime | None]
    ) -> None:
        """Write thousands of facts of one kind, given by the values of their own fields, as `publish` writes them.

        Nothing checks the values: have a test that reads them as the fact.
        """
        self.services.publish_alike(self, fact, values, occurred_at)

    def enqueue(
        self, kind: str, payload: BaseModel, *, run_at: datetime | None = None, dedupe: str | None = None
    ) -> None:
        """Put a declared job in the table in the open transaction.

        `kind` is `slug.name`; a job with the same `dedupe` that is still waiting or was done is not put twice.
        """
        self.services.enqueue(self, kind, payload, run_at=run_at, dedupe=dedupe)

    def audit(self, action: str, subject: str = "", details: dict[str, Any] | None = None) -> None:
        """Write an audit row in the open transaction: who did what to which row, and what is worth keeping of it."""
        self.services.audit(self, action, subject, details)

    def settings(self, model: type[S]) -> S:
        """Return this tenant's settings of the plugin that declared `model`; the defaults where nothing is set."""
        return self.services.settings_of(self.tenant, model)

    @property
    def deployment(self) -> Settings:
        """Return the settings of the deployment: the public address, the folder for files."""
        return self.services.settings
