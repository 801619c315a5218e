"""What a door will write, gathered and then sent in one message, and the facts that tell it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from core.bulk import Row, Write, write_all
from core.contract.context import Context
from core.contract.facts import Fact, Movement, PointsCredited, PointsDebited, PointsExpired

_ENTRY = Write(
    "INSERT INTO entry (tenant, id, operation, account, seq, kind, amount, balance_after, owed, reverses, reversed,"
    " reason, venue, cause, rule, rule_version, occurred_at, recorded_at) SELECT {tenant}, d.* FROM {rows}",
    (
        ("id", "uuid"), ("operation", "uuid"), ("account", "uuid"), ("seq", "integer"), ("kind", "text"),
        ("amount", "bigint"), ("balance_after", "bigint"), ("owed", "bigint"), ("reverses", "uuid"),
        ("reversed", "bigint"), ("reason", "text"), ("venue", "uuid"), ("cause", "text"), ("rule", "text"),
        ("rule_version", "integer"), ("occurred_at", "timestamptz"), ("recorded_at", "timestamptz"),
    ),
)  # fmt: skip
_LOT = Write(
    "INSERT INTO lot (tenant, id, account, amount, remaining, expires_at) SELECT {tenant}, d.* FROM {rows}",
    (
        ("id", "uuid"),
        ("account", "uuid"),
        ("amount", "bigint"),
        ("remaining", "bigint"),
        ("expires_at", "timestamptz"),
    ),
)
_ALLOCATION = Write(
    "INSERT INTO allocation (tenant, entry, lot, amount) SELECT {tenant}, d.* FROM {rows}",
    (("entry", "uuid"), ("lot", "uuid"), ("amount", "bigint")),
)
# `tenant + 0`: on tables without statistics (a fresh import) the planner else walks all of a tenant's rows by an index.
_LOT_CHANGE = Write(
    "UPDATE lot SET remaining = remaining + d.change FROM {rows} WHERE lot.id = d.lot AND lot.tenant + 0 = {tenant}",
    (("lot", "uuid"), ("change", "bigint")),
)
_ACCOUNT_CHANGE = Write(
    "UPDATE account SET balance = balance + d.more, held = held + d.more_held, debt = debt + d.more_debt,"
    " version = version + d.entries, next_expiry = d.next_look FROM {rows}"
    " WHERE account.id = d.account AND account.tenant + 0 = {tenant}",
    (
        ("account", "uuid"), ("more", "bigint"), ("more_held", "bigint"), ("more_debt", "bigint"),
        ("entries", "integer"), ("next_look", "timestamptz"),
    ),
)  # fmt: skip


@dataclass(slots=True)
class WorkingLot:
    """A lot in memory. `stored` is what the table says remains of it; None: the table does not know it yet."""

    id: UUID
    remaining: int
    expires_at: datetime | None
    amount: int = 0
    stored: int | None = None


class Changed(Protocol):
    """A locked account as the journal writes it: its lots, and its own row where that changed."""

    id: UUID
    lots: dict[UUID, WorkingLot]

    def change(self) -> Row | None: ...


class Journal:
    """What one door will write, for one account or many, and the facts that tell it."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.now = ctx.now()
        self.books: list[Changed] = []
        self.entries: list[Row] = []
        self.allocations: list[Row] = []
        self.credited: list[Movement] = []
        self.debited: list[Movement] = []
        self.expired: list[Movement] = []

    def write(self, *, occurred_at: datetime | None = None) -> None:
        """Write everything, accounts last, and publish the facts."""
        lots: list[Row] = []
        lot_changes: list[Row] = []
        accounts: list[Row] = []
        for book in sorted(self.books, key=lambda b: b.id.int):
            for lot in book.lots.values():
                if lot.stored is None:
                    lots.append((lot.id, book.id, lot.amount, lot.remaining, lot.expires_at))
                elif lot.remaining != lot.stored:
                    lot_changes.append((lot.id, lot.remaining - lot.stored))
            change = book.change()
            if change is not None:
                accounts.append(change)
        write_all(
            self.ctx.scope,
            self.ctx.tenant.id,
            (
                (_ENTRY, self.entries),
                (_LOT, lots),
                (_ALLOCATION, self.allocations),
                (_LOT_CHANGE, lot_changes),
                (_ACCOUNT_CHANGE, accounts),
            ),
        )
        told: tuple[tuple[type[PointsCredited | PointsDebited | PointsExpired], list[Movement]], ...] = (
            (PointsExpired, self.expired),
            (PointsDebited, self.debited),
            (PointsCredited, self.credited),
        )
        facts: list[Fact] = [
            fact(movements=tuple(moved), occurred_at=None if fact is PointsExpired else occurred_at)
            for fact, moved in told
            if moved
        ]
        if facts:
            self.ctx.publish(*facts)
