"""What a process holds once it has started: settings, clock, plugins, keys, and the bell. Made by `core.boot.start`."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

import structlog
from pydantic import BaseModel

from core import audit, db, tenants
from core.clock import Clock
from core.config import Settings
from core.contract.context import Actor, Context, Tenant
from core.contract.facts import Fact
from core.contract.work import Schedule
from core.events import jobs, outbox
from core.privacy import Keyring
from core.registry.dispatcher import Dispatcher
from core.registry.registry import Registry

log = structlog.get_logger("roost.runtime")
S = TypeVar("S", bound=BaseModel)


class Bell(Protocol):
    """Wakes a worker. A lost ring costs a sweep's delay, never the work."""

    def ring(self) -> None:
        """Say that there may be work."""
        ...


class NoBell:
    """A bell for a process that has no worker to wake; its sweep finds the work."""

    def ring(self) -> None:
        """Do nothing."""


class Runtime:
    """The parts of a running process. One per process; tests make their own."""

    def __init__(
        self, settings: Settings, clock: Clock, registry: Registry, keyring: Keyring, bell: Bell | None = None
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.registry = registry
        self.dispatcher = Dispatcher(registry)
        self.keyring = keyring
        self.bell: Bell = bell or NoBell()
        self.core_jobs: dict[str, Callable[[Context, dict[str, Any]], Any]] = {}
        self.core_schedules: list[Schedule] = []
        self.last_fired: dict[tuple[int, str], datetime] = {}
        self._settings: dict[tuple[int, type[BaseModel]], tuple[int, BaseModel]] = {}
        self._slug_of: dict[type[BaseModel], str] = {}
        self._kinds: list[str] | None = None

    # facts and jobs

    def publish_many(self, ctx: Context, facts: Sequence[Fact]) -> list[UUID]:
        """Write facts and their deliveries in few statements; ring after commit."""
        ids = outbox.publish(self.dispatcher, ctx, facts)
        self.ring_after_commit()
        return ids

    def publish_alike(
        self, ctx: Context, fact: type[Fact], values: Sequence[Mapping[str, Any]], at: Sequence[datetime | None]
    ) -> None:
        """Write thousands of facts of one kind, given by the values of their own fields; ring after commit."""
        outbox.publish_alike(self.dispatcher, ctx, fact, values, at)
        self.ring_after_commit()

    def enqueue(
        self, ctx: Context, kind: str, payload: BaseModel, *, run_at: datetime | None = None, dedupe: str | None = None
    ) -> None:
        """Put a declared job in the table; ring after commit when it is due."""
        if self.registry.job(kind) is None and kind not in self.core_jobs:
            raise LookupError(f"no job {kind!r}: declare it in contribute(); a kind is slug.name")
        jobs.enqueue(ctx, kind, payload, run_at=run_at, dedupe=dedupe)
        if run_at is None or run_at <= self.clock.now():
            self.ring_after_commit()

    @property
    def kinds(self) -> list[str]:
        """Return the kinds of job this process can run."""
        if self._kinds is None:
            self._kinds = jobs.known_kinds(self)
        return self._kinds

    def schedules(self) -> list[tuple[str, Schedule]]:
        """Return every schedule with whose it is; core's first."""
        plugins = ((p.slug, s) for p in self.registry.plugins.values() for s in p.gives.schedules)
        return [*(("core", s) for s in self.core_schedules), *plugins]

    def ring_after_commit(self) -> None:
        """Ring once when the open transaction has committed, however often this is called in it."""
        callbacks = db.database.obj._state.commit_callbacks
        if self.ring not in callbacks:
            db.after_commit(self.ring)

    def ring(self) -> None:
        """Ring now; a bell that does not answer is logged, never raised: the sweep finds the work."""
        try:
            self.bell.ring()
        except Exception as ex:
            log.warning("bell_failed", error=type(ex).__name__)

    # hooks

    def check(self, ctx: Context, hook: Callable[..., Any], values: Mapping[str, Any], only: str | None = None) -> None:
        """Ask a decision that combines `all`; see the dispatcher."""
        self.dispatcher.check(ctx, hook, values, only)

    def first(self, ctx: Context, hook: Callable[..., Any], values: Mapping[str, Any]) -> Any:
        """Ask a decision that combines `first`; see the dispatcher."""
        return self.dispatcher.first(ctx, hook, values)

    def collect(self, ctx: Context, hook: Callable[..., Any], values: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """Ask a decision that combines `collect`; see the dispatcher."""
        return self.dispatcher.collect(ctx, hook, values)

    def lifecycle(self, ctx: Context, hook: Callable[..., Any], values: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """Run a lifecycle hook of every installed plugin; see the dispatcher."""
        return self.dispatcher.lifecycle(ctx, hook, values)

    # settings and records

    def settings_of(self, tenant: Tenant, model: type[S]) -> S:
        """Return a tenant's settings of the plugin that declared `model`, from memory while its version stays."""
        held = self._settings.get((tenant.id, model))
        if held is None or held[0] != tenant.version:
            slug = self._slug_of.get(model)
            if slug is None:
                slug = next((p.slug for p in self.registry.plugins.values() if p.gives.settings is model), None)
                if slug is None and model is self.registry.core_settings:
                    slug = "core"
                if slug is None:
                    raise LookupError(f"no plugin declares {model.__name__} in its contribute()")
                self._slug_of[model] = slug
            values = tenants.settings_with_secrets(self.system(tenant, "settings"), slug)
            held = (tenant.version, model.model_validate(values))
            self._settings[(tenant.id, model)] = held
        return held[1]  # type: ignore[return-value]  # stored under its own type

    def audit(self, ctx: Context, action: str, subject: str = "", details: dict[str, Any] | None = None) -> None:
        """Write an audit row in the open transaction."""
        audit.record(ctx, action, subject, details)

    # contexts

    def system(self, tenant: Tenant, reason: str) -> Context:
        """Return a context of one tenant in which the system acts, for a stated reason."""
        return Context(self, tenant, Actor("system", reason=reason), cause=f"system:{reason}")

    def across_tenants(self, reason: str) -> Context:
        """Return a context that sees every tenant's rows: for core and hosts only. It belongs to no tenant."""
        nowhere = Tenant(db.EVERY_TENANT, "*", "*", "UTC", 0, frozenset())
        return Context(self, nowhere, Actor("system", reason=reason), cause=f"system:{reason}", _system=True)


def runtime_of(ctx: Context) -> Runtime:
    """Return the process that a context lives in: for hosts, which know which it is."""
    assert isinstance(ctx.services, Runtime)
    return ctx.services
