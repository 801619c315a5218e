"""Ten thousand buyers for a hundred units, over HTTP: a hundred are sold, and nobody gets two."""

from collections import Counter
from datetime import timedelta

import pytest

from benchmarks import load
from core import db, identity, inventory, members
from core.clock import SystemClock
from core.members import NewMember
from plugins.seckill import sessions
from plugins.seckill.models import SeckillClaim
from plugins.seckill.schemas import ItemCreate, SessionForm
from tests.journeys.servers import rest

BUYERS, UNITS, AT_ONCE = 10_000, 100, 96


@pytest.fixture
def clock():
    """The servers are processes of their own: they live in real time."""
    return SystemClock()


@pytest.fixture
def sale(tenant, enable_plugin):
    """Open a session with a hundred units of one item; return the item, its stock key, and the buyers' tokens."""
    enable_plugin("seckill")
    now = tenant.now()
    with tenant.transaction():
        form = SessionForm(title="rush", starts_at=now - timedelta(minutes=1), ends_at=now + timedelta(hours=1))
        session = sessions.create_session(tenant, form)
        item = sessions.add_item(tenant, ItemCreate(session=session, title="towel", stock=UNITS))
        sessions.publish_session(tenant.for_plugin("seckill"), session)
        found = members.register_many(tenant, [NewMember(provider="test", subject=str(n)) for n in range(BUYERS)])
        tokens = [identity.open_session(tenant, "member", member) for member in found.values()]
    db.database.close()
    return item, tokens


def rush(settings, item, tokens, **server):
    """Let every buyer ask once, `AT_ONCE` at a time; return what the server answered."""

    def asks():
        for number, token in enumerate(tokens):
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"rush-{number}"}
            yield load.request("POST", f"/v1/seckill/items/{item}/take", headers, b"{}")

    with rest(settings, ROOST_WORKERS="2", ROOST_THREADS="8", **server) as port:
        return load.run(("127.0.0.1", port), asks(), connections=AT_ONCE)


def verdict(tenant, result):
    """Raise AssertionError unless exactly the units were sold, none twice to a member, and nothing went wrong."""
    assert sum(result.statuses.values()) == BUYERS
    assert not [status for status in result.statuses if status >= 500], result.statuses
    claims = Counter(row.member for row in SeckillClaim.scoped(tenant).select(SeckillClaim.member))
    assert sum(claims.values()) == UNITS == result.statuses[201], (result.statuses, sum(claims.values()))
    assert set(claims.values()) == {1}


@pytest.mark.engines("postgresql")  # SQLite has one writer: there is no rush to lose
def test_exactly_the_stock_is_sold(settings, tenant, sale):
    item, tokens = sale
    result = rush(settings, item, tokens)
    verdict(tenant, result)
    counts = inventory.counts(tenant.for_plugin("seckill"), sessions.stock_key(item))
    assert (counts.available, counts.reserved) == (0, UNITS)


@pytest.mark.own_database
@pytest.mark.engines("postgresql")  # the control of the test above
def test_without_the_stock_condition_the_same_rush_oversells(settings, tenant, sale):
    item, tokens = sale
    with db.connection(), db.unbounded():
        checks = db.database.execute_sql(
            "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = 'inventory_bucket'::regclass"
        ).fetchall()
        for (name,) in checks:
            db.database.execute_sql(f'ALTER TABLE inventory_bucket DROP CONSTRAINT "{name}"')
    result = rush(settings, item, tokens, target="tests.journeys.oversell:build")
    with pytest.raises(AssertionError):
        verdict(tenant, result)
    assert result.statuses[201] > UNITS
