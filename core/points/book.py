"""An account at work: its lots read as needed, its movements gathered for the journal.

It was locked before (`locking`), and lots are read in statements after that. Were the two one statement, its snapshot
would be older than the lock it waited for, and two debits would spend the same lot.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from core import db
from core.bulk import Row
from core.contract.facts import Movement
from core.errors import InsufficientBalance, IntegrityFault
from core.fields import as_time, uuid_of
from core.ids import new_id
from core.points.journal import Journal, WorkingLot
from core.points.operations import Story
from core.points.values import EntryKind

FIRST_PAGE = 32  # lots read at first; each further page is three times what was read so far

_LOTS = db.Sql(
    "SELECT id, remaining, expires_at FROM lot WHERE tenant = %s AND account = %s AND remaining > 0"
    " ORDER BY expires_at NULLS LAST, id LIMIT %s OFFSET %s"
)


class Book:
    """One locked account: what it holds now, after the movements gathered so far."""

    __slots__ = (
        "_before", "_journal", "_live", "_read_all", "asset", "balance", "debt", "held", "id", "lots", "member",
        "next_expiry", "seq",
    )  # fmt: skip

    def __init__(self, journal: Journal, row: Sequence[Any]) -> None:
        self.id = uuid_of(row[0])
        self.member = uuid_of(row[1])
        self.asset: Any = row[2]  # an Asset, as stored
        self.balance, self.held, self.debt = int(row[3]), int(row[4]), int(row[5])
        self.next_expiry = as_time(row[6])
        self.seq = int(row[7])
        self.lots: dict[UUID, WorkingLot] = {}
        self._before = (self.balance, self.held, self.debt, self.seq, self.next_expiry)
        self._live: list[WorkingLot] = []  # lots read from the table in their order, which had something in them
        self._read_all = self.seq == 0
        self._journal = journal
        journal.books.append(self)

    # lots

    def know(self, row: Sequence[Any]) -> WorkingLot:
        """Take in a lot of the table: (id, remaining, expires_at)."""
        lot = uuid_of(row[0])
        if lot not in self.lots:
            self.lots[lot] = WorkingLot(lot, int(row[1]), as_time(row[2]), stored=int(row[1]))
        return self.lots[lot]

    def know_live(self, rows: Iterable[Sequence[Any]], *, all_of_them: bool) -> None:
        """Take in the next live lots in their order: by expiry, those without one last, then by id."""
        self._live += [self.know(row) for row in rows]
        self._read_all = all_of_them

    def _read_more(self) -> None:
        ctx, read = self._journal.ctx, len(self._live)
        size = 3 * read or FIRST_PAGE
        rows = db.fetch_all(ctx.scope, _LOTS, (ctx.tenant.id, self.id, size, read))
        self.know_live(rows, all_of_them=len(rows) < size)

    def _in_order(self) -> list[WorkingLot]:
        return sorted(
            (lot for lot in self.lots.values() if lot.remaining),
            key=lambda lot: (lot.expires_at is None, lot.expires_at or self._journal.now, lot.id),
        )

    def take(self, entry: UUID, amount: int, *, first: Collection[UUID] = ()) -> list[tuple[WorkingLot, int]]:
        """Take `amount` out of the lots, earliest expiry first (those in `first` before all); return what from which.

        Whatever is read of the table is in that order, so once it covers the amount no lot further on could come first.
        """
        while not self._read_all and sum(lot.remaining for lot in self._live) < amount:
            self._read_more()
        lots = self._in_order()
        lots.sort(key=lambda lot: lot.id not in first)
        taken: list[tuple[WorkingLot, int]] = []
        left = amount
        for lot in lots:
            if not left:
                break
            part = min(lot.remaining, left)
            lot.remaining -= part
            left -= part
            taken.append((lot, part))
            self._journal.allocations.append((entry, lot.id, -part))
        if left:
            raise IntegrityFault(
                f"account {self.id}: its lots are {left} short of its balance; run `roost ledger verify`",
                "账目异常",
            )
        return taken

    def put_back(self, entry: UUID, lot: WorkingLot, amount: int) -> None:
        """Return `amount` to a lot that is known, or take it out again where it is below 0."""
        lot.remaining += amount
        self._journal.allocations.append((entry, lot.id, amount))
        self._look_at(lot.expires_at)

    def new_lot(self, entry: UUID, amount: int, expires_at: datetime | None) -> None:
        """Make the lot of an entry."""
        self.lots[entry] = WorkingLot(entry, amount, expires_at, amount)
        self._look_at(expires_at)

    def _look_at(self, expires_at: datetime | None) -> None:
        if expires_at is not None and (self.next_expiry is None or expires_at < self.next_expiry):
            self.next_expiry = expires_at

    # movements

    def post(
        self,
        operation: UUID,
        kind: EntryKind,
        amount: int,
        told: Story,
        *,
        entry: UUID | None = None,
        owed: int = 0,
        reverses: UUID | None = None,
        reversed: int = 0,
    ) -> UUID:
        """Write an entry of a signed amount; return its id. The lots are the caller's to change by the same amount."""
        entry = entry or new_id()
        self.seq += 1
        self.balance += amount
        self.debt += owed
        self._journal.entries.append(
            (
                entry,
                operation,
                self.id,
                self.seq,
                kind,
                amount,
                self.balance,
                owed,
                reverses,
                reversed,
                told.reason,
                told.venue,
                told.cause,
                told.rule,
                told.rule_version,
                told.occurred_at,
                self._journal.now,
            )
        )
        return entry

    def movement(self, amount: int, reason: str, entry: UUID) -> Movement:
        """Make the line of a fact."""
        return Movement(member=self.member, asset=self.asset, amount=amount, reason=reason, entry=entry)

    def credit(self, operation: UUID, amount: int, told: Story, expires_at: datetime | None) -> None:
        """Earn: a new lot, under the operation's id; then what is owed, and what is dead already, goes out again."""
        self.post(operation, "credit", amount, told, entry=operation)
        self.new_lot(operation, amount, expires_at)
        self._journal.credited.append(self.movement(amount, told.reason, operation))
        self.settle(operation)

    def require(self, amount: int) -> None:
        """Raise InsufficientBalance unless `amount` can be spent."""
        if self.balance < amount:
            raise short(self.asset, amount, self.balance)

    def settle(self, operation: UUID) -> None:
        """After something came in: expire what is dead, and repay what is owed. A debt stands only beside 0."""
        self.expire_dead(operation)
        repaid = min(self.debt, self.balance)
        if repaid:
            told = Story("shortfall repaid", self._journal.ctx.cause[:100], self._journal.now)
            entry = self.post(operation, "repayment", -repaid, told, owed=-repaid)
            self.take(entry, repaid)

    def expire_dead(self, operation: UUID) -> None:
        """Take out what has died, if `next_expiry` says that there may be some."""
        now = self._journal.now
        if self.next_expiry is None or self.next_expiry > now:
            return
        while not self._read_all and (not self._live or _is_dead(self._live[-1], now)):
            self._read_more()
        dead: list[WorkingLot] = []
        self.next_expiry = None
        for lot in self._in_order():
            if _is_dead(lot, now):
                dead.append(lot)
            else:
                self.next_expiry = lot.expires_at
                break
        amount = sum(lot.remaining for lot in dead)
        if not amount:
            return
        entry = self.post(operation, "expiry", -amount, Story("expired", self._journal.ctx.cause[:100], now))
        for lot in dead:
            self._journal.allocations.append((entry, lot.id, -lot.remaining))
            lot.remaining = 0
        self._journal.expired.append(self.movement(amount, "expired", entry))

    def change(self) -> Row | None:
        """Return the account's row of changes, or None when nothing moved."""
        balance, held, debt, seq, next_expiry = self._before
        if seq == self.seq and held == self.held and next_expiry == self.next_expiry:
            return None
        return (
            self.id, self.balance - balance, self.held - held, self.debt - debt, self.seq - seq, self.next_expiry
        )  # fmt: skip


def _is_dead(lot: WorkingLot, now: datetime) -> bool:
    return lot.expires_at is not None and lot.expires_at <= now


def short(asset: str, wanted: int, there: int) -> InsufficientBalance:
    """Make the error of an account that cannot give what is asked."""
    return InsufficientBalance(
        f"this needs {wanted} {asset}, and {there} can be spent", f"余额不足：需要 {wanted}，可用 {there}",
        asset=asset, needed=wanted, available=there,
    )  # fmt: skip
