"""The ledger is proved every night by itself, in small steps, and operators see what came of it."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from core import audit, db, points
from core.clock import ManualClock
from core.contract.context import Context
from core.events.models import Job
from core.ids import new_id
from core.points import nightly, verification
from core.points.models import LedgerCheck
from hosts.console.core_resources import CHECKS
from hosts.console.pages.home import CORE_PANELS
from hosts.testkit.plugin import Api

NIGHT = datetime(2026, 11, 22, 20, 20, tzinfo=UTC)  # 04:20 of the 23rd in Shanghai


@pytest.fixture
def many(ctx: Context) -> Context:
    """Return a context whose tenant has nine accounts."""
    with ctx.transaction():
        points.credit_many(ctx, [points.Credit(new_id(), "points", 5, f"k{n}", "r") for n in range(9)])
    return ctx


def checks(ctx: Context) -> list[tuple[str, int, int, bool]]:
    with ctx.transaction():
        rows = list(LedgerCheck.scoped(ctx).select().order_by(LedgerCheck.day))
    return [(row.day.isoformat(), row.accounts, row.faults, row.finished_at is not None) for row in rows]


def gauge(api: Api, name: str) -> float:
    lines = api.get("/metrics").text.splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))


def alter() -> None:
    with db.transaction(db.EVERY_TENANT):
        text = "CAST(id AS TEXT)"
        statement = f"UPDATE account SET balance = 6 WHERE {text} = (SELECT MIN({text}) FROM account)"
        assert db.run(db.EVERY_TENANT, db.Sql(statement)).rowcount == 1


def test_every_night_of_the_tenant_a_sound_ledger_is_proved_once(
    many: Context, clock: ManualClock, tick: Callable[[], int], api: Api
) -> None:
    clock.set(NIGHT)
    clock.advance(seconds=-1)
    tick()
    assert [row for row in checks(many) if row[0] == "2026-11-23"] == []
    for _ in range(3):
        clock.advance(minutes=1)
        tick()
    assert checks(many)[-1] == ("2026-11-23", 9, 0, True)
    assert gauge(api, "roost_ledger_faults") == 0
    clock.advance(days=1)
    tick()
    assert [row[0] for row in checks(many)][-2:] == ["2026-11-23", "2026-11-24"]
    assert gauge(api, "roost_ledger_check_age_seconds") < 60


def test_a_broken_invariant_is_reported_everywhere_operators_look(
    many: Context, clock: ManualClock, tick: Callable[[], int], api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    alter()
    clock.set(NIGHT)
    tick()
    assert checks(many)[-1] == ("2026-11-23", 9, 2, True)
    assert "ledger_fault" in capsys.readouterr().out
    assert gauge(api, "roost_ledger_faults") == 2
    panel = next(one for one in CORE_PANELS if one.name == "ledger")
    with many.transaction():
        assert [value for _, value in panel.read(many)] == ["2026-11-23", "2"]
        (row,) = list(audit.Audit.scoped(many).select().where(audit.Audit.action == "ledger.faults_found"))
        last = points.last_check(many)
    assert row.details == {"faults": 2}
    assert last is not None
    assert {one["table"] for one in last.sample} == {"account"}
    assert "is 6, and should be 5" in last.sample[0]["message"]
    assert CHECKS.permission == panel.permission == "audit.view"

    with db.transaction(db.EVERY_TENANT):
        db.run(db.EVERY_TENANT, db.Sql("UPDATE account SET balance = 5"))
    clock.advance(days=1)
    tick()
    assert gauge(api, "roost_ledger_faults") == 0, "mended: the last proof counts"


def test_a_large_ledger_is_proved_in_small_transactions_that_go_on_where_the_last_ended(
    many: Context, clock: ManualClock, tick: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "PAGE", 2)
    monkeypatch.setattr(verification, "PAGE_OF_LOTS", 4)
    monkeypatch.setattr(nightly, "PAGES", 1)
    alter()
    with many.transaction():
        assert points.check_on(many, many.today())
    assert checks(many) == [(many.today().isoformat(), 2, 2, False)]
    assert points.last_check(many) is None, "not finished"
    clock.set(NIGHT)
    tick()
    assert checks(many)[-1] == ("2026-11-23", 9, 2, True)
    with many.transaction():
        jobs = Job.scoped(many).select().where(Job.kind == "core.schedule:verify_ledger").count()
    assert jobs > 5


def test_old_proofs_are_forgotten(many: Context, clock: ManualClock, tick: Callable[[], int]) -> None:
    clock.set(NIGHT)
    tick()
    clock.advance(days=92)
    tick()
    assert "2026-11-23" not in [row[0] for row in checks(many)]
