"""Prove the ledger: replay its entries and allocations from empty and compare accounts, lots and holds with them.

The database does the replaying, a page of accounts at a time, so memory stays flat whatever the ledger's size; a page
is one statement and so one picture of the ledger, in whatever transaction: live traffic is no fault.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from core import db, tenants
from core.contract.context import Context, Services
from core.fields import uuid_of
from core.points.values import Fault

PAGE = 500  # accounts
PAGE_OF_LOTS = 5000
MOST_FAULTS = 100  # told of one kind in one page

_NEXT_ACCOUNTS = db.Sql(
    "SELECT id FROM (SELECT id FROM (SELECT id FROM account WHERE tenant = %s AND id > %s ORDER BY id LIMIT %s) a"
    " UNION SELECT account FROM (SELECT DISTINCT account FROM entry WHERE tenant = %s AND account > %s"
    " ORDER BY account LIMIT %s) e) p ORDER BY id LIMIT %s"
)
# Each check returns (id, what it says, what it should say) of the rows at fault, for (tenant, first, last account).
_CHECKS: tuple[tuple[str, str, str], ...] = (
    (
        "account",
        "the account is missing but has entries",
        "SELECT DISTINCT e.account, 'nothing', 'an account' FROM entry e"
        " WHERE e.tenant = %s AND e.account >= %s AND e.account <= %s"
        " AND NOT EXISTS (SELECT 1 FROM account a WHERE a.tenant = e.tenant AND a.id = e.account)",
    ),
    (
        "entry",
        "an entry before this one is missing: its seq is",
        "SELECT id, seq, due FROM (SELECT e.id, e.seq,"
        " COALESCE(LAG(e.seq) OVER (PARTITION BY e.account ORDER BY e.seq), 0) + 1 AS due FROM entry e"
        " WHERE e.tenant = %s AND e.account >= %s AND e.account <= %s) c WHERE seq <> due",
    ),
    (
        "entry",
        "balance_after does not follow from the entry before and the amount: it is",
        "SELECT id, balance_after, due FROM (SELECT e.id, e.balance_after,"
        " e.amount + COALESCE(LAG(e.balance_after) OVER (PARTITION BY e.account ORDER BY e.seq), 0) AS due FROM entry e"
        " WHERE e.tenant = %s AND e.account >= %s AND e.account <= %s) c"
        " WHERE balance_after <> due OR balance_after < 0",
    ),
    (
        "entry",
        "the amount is not what its lots and allocations say: it is",
        "SELECT id, amount, due FROM (SELECT e.id, e.amount, COALESCE(l.amount, 0) + COALESCE((SELECT SUM(x.amount)"
        " FROM allocation x WHERE x.tenant = e.tenant AND x.entry = e.id), 0) AS due"
        " FROM entry e LEFT JOIN lot l ON l.tenant = e.tenant AND l.id = e.id AND l.account = e.account"
        " WHERE e.tenant = %s AND e.account >= %s AND e.account <= %s) c WHERE amount <> due",
    ),
    (
        "entry",
        "no operation asked for it: there is",
        "SELECT e.id, 'nothing', 'an operation' FROM entry e"
        " WHERE e.tenant = %s AND e.account >= %s AND e.account <= %s"
        " AND NOT EXISTS (SELECT 1 FROM operation o WHERE o.tenant = e.tenant AND o.id = e.operation)",
    ),
    (
        "entry",
        "more of it was reversed than it moved:",
        "SELECT o.id, SUM(e.reversed), MAX(ABS(o.amount)) FROM entry e"
        " JOIN entry o ON o.tenant = e.tenant AND o.id = e.reverses"
        " WHERE e.tenant = %s AND e.account >= %s AND e.account <= %s GROUP BY o.id"
        " HAVING SUM(e.reversed) > MAX(ABS(o.amount))",
    ),
    *(
        (
            "account",
            f"{column} is not what {source} say: it is",
            f"SELECT id, {column}, due FROM (SELECT a.id, a.{column}, COALESCE((SELECT {total} FROM {table} x"
            f" WHERE x.tenant = a.tenant AND x.account = a.id{only}), 0) AS due FROM account a"
            f" WHERE a.tenant = %s AND a.id >= %s AND a.id <= %s) c WHERE {column} <> due",
        )
        for column, source, total, table, only in (
            ("balance", "its entries", "SUM(x.amount)", "entry", ""),
            ("balance", "its lots", "SUM(x.remaining)", "lot", " AND x.remaining > 0"),
            ("debt", "its entries", "SUM(x.owed)", "entry", ""),
            ("version", "its entries", "COUNT(*)", "entry", ""),
            ("held", "its holds", "SUM(x.amount)", "hold", " AND x.state = 'open'"),
        )
    ),
    (
        "lot",
        "remaining is not what its allocations leave: it is",
        "SELECT id, remaining, due FROM (SELECT l.id, l.remaining, l.amount + COALESCE((SELECT SUM(x.amount)"
        " FROM allocation x WHERE x.tenant = l.tenant AND x.lot = l.id), 0) AS due"
        " FROM entry e JOIN lot l ON l.tenant = e.tenant AND l.id = e.id"
        " WHERE e.tenant = %s AND e.account >= %s AND e.account <= %s) c WHERE remaining <> due",
    ),
    (
        "lot",
        "at some entry it held more than its amount, or less than nothing:",
        "SELECT lot, held, amount FROM (SELECT x.lot, l.amount, l.amount + SUM(x.amount) OVER"
        " (PARTITION BY x.lot ORDER BY e.seq) AS held FROM entry e"
        " JOIN allocation x ON x.tenant = e.tenant AND x.entry = e.id"
        " JOIN lot l ON l.tenant = x.tenant AND l.id = x.lot"
        " WHERE e.tenant = %s AND e.account >= %s AND e.account <= %s) c WHERE held < 0 OR held > amount",
    ),
    (
        "allocation",
        "its lot is missing, or of another account: this entry took",
        "SELECT e.id, x.amount, 'a lot of the same account' FROM entry e"
        " JOIN allocation x ON x.tenant = e.tenant AND x.entry = e.id"
        " LEFT JOIN lot l ON l.tenant = x.tenant AND l.id = x.lot AND l.account = e.account"
        " WHERE e.tenant = %s AND e.account >= %s AND e.account <= %s AND l.id IS NULL",
    ),
    (
        "hold",
        "it is not what its entry set aside: it is of",
        "SELECT id, amount, due FROM (SELECT h.id, h.amount, COALESCE((SELECT -e.amount FROM entry e"
        " WHERE e.tenant = h.tenant AND e.id = h.id AND e.account = h.account AND e.kind = 'hold'), 0) AS due"
        " FROM hold h WHERE h.tenant = %s AND h.account >= %s AND h.account <= %s) c WHERE amount <> due",
    ),
)
_named = ", ".join(f"c{n} (id, told, due) AS ({text} LIMIT {MOST_FAULTS})" for n, (_, _, text) in enumerate(_CHECKS))
_found = " UNION ALL ".join(
    f"SELECT {n} AS number, id, CAST(told AS TEXT) AS told, CAST(due AS TEXT) AS due FROM c{n}"
    for n in range(len(_CHECKS))
)
_PAGE = db.Sql(f"WITH {_named} SELECT * FROM ({_found}) found ORDER BY number")
_NEXT_LOTS = db.Sql("SELECT id FROM lot WHERE tenant = %s AND id > %s ORDER BY id LIMIT %s")
_STRAY_LOTS = db.Sql(
    "SELECT l.id FROM lot l WHERE l.tenant = %s AND l.id > %s AND l.id <= %s AND NOT EXISTS (SELECT 1 FROM entry e"
    " WHERE e.tenant = l.tenant AND e.id = l.id AND e.account = l.account) LIMIT %s"
)


def verify(subject: Services | Context) -> list[Fault]:
    """Return what contradicts itself in the ledger of one tenant (a context) or of all (a runtime); [] proves it sound.

    It finds a balance, an amount, a lot or a hold that was altered by hand, and a row that was deleted.
    """
    if isinstance(subject, Context):
        return list(_verify_tenant(subject.tenant.id))
    return [fault for tenant in tenants.all_tenants() for fault in _verify_tenant(tenant.id)]


START = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Place:
    """How far a proof has come: it goes through the accounts, and then through lots that no account leads to."""

    stage: Literal["accounts", "lots"] = "accounts"
    after: UUID = START


def verify_page(tenant: int, place: Place) -> tuple[Place | None, int, list[Fault]]:
    """Check what comes next; return where to go on (None at the end), how many accounts it was, and the faults."""
    found = _accounts(tenant, place.after) if place.stage == "accounts" else _lots(tenant, place.after)
    if found is not None:
        last, count, faults = found
        return Place(place.stage, last), count, faults
    return (Place("lots"), 0, []) if place.stage == "accounts" else (None, 0, [])


def _verify_tenant(tenant: int) -> Iterator[Fault]:
    place: Place | None = Place()
    while place is not None:
        at = place
        place, _, faults = db.run_in_transaction(tenant, lambda at=at: verify_page(tenant, at))  # type: ignore[misc]  # the default binds the loop's value
        yield from faults


def _accounts(tenant: int, after: UUID) -> tuple[UUID, int, list[Fault]] | None:
    """Check the next accounts after one; None when there are no more."""
    rows = db.fetch_all(tenant, _NEXT_ACCOUNTS, (tenant, after, PAGE, tenant, after, PAGE, PAGE))
    if not rows:
        return None
    first, last = uuid_of(rows[0][0]), uuid_of(rows[-1][0])
    faults = []
    for number, row, told, due in db.fetch_all(tenant, _PAGE, (tenant, first, last) * len(_CHECKS)):
        table, message, _ = _CHECKS[number]
        faults.append(Fault(tenant, table, uuid_of(row), f"{message} {told}, and should be {due}"))
    return last, len(rows), faults


def _lots(tenant: int, after: UUID) -> tuple[UUID, int, list[Fault]] | None:
    rows = db.fetch_all(tenant, _NEXT_LOTS, (tenant, after, PAGE_OF_LOTS))
    if not rows:
        return None
    last = uuid_of(rows[-1][0])
    stray = db.fetch_all(tenant, _STRAY_LOTS, (tenant, after, last, MOST_FAULTS))
    return last, 0, [Fault(tenant, "lot", uuid_of(row[0]), "no entry of its account made it") for row in stray]
