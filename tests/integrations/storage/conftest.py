"""A tenant with the storage on, and a store of each kind."""

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.clock import ManualClock
from core.config import Settings
from core.contract.context import Context
from core.registry.registry import PluginsFile
from hosts.testkit.plugin import test_settings
from integrations.fake_server import Running
from integrations.storage import Store, store_of
from integrations.storage.fake import ACCESS_KEY, BUCKET, REGION, SECRET_KEY, S3Fake


@pytest.fixture(scope="session")
def plugins_file() -> PluginsFile:
    """Load the storage."""
    return PluginsFile(load=("storage",))


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Let the storage's address lead to this machine, where the fake is, and nowhere else inside."""
    return test_settings(database_url, tmp_path, egress_allow="127.0.0.1/32")


@pytest.fixture(params=[False, True], ids=["plain", "versioned"])
def s3(request: pytest.FixtureRequest) -> Iterator[Running[S3Fake]]:
    """Serve an S3 storage, one whose bucket keeps versions too."""
    with Running(S3Fake(versioned=request.param)) as running:
        yield running


def s3_settings(url: str, **more: Any) -> dict[str, Any]:
    """Return the settings for a fake."""
    return {
        "backend": "s3", "endpoint": url, "bucket": BUCKET, "region": REGION, "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY, **more,
    }  # fmt: skip


@pytest.fixture
def fakes() -> list[S3Fake]:
    """Keep the fakes of a test, whose clocks it may move."""
    return []


@pytest.fixture(params=["disk", "s3"])
def store(
    request: pytest.FixtureRequest, tenant: Context, enable_plugin: Callable[..., None], fakes: list[S3Fake]
) -> Iterator[Store]:
    """Return a store of each kind, as the plugin `album` of the tenant sees it."""
    if request.param == "disk":
        enable_plugin("storage")
        yield store_of(tenant.for_plugin("album"))
        return
    with Running(S3Fake(versioned=True)) as running:
        fakes.append(running.fake)
        enable_plugin("storage", **s3_settings(running.url))
        yield store_of(tenant.for_plugin("album"))


@pytest.fixture
def later(clock: ManualClock, fakes: list[S3Fake]) -> Callable[[int], None]:
    """Return a function that lets seconds pass, here and at the storage."""

    def pass_time(seconds: int) -> None:
        clock.advance(seconds=seconds)
        for fake in fakes:
            fake.now = lambda: datetime.now(UTC) + timedelta(seconds=seconds)

    return pass_time


def file_of(data: bytes) -> io.BytesIO:
    """Return bytes as a file."""
    return io.BytesIO(data)
