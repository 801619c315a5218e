"""Replies of core's endpoints. Amounts are whole units of an asset, times RFC 3339, ids UUIDs."""

from collections.abc import Mapping
from datetime import date, datetime
from operator import attrgetter
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core.members import MemberView
from core.points import Balance, Operation

Asset = Literal["points", "growth", "stored_value"]
Amount = int  # positive; the ledger says how large


class Input(BaseModel):
    """A request's body or query: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MemberOut(BaseModel):
    """A member. The phone is masked, the name too for who may not see it."""

    id: UUID
    state: Literal["lead", "member", "lapsed"] = Field(description="registered; holds a membership; held one")
    level: str = Field(description="code of the level; empty when none")
    class_: str = Field(serialization_alias="class", description="another thing than the level: ordinary, vip, staff…")
    phone_masked: str = Field(examples=["138****5678"])
    name: str
    gender: str
    birthday: date | None
    venue: UUID | None = Field(description="home venue")
    channel: str = Field(description="where they came from")
    registered_at: datetime
    converted_at: datetime | None
    valid_until: date | None = Field(description="the membership's last day")
    frozen: bool = Field(description="the membership is paused (停卡)")
    attributes: dict[str, Any]
    locale: str


class BalanceOut(BaseModel):
    """An account as it may be spent now."""

    available: int
    held: int = Field(description="promised and not yet spent")
    next_expiry: datetime | None
    expiring: int = Field(description="what of it dies at `next_expiry`")
    owed: int = Field(description="repaid first by what comes in")


class OperationOut(BaseModel):
    """What the ledger did."""

    id: UUID
    entry: UUID
    amount: int
    balance: int = Field(description="what can be spent right after it")


_OUT = tuple(MemberOut.model_fields)
_out = attrgetter(*_OUT)


def member_out(view: MemberView) -> MemberOut:
    """Return a member as it goes out."""
    return MemberOut(**member_fields(view))


def member_fields(view: MemberView) -> dict[str, Any]:
    """Return what goes out of a member, by name: for replies that are a member and more."""
    return dict(zip(_OUT, _out(view), strict=True))


def balances_out(balances: Mapping[str, Balance]) -> dict[str, BalanceOut]:
    """Return balances by asset as they go out."""
    return {asset: BalanceOut.model_validate(balance, from_attributes=True) for asset, balance in balances.items()}


def operation_out(operation: Operation) -> OperationOut:
    """Return an operation as it goes out."""
    return OperationOut(id=operation.id, entry=operation.entry, amount=operation.amount, balance=operation.balance)
