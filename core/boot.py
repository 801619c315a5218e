"""Start a process: open the database, read the keys, load the plugins, and hand back the runtime."""

from datetime import date, timedelta

from core import audit, identity, members, points, tenants
from core.clock import Clock
from core.config import Settings
from core.contract.context import Context
from core.contract.work import Next, Schedule, Slot
from core.db import open_database
from core.events import jobs
from core.privacy import Keyring
from core.registry.registry import PluginsFile, Registry, read_plugins_file
from core.runtime import Bell, Runtime
from core.set_clock import clock_of

SWEEP_ROWS = 500


def start(
    settings: Settings,
    *,
    clock: Clock | None = None,
    bell: Bell | None = None,
    plugins: PluginsFile | None = None,
    strict: bool = False,
) -> Runtime:
    """Open what a host needs and return the runtime.

    Raises ConfigurationError for unusable settings or keys; with `strict` also for a broken plugin, which is otherwise
    left out, logged, and listed in `runtime.registry.broken`.
    """
    keyring = Keyring.from_settings(settings)
    registry = Registry.load(plugins or read_plugins_file(settings.plugins_file), strict=strict)
    open_database(
        settings.database_url, pool_size=settings.pool_size, statement_timeout_ms=settings.statement_timeout_ms
    )
    tenants.forget_cached()  # what a process remembers belongs to the database it had open
    return assemble(settings, clock or clock_of(settings, tenants.are_there), registry, keyring, bell)


def assemble(
    settings: Settings, clock: Clock, registry: Registry, keyring: Keyring, bell: Bell | None = None
) -> Runtime:
    """Put a runtime together from parts that are there already, core's own schedules included."""
    registry.core_settings = points.PointsSettings
    runtime = Runtime(settings, clock, registry, keyring, bell)
    runtime.core_schedules.extend(
        (
            Schedule("expire_points", _expire_points, every=timedelta(minutes=10)),
            Schedule("end_memberships", _end_memberships, every=timedelta(minutes=10)),
            Schedule("seal_audit", _seal_audit, every=timedelta(minutes=10)),
            Schedule("clean", _clean, daily="03:40"),
            Schedule("verify_ledger", _verify_ledger, daily="04:20"),
        )
    )
    runtime.core_jobs.update(members.CORE_JOBS)
    return runtime


def _again(slot: str, more: bool) -> Next | None:
    """Go on in another transaction when this one took all it might."""
    return Next(Slot(slot=slot)) if more else None


def _expire_points(ctx: Context, slot: str) -> Next | None:
    # Holds are not released here: whoever holds decides what their deadline means, and gives stock back with them.
    return _again(slot, points.expire(ctx, SWEEP_ROWS) >= SWEEP_ROWS)


def _end_memberships(ctx: Context, slot: str) -> Next | None:
    return _again(slot, members.lapse(ctx, SWEEP_ROWS) >= SWEEP_ROWS)


def _seal_audit(ctx: Context, slot: str) -> None:
    audit.seal(ctx)


def _verify_ledger(ctx: Context, slot: str) -> Next | None:
    return _again(slot, points.check_on(ctx, date.fromisoformat(slot)))


def _clean(ctx: Context, slot: str) -> Next | None:
    audit.prune(ctx)
    more = identity.clean(ctx), jobs.clean(ctx), points.forget_checks(ctx)
    return _again(slot, any(more))
