"""When the database comes back, so do we; what was not committed is refused cleanly."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from core import db, points
from core.config import Settings
from core.contract.context import Context
from hosts.testkit.plugin import Api

pytestmark = pytest.mark.engines("postgresql")  # SQLite has no server to lose
CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
)


def cut(settings: Settings) -> int:
    """End every connection to the database, as a restart does; return how many there were."""
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        return len(connection.execute(CUT).fetchall())


@pytest.fixture
def me(member: Callable[..., Any], enable_plugin: Callable[..., None]) -> Any:
    """Return a member of a tenant with the probe on."""
    enable_plugin("probe")
    return member()


def test_requests_after_a_restart_find_new_connections(api: Api, me: Any, settings: Settings, tenant: Context) -> None:
    token = api.as_member(me)
    with ThreadPoolExecutor(6) as pool:  # several connections lie in the pool
        assert {r.status_code for r in pool.map(lambda _: api.get("/v1/me", token=token), range(30))} == {200}
    db.database.close()
    assert cut(settings) >= 1
    assert api.get("/v1/me", token=token).status_code == 200
    assert cut(settings) >= 1
    reply = api.post("/v1/probe/points", token=token, key="k", json={"amount": 5})
    assert (reply.status_code, reply.json) == (200, {"what": {"balance": 5}})
    assert points.balance(tenant, me.id).available == 5


def test_a_write_that_loses_the_database_half_way_is_503_and_its_repeat_has_the_effect_once(
    api: Api, me: Any, settings: Settings, tenant: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = api.as_member(me)
    db.database.close()
    probe = api.runtime.registry.plugins["probe"].hooks.api  # type: ignore[union-attr]  # loaded
    credit = points.credit

    def credit_and_lose(*arguments: Any, **named: Any) -> Any:
        done = credit(*arguments, **named)
        cut(settings)
        return done

    with monkeypatch.context() as patch:
        patch.setattr(probe.points, "credit", credit_and_lose)
        reply = api.post("/v1/probe/points", token=token, key="k", json={"amount": 5})
    assert (reply.status_code, reply.json["code"]) == (503, "unavailable")
    assert "retry-after" in reply.headers
    db.database.close()
    assert points.balance(tenant, me.id).available == 0
    assert api.post("/v1/probe/points", token=token, key="k", json={"amount": 5}).status_code == 200
    assert points.balance(tenant, me.id).available == 5
