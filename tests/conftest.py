"""Fixtures of Roost's own tests; what third parties share is in hosts/testkit."""

from collections.abc import Iterator

import pytest

from core import db
from core.runtime.runtime import Runtime


@pytest.fixture
def statements(runtime: Runtime) -> Iterator[list[str]]:
    """Collect the SQL that is sent, in order."""
    sent: list[str] = []

    def hook(event: object) -> None:
        sent.append(event.sql)  # type: ignore[attr-defined]  # peewee's QueryEvent

    db.database.obj.query_hooks.append(hook)
    yield sent
    db.database.obj.query_hooks.remove(hook)
