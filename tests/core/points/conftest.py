"""What the ledger's tests share: members that need be no more than an id, and a look at rows as they are stored."""

from collections.abc import Callable
from typing import Any

import pytest

from core import db, points, tenants
from core.contract.context import Context


@pytest.fixture
def ctx(tenant: Context) -> Context:
    """Return the context of a fresh tenant whose points live for good, unless a credit says otherwise."""
    tenants.save_settings(tenant, "core", {"months": 0})
    object.__setattr__(tenant, "tenant", tenants.by_id(tenant.tenant.id))
    return tenant


@pytest.fixture
def rows() -> Callable[..., list[tuple[Any, ...]]]:
    """Return a function that reads rows across tenants."""
    return lambda text, *values: db.fetch_all(db.EVERY_TENANT, db.Sql(text), values)


@pytest.fixture
def sound(ctx: Context) -> Callable[[], None]:
    """Return a function that proves the ledger."""

    def prove() -> None:
        assert points.verify(ctx) == []

    return prove


@pytest.fixture
def snapshot(rows: Callable[..., list[tuple[Any, ...]]]) -> Callable[[], dict[str, list[tuple[Any, ...]]]]:
    """Return a function that reads every row of the ledger, and of the facts it published."""
    tables = {
        "account": "id, balance, held, debt, version, next_expiry",
        "operation": "id, key",
        "entry": "id, amount",
        "lot": "id, remaining",
        "allocation": "entry, lot, amount",
        "hold": "id, state",
        "event": "id, name",
    }
    return lambda: {t: rows(f"SELECT {columns} FROM {t} ORDER BY 1, 2") for t, columns in tables.items()}
