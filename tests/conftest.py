"""Fixtures of Roost's own tests; what third parties share is in hosts/testkit."""

from collections.abc import Iterator

import pytest
import structlog

from core import db
from core.runtime import Runtime


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """Write logs as plain lines: the default draws every local variable of a traceback, which takes seconds each."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["level", "event"]),
        ]
    )


@pytest.fixture
def statements(runtime: Runtime) -> Iterator[list[str]]:
    """Collect the SQL that is sent, in order."""
    sent: list[str] = []

    def hook(event: object) -> None:
        sent.append(event.sql)  # type: ignore[attr-defined]  # peewee's QueryEvent

    db.database.obj.query_hooks.append(hook)
    yield sent
    db.database.obj.query_hooks.remove(hook)
