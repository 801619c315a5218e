"""The laboratory plugin of the worker's tests, in this process and by a clock that stands still."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core import tenants
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
    return _Engine(request.param, tmp_path_factory.mktemp(f"events-{request.param}"), server, registry)


@pytest.fixture
def lab(runtime: Runtime, settings: Settings, new_tenant: Callable[..., Context], tmp_path: Path) -> Lab:
    """Return a laboratory without any process; time moves only when the test says so."""
    tenants.forget_cached()
    runtime.core_schedules.clear()
    return Lab(new_tenant("acme", plugins=("faultlab",)), settings, tmp_path)
