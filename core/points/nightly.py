"""Prove the ledger every night, a few pages in each transaction, and keep what came of it where operators see it."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import structlog

from core import db
from core.bulk import delete_some
from core.contract.context import Context
from core.points.models import LedgerCheck
from core.points.operations import require_transaction
from core.points.verification import Place, verify_page

PAGES = 4  # of 500 accounts, in one transaction
SAMPLE = 20  # faults that are kept in words; all are counted
KEPT = timedelta(days=90)
log = structlog.get_logger("roost.ledger")

_STATE = db.Sql(
    "SELECT COALESCE(SUM(c.faults), 0), MIN(c.finished_at) FROM ledger_check c WHERE c.finished_at IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM ledger_check l WHERE l.tenant = c.tenant AND l.finished_at IS NOT NULL"
    " AND l.day > c.day)"
)


@dataclass(frozen=True, slots=True)
class Proofs:
    """The last finished proofs of all tenants: faults in all, and when the oldest of them was finished."""

    faults: int
    oldest: Any  # as the driver gives an instant; None: there was none yet


def check_on(ctx: Context, day: date) -> bool:
    """Go on with the proof of the tenant's date `day`; tell whether there is more to do."""
    require_transaction()
    LedgerCheck.scoped(ctx).insert(day=day, started_at=ctx.now()).on_conflict_ignore().execute()
    row = LedgerCheck.scoped(ctx).lock(LedgerCheck.day == day)
    if row.finished_at is not None:
        return False
    place: Place | None = Place(row.stage, row.after)
    accounts, faults, sample = row.accounts, row.faults, list(row.sample)
    for _ in range(PAGES):
        assert place is not None
        place, count, found = verify_page(ctx.tenant.id, place)
        accounts, faults = accounts + count, faults + len(found)
        for one in found:
            log.error("ledger_fault", tenant=ctx.tenant.slug, table=one.table, row=str(one.id), fault=one.message)
            if len(sample) < SAMPLE:
                sample.append({"table": one.table, "id": str(one.id), "message": one.message})
        if place is None:
            break
    values: dict[str, Any] = {"accounts": accounts, "faults": faults, "sample": sample}
    values |= {"finished_at": ctx.now()} if place is None else {"stage": place.stage, "after": place.after}
    LedgerCheck.scoped(ctx).update(**values).where(LedgerCheck.id == row.id).execute()
    if place is None and faults:
        ctx.audit("ledger.faults_found", day.isoformat(), {"faults": faults})
    return place is not None


def last_check(ctx: Context) -> LedgerCheck | None:
    """Return the tenant's latest finished proof, or None."""
    query = LedgerCheck.scoped(ctx).select().where(LedgerCheck.finished_at.is_null(False))
    return query.order_by(LedgerCheck.day.desc()).first()  # type: ignore[no-any-return]  # peewee


def proofs() -> Proofs:
    """Return how the last proofs of all tenants came out. For hosts."""
    row = db.fetch_one(db.EVERY_TENANT, _STATE)
    assert row is not None
    return Proofs(int(row[0]), row[1])


def forget_checks(ctx: Context) -> bool:
    """Delete some of the proofs past their keeping; tell whether more may be left."""
    return delete_some(ctx, LedgerCheck, LedgerCheck.day < ctx.today() - KEPT)
