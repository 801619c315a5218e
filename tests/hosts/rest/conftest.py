"""A runtime with one plugin, the probe, which takes every kind of parameter."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core import boot, db, tenants
from core.clock import ManualClock
from core.config import Settings
from core.privacy import Keyring
from core.registry.registry import Registry
from core.runtime import Runtime
from hosts.schema import all_components

SAMPLE = Path(__file__).parent / "sample"


@pytest.fixture(scope="session")
def probe_registry() -> Registry:
    """Load the probe alone."""
    sys.path.insert(0, str(SAMPLE))
    registry = Registry()
    registry.add({"probe": ("probe", SAMPLE / "probe")}, strict=True)
    return registry


@pytest.fixture
def runtime(settings: Settings, probe_registry: Registry, clock: ManualClock) -> Iterator[Runtime]:
    """Return a running Roost with the probe."""
    db.open_database(settings.database_url)
    tenants.forget_cached()
    yield boot.assemble(settings, clock, probe_registry, Keyring.from_settings(settings))
    db.close_database()


@pytest.fixture
def counts(runtime: Runtime) -> Callable[[], dict[str, int]]:
    """Return a function that counts the rows of every table, but for those that note how often somebody called."""

    def count() -> dict[str, int]:
        found = {}
        with db.transaction(db.EVERY_TENANT):
            for component in all_components(runtime):
                for model in component.models:
                    table = model._meta.table_name
                    if table not in ("rate_count", "session"):
                        row = db.fetch_one(db.EVERY_TENANT, db.Sql(f'SELECT count(*) FROM "{table}"'))
                        assert row is not None
                        found[table] = row[0]
        return found

    return count
