"""What the ledger returns and takes: frozen values. Amounts are whole units of an asset (stored value: fen)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from core.contract.facts import Asset
from core.errors import RoostError
from core.points.policy import Expiry

HoldState = Literal["open", "captured", "released"]
EntryKind = Literal[
    "credit", "debit", "hold", "release", "transfer_out", "transfer_in", "reversal", "repayment", "expiry"
]
ASSETS: tuple[Asset, ...] = ("points", "growth", "stored_value")
LARGEST_AMOUNT = 10**12  # of one operation: a sum of millions of them still fits a bigint


@dataclass(frozen=True, slots=True)
class Operation:
    """What a door did. `amount` is positive; `balance` is what the member could spend right after it."""

    id: UUID
    entry: UUID  # the entry that the operation is about; it carries the operation's id
    balance: int
    amount: int


@dataclass(frozen=True, slots=True)
class Credit:
    """One credit of a `credit_many`. `occurred_at` None: now. `expires_at` None: never; left out: as
    the tenant's policy says."""

    member: UUID
    asset: str
    amount: int
    key: str
    reason: str
    occurred_at: datetime | None = None
    venue: UUID | None = None
    expires_at: Expiry = "policy"
    rule: object = None  # by what it was earned, and in which of its versions
    rule_version: int | None = None
    named: UUID | None = None  # how the caller names the member, who may have become part of `member` since


@dataclass(frozen=True, slots=True)
class Credited:
    """What became of one credit of a `credit_each`: an operation, the first one of a repeated key, or a refusal."""

    operation: Operation | None = None
    repeated: bool = False
    refusal: RoostError | None = None


@dataclass(frozen=True, slots=True)
class HoldView:
    """Points promised and not yet spent, as they stand now."""

    id: UUID
    amount: int
    state: HoldState
    deadline: datetime


@dataclass(frozen=True, slots=True)
class Reversal:
    """What a reversal did. Of a credit: `taken` back now, `shortfall` owed, `expired` already and so neither.

    Of a debit all three are 0 and `operation.amount` says what came back.
    """

    operation: Operation
    taken: int
    shortfall: int
    expired: int = 0


@dataclass(frozen=True, slots=True)
class Balance:
    """An account as it may be spent now: dead lots are already out. `expiring` of it dies at `next_expiry`."""

    available: int = 0
    held: int = 0
    next_expiry: datetime | None = None
    expiring: int = 0
    owed: int = 0  # shortfall of reversals, repaid first by what comes in


class EntryView(BaseModel):
    """A line of a member's statement. `amount` is signed; `balance` is the account after it."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    operation: UUID
    kind: EntryKind
    amount: int
    balance: int
    reason: str
    venue: UUID | None
    cause: str
    rule: str | None
    rule_version: int | None
    occurred_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of the ledger that contradicts the others. `table` and `id` say where, `message` what."""

    tenant: int
    table: str
    id: UUID
    message: str
