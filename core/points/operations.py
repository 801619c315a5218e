"""What every door begins with: check the request, and insert the operation that makes its key count once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core import db
from core.bulk import any_of
from core.content import Content
from core.contract.context import Context
from core.errors import IntegrityFault, Invalid, KeyReused, RoostError
from core.fields import as_time, as_uuid, uuid_of
from core.ids import new_id
from core.points.values import ASSETS, LARGEST_AMOUNT, Operation
from core.words import Text

LONGEST_KEY = 200
LONGEST_REASON = 200

_TITLE = Text("账目操作", "operation of the ledger")
_WHAT = ("member", "asset", "amount", "reason")
CREDIT = Content("credit", _TITLE, (*_WHAT, "venue", "occurred_at", "expires_at", "rule", "rule_version"))
DEBIT = Content("debit", _TITLE, (*_WHAT, "venue", "occurred_at"))
TRANSFER = Content("transfer", _TITLE, ("sender", "receiver", "asset", "amount", "reason"))
HOLD = Content("hold", _TITLE, _WHAT)
CAPTURE = Content("capture", _TITLE, ("hold", "amount"))
RELEASE = Content("release", _TITLE, ("hold",))
REVERSE = Content("reverse", _TITLE, ("operation", "amount", "reason", "grace_days"))
EXPIRE = Content("expire", _TITLE, ())
"""What each door is asked beside its key. Instants count as they were given: None is not the moment of the call."""

_INSERT = db.Sql(
    "INSERT INTO operation (id, tenant, plugin, key, door, digest, recorded_at) VALUES (%s, %s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (tenant, plugin, key) DO NOTHING RETURNING id"
)
_FIND = db.Sql("SELECT id, digest, door FROM operation WHERE tenant = %s AND plugin = %s AND key = %s")
_KEPT = db.Sql(
    "SELECT a.member, a.asset, e.amount, e.reason, e.venue, e.occurred_at, l.expires_at, e.rule, e.rule_version,"
    " e.reverses, e.reversed FROM entry e JOIN account a ON a.tenant = e.tenant AND a.id = e.account"
    " LEFT JOIN lot l ON l.tenant = e.tenant AND l.id = e.id WHERE e.tenant = %s AND e.id = %s"
)
_UNDO = db.Sql("DELETE FROM operation WHERE tenant = %s AND id = %s")
_ENTRY = db.Sql("SELECT account, seq, kind, amount, owed, reversed FROM entry WHERE tenant = %s AND id = %s")
# The entries of an operation stand together in an account, and a door writes at most four to one after the main one.
_LAST = db.Sql(
    "SELECT balance_after FROM entry WHERE tenant = %s AND account = %s AND seq BETWEEN %s AND %s AND operation = %s"
    " ORDER BY seq DESC LIMIT 1"
)
MOST_AFTER_MAIN = 4
_RESULTS = (
    "SELECT e.id, ABS(e.amount), (SELECT l.balance_after FROM entry l WHERE l.tenant = e.tenant"
    " AND l.account = e.account AND l.seq BETWEEN e.seq AND e.seq + {most} AND l.operation = e.id"
    " ORDER BY l.seq DESC LIMIT 1) FROM entry e WHERE e.tenant = %s AND e.id {among}"
)


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


def begin(ctx: Context, door: Content, key: str, *values: object) -> Begun:
    """Insert an operation, or find the one its key names. Raises KeyReused when that one was asked something else.

    `values` are of the door's content, in its order. The insert waits for a transaction that is at work with the same
    key.
    """
    check_key(key)
    require_transaction()
    operation, said = new_id(), door.digest(values)
    row = db.fetch_one(ctx.scope, _INSERT, (operation, ctx.tenant.id, ctx.plugin, key, door.name, said, ctx.now()))
    return Begun(operation, again=False) if row is not None else find_begun(ctx, door, key, said, values)


def find_begun(ctx: Context, door: Content, key: str, said: str, values: Sequence[object]) -> Begun:
    """Find the operation that a known key names. Raises KeyReused when its digest is not `said`."""
    found = db.fetch_one(ctx.scope, _FIND, (ctx.tenant.id, ctx.plugin, key))
    if found is None or found[1] != said:
        raise key_reused(ctx, door, key, None if found is None else uuid_of(found[0]), values)
    return Begun(uuid_of(found[0]), again=True)


def key_reused(ctx: Context, door: Content, key: str, operation: UUID | None, values: Sequence[object]) -> KeyReused:
    """Make the error of a key that came again with other content: what the ledger has, and what was sent."""
    kept = {} if operation is None else _kept(ctx, operation)
    sent: dict[str, Any] = dict(zip(door.fields, values, strict=True))
    differing = door.differing(kept, sent)
    if differing != ["occurred_at"] and sent.get("occurred_at") is None:  # the entry has the moment of the call
        differing = [name for name in differing if name != "occurred_at"]
    if differing != ["expires_at"] and sent.get("expires_at") == "policy":  # the lot has what the policy said then
        differing = [name for name in differing if name != "expires_at"]
    return door.conflict(key, kept, sent, differing)


def _kept(ctx: Context, operation: UUID) -> dict[str, Any]:
    """Return what the ledger still tells of an operation's content; nothing of a hold's end, which is of the hold."""
    row = db.fetch_one(ctx.scope, _KEPT, (ctx.tenant.id, operation))
    if row is None:
        return {}
    member, reverses = uuid_of(row[0]), as_uuid(row[9])
    told = {"asset": row[1], "reason": row[3]}
    if reverses is not None:
        return {"operation": reverses, "amount": int(row[10]), "reason": row[3]}
    return told | {
        "member": member, "sender": member, "amount": abs(int(row[2])), "venue": as_uuid(row[4]),
        "occurred_at": as_time(row[5]), "expires_at": as_time(row[6]), "rule": row[7], "rule_version": row[8],
    }  # fmt: skip


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


def first_results(ctx: Context, operations: Sequence[UUID]) -> list[Operation]:
    """Return what some operations gave when they were done, in one statement."""
    if not operations:
        return []
    condition, values = any_of("uuid", operations)
    statement = db.Sql(_RESULTS.format(most=MOST_AFTER_MAIN, among=condition))
    rows = db.fetch_all(ctx.scope, statement, [ctx.tenant.id, *values])
    if len(rows) < len(operations):
        raise IntegrityFault("an operation has no entry: run `roost ledger verify`", "账目异常")
    return [Operation(uuid_of(row[0]), uuid_of(row[0]), int(row[2]), int(row[1])) for row in rows]


def known_keys(ctx: Context, keys: Sequence[str]) -> frozenset[str]:
    """Return which keys name an operation already."""
    condition, values = any_of("text", keys)
    statement = db.Sql(f"SELECT key FROM operation WHERE tenant = %s AND plugin = %s AND key {condition}")
    return frozenset(row[0] for row in db.fetch_all(ctx.scope, statement, [ctx.tenant.id, ctx.plugin, *values]))
