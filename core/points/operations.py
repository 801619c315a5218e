"""What every door begins with: check the request, and insert the operation that makes its key count once."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core import db
from core.contract.context import Context
from core.errors import IntegrityFault, Invalid, KeyReused, RoostError
from core.ids import new_id
from core.points.batch import uuid_of
from core.points.values import ASSETS, LARGEST_AMOUNT, Operation

LONGEST_KEY = 200
LONGEST_REASON = 200

_INSERT = db.Sql(
    "INSERT INTO operation (id, tenant, plugin, key, door, digest, recorded_at) VALUES (%s, %s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (tenant, plugin, key) DO NOTHING RETURNING id"
)
_FIND = db.Sql("SELECT id, digest, door FROM operation WHERE tenant = %s AND plugin = %s AND key = %s")
_UNDO = db.Sql("DELETE FROM operation WHERE tenant = %s AND id = %s")
_ENTRY = db.Sql("SELECT account, seq, kind, amount, owed, reversed FROM entry WHERE tenant = %s AND id = %s")
# The entries of an operation stand together in an account, and a door writes at most four to one after the main one.
_LAST = db.Sql(
    "SELECT balance_after FROM entry WHERE tenant = %s AND account = %s AND seq BETWEEN %s AND %s AND operation = %s"
    " ORDER BY seq DESC LIMIT 1"
)
MOST_AFTER_MAIN = 4


@dataclass(frozen=True, slots=True)
class Begun:
    """An operation in the table. `again`: the key was known, so nothing is to be done but to tell the first result."""

    id: UUID
    again: bool


@dataclass(frozen=True, slots=True)
class Story:
    """What an entry tells beside its numbers."""

    reason: str
    cause: str
    occurred_at: datetime
    venue: UUID | None = None
    rule: str | None = None
    rule_version: int | None = None


def story(
    ctx: Context,
    reason: str,
    *,
    cause: str | None = None,
    occurred_at: datetime | None = None,
    venue: UUID | None = None,
    rule: object = None,
    rule_version: int | None = None,
) -> Story:
    """Fill in what the caller left open: now, and the context's cause."""
    if not reason or len(reason) > LONGEST_REASON or "\x00" in reason:
        raise Invalid(
            f"a reason has 1 to {LONGEST_REASON} characters, not {len(reason)}",
            f"原因须为 1 至 {LONGEST_REASON} 个字符",
        )
    if occurred_at is not None and occurred_at.tzinfo is None:
        raise Invalid(f"occurred_at {occurred_at} has no time zone", "时间缺少时区")
    named = None if rule is None else str(rule)
    return Story(
        reason,
        (ctx.cause if cause is None else cause)[:100],
        occurred_at or ctx.now(),
        venue,
        named,
        rule_version,
    )


def check_amount(amount: object) -> None:
    """Raise Invalid unless `amount` is a whole number from 1 to LARGEST_AMOUNT."""
    if type(amount) is not int or not 1 <= amount <= LARGEST_AMOUNT:
        raise Invalid(
            f"an amount is a whole number from 1 to {LARGEST_AMOUNT}, not {amount!r}",
            f"数量须为 1 至 {LARGEST_AMOUNT} 的整数",
            code="invalid_amount",
        )


def check_asset(asset: str) -> None:
    """Raise Invalid unless `asset` is one that accounts count."""
    if asset not in ASSETS:
        raise Invalid(f"there is no asset {asset!r}; there are {', '.join(ASSETS)}", f"没有账户类型 {asset}")


def check_key(key: str) -> None:
    """Raise Invalid unless `key` can stand in the table."""
    if not key or len(key) > LONGEST_KEY or "\x00" in key:
        raise Invalid(
            f"a key has 1 to {LONGEST_KEY} characters; this one has {len(key)}",
            f"键须为 1 至 {LONGEST_KEY} 个字符",
        )


def digest(door: str, *content: object) -> str:
    """Return the digest of what was asked: who, what, how much and why; not when, which a repeat may tell otherwise."""
    told = "\x1f".join([door, *[value.hex if isinstance(value, UUID) else str(value) for value in content]])
    return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()


def key_reused(plugin: str, key: str) -> KeyReused:
    """Make the error of a key that came again with other content."""
    return KeyReused(
        f"the key {key!r} of {plugin} was used for another operation; take a new key, or repeat the first request",
        "该键已用于另一笔操作",
        key=key,
    )


def begin(ctx: Context, door: str, key: str, *content: object) -> Begun:
    """Insert an operation, or find the one its key names. Raises KeyReused when that one was asked something else.

    The insert waits for a transaction that is at work with the same key.
    """
    check_key(key)
    require_transaction()
    operation, said = new_id(), digest(door, *content)
    row = db.fetch_one(ctx.scope, _INSERT, (operation, ctx.tenant.id, ctx.plugin, key, door, said, ctx.now()))
    return Begun(operation, again=False) if row is not None else find_begun(ctx, key, said)


def find_begun(ctx: Context, key: str, said: str) -> Begun:
    """Find the operation that a known key names. Raises KeyReused when its digest is not `said`."""
    found = db.fetch_one(ctx.scope, _FIND, (ctx.tenant.id, ctx.plugin, key))
    if found is None or found[1] != said:
        raise key_reused(ctx.plugin, key)
    return Begun(uuid_of(found[0]), again=True)


def require_transaction() -> None:
    """Raise RuntimeError outside a transaction: half an operation must never be committed."""
    if not db.in_transaction():
        raise RuntimeError("the ledger needs an open transaction: `with ctx.transaction():` around the call")


@contextmanager
def refusing(ctx: Context, *operations: UUID) -> Iterator[None]:
    """Take the operations back when a door refuses, so that a caller who goes on and commits leaves no trace of them.

    Doors write nothing else before they know that they will not refuse.
    """
    try:
        yield
    except RoostError:
        for operation in operations:
            db.run(ctx.scope, _UNDO, (ctx.tenant.id, operation))
        raise


@dataclass(frozen=True, slots=True)
class MainEntry:
    """The entry that an operation is about."""

    account: UUID
    seq: int
    kind: str
    amount: int
    owed: int
    reversed: int


def main_entry(ctx: Context, operation: UUID) -> MainEntry | None:
    """Return the entry that an operation is about; None when there is no such operation, or it has none."""
    row = db.fetch_one(ctx.scope, _ENTRY, (ctx.tenant.id, operation))
    if row is None:
        return None
    return MainEntry(uuid_of(row[0]), int(row[1]), row[2], int(row[3]), int(row[4]), int(row[5]))


def first_result(ctx: Context, operation: UUID) -> Operation:
    """Return what an operation gave when it was done."""
    main = main_entry(ctx, operation)
    if main is None:
        raise IntegrityFault(f"operation {operation} has no entry: run `roost ledger verify`", "账目异常")
    among_its_own = (ctx.tenant.id, main.account, main.seq, main.seq + MOST_AFTER_MAIN, operation)
    last: Any = db.fetch_one(ctx.scope, _LAST, among_its_own)
    return Operation(operation, operation, int(last[0]), abs(main.amount))
