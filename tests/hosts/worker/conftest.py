"""Real worker processes on a database of the test's own, and a plugin that shows whatever happens twice."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core import db, tenants
from core.clock import Clock, SystemClock
from core.config import Settings
from core.contract.context import Context
from core.registry.registry import Registry
from core.runtime import Runtime
from hosts.testkit.plugin import _Engine
from hosts.testkit.servers import PostgresServer
from tests.hosts.worker.lab import Lab, lab_registry


@pytest.fixture(scope="session")
def registry() -> Registry:
    """Load the laboratory and nothing else."""
    return lab_registry()


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest, registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> _Engine:
    """Prepare a database with the laboratory's tables; the test kit's own has those of every plugin instead."""
    server: PostgresServer | None = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    return _Engine(request.param, tmp_path_factory.mktemp(f"lab-{request.param}"), server, registry)


@pytest.fixture
def database_url(engine: _Engine) -> Iterator[str]:
    """Return the URL of a database of the test's own: its processes may still be at it when the test ends."""
    url, remove = engine.fresh(own=True)
    yield url
    db.close_database()
    remove()


@pytest.fixture
def clock() -> Clock:
    """Return the machine's clock, which the processes have too."""
    return SystemClock()


@pytest.fixture
def lab(runtime: Runtime, settings: Settings, new_tenant: Callable[..., Context], tmp_path: Path) -> Iterator[Lab]:
    """Return a laboratory with no worker yet; each lives no longer than the test."""
    tenants.forget_cached()
    made = Lab(new_tenant("acme", plugins=("faultlab",)), settings, tmp_path)
    yield made
    made.close()
