"""Seal audit rows in blocks, each bound to the one before, and find what was altered, deleted or put in.

Sealing is a job of its own, so that acts do not queue behind one chain. A block's hash is an HMAC whose key
is outside the database: who can write rows cannot make a chain that fits. Each new head goes to the log, so
that cutting off the end of the chain is found too: give the noted head to `verify`.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from core import db
from core.audit.models import Audit, AuditBlock
from core.contract.context import Context
from core.errors import Invalid
from core.fields import as_time
from core.privacy.provider import equal

log = structlog.get_logger("roost.audit")
BLOCK_ROWS = 2000
KEPT_DAYS = 180  # at least: network operators keep logs six months
LATE = timedelta(hours=1)  # no transaction stays open so long: an unsealed row older than the last block was put in
PURPOSE = "audit"

_TAKE = db.Sql(
    "UPDATE audit SET block = %s WHERE id IN ("
    "SELECT id FROM audit WHERE tenant = %s AND block IS NULL ORDER BY id LIMIT %s)"
    " RETURNING id, at, actor, plugin, action, subject, details, request_id, cause"
)
_ROWS = db.Sql(
    "SELECT id, at, actor, plugin, action, subject, details, request_id, cause FROM audit"
    " WHERE tenant = %s AND block = %s ORDER BY id"
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in the trail that is not as it was sealed."""

    block: int  # 0: not in a block
    what: str


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain, to be noted outside the database."""

    number: int
    hash: str  # hex


def _row(row: Sequence[Any]) -> bytes:
    number, at, *rest = row
    instant = as_time(at)
    assert instant is not None
    return json.dumps([int(number), instant.isoformat(), *rest], ensure_ascii=False, separators=(",", ":")).encode()


def _digest(rows: Iterable[Sequence[Any]]) -> bytes:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(hashlib.sha256(_row(row)).digest())
    return digest.digest()


def _hash(ctx: Context, number: int, count: int, sealed_at: datetime, previous: bytes, rows: bytes) -> bytes:
    message = b"%d|%d|%s|" % (number, count, sealed_at.isoformat().encode()) + previous + rows
    return ctx.services.keyring.signature(ctx.tenant.id, PURPOSE, message)


def _last(ctx: Context) -> AuditBlock | None:
    query = AuditBlock.scoped(ctx).select().order_by(AuditBlock.number.desc()).limit(1)
    return (query.for_update() if db.dialect() == "postgresql" else query).first()  # type: ignore[no-any-return]  # peewee


def seal(ctx: Context, *, rows: int = BLOCK_ROWS, blocks: int = 20) -> int:
    """Seal this tenant's unsealed rows in blocks; return how many rows.

    A block has `rows` rows at most, a call makes `blocks` at most. Assumes an open transaction. Two workers
    at once cannot fork the chain: the number of a block is unique per tenant, so one of them is refused and
    its job runs again.
    """
    sealed = 0
    for _ in range(blocks):
        taken = _seal_block(ctx, rows)
        sealed += taken
        if taken < rows:
            break
    return sealed


def _seal_block(ctx: Context, rows: int) -> int:
    last = _last(ctx)
    number = last.number + 1 if last else 1
    taken = sorted(db.fetch_all(ctx.scope, _TAKE, (number, ctx.tenant.id, rows)))
    if not taken:
        return 0
    previous = bytes(last.hash) if last else b""
    sealed_at, digest, tenant = ctx.now(), _digest(taken), ctx.tenant.slug
    value = _hash(ctx, number, len(taken), sealed_at, previous, digest)
    AuditBlock.scoped(ctx).insert(
        number=number, count=len(taken), rows=digest, previous=previous, hash=value, sealed_at=sealed_at
    ).execute()
    db.after_commit(lambda: log.info("audit_sealed", tenant=tenant, block=number, rows=len(taken), head=value.hex()))
    return len(taken)


def head(ctx: Context) -> Head | None:
    """Return the end of the chain, or None before the first block."""
    last = AuditBlock.scoped(ctx).select().order_by(AuditBlock.number.desc()).limit(1).first()
    return Head(last.number, bytes(last.hash).hex()) if last else None


def verify(ctx: Context, noted: Head | None = None) -> list[Fault]:
    """Return every fault: a row altered, deleted or put in, a block missing or changed; none when all is
    well.

    `noted` is a head kept outside the database: the chain must still contain it.
    """
    faults: list[Fault] = []
    previous, expected, latest = b"", 1, None
    blocks = list(AuditBlock.scoped(ctx).select().order_by(AuditBlock.number))
    kept_since = ctx.now() - timedelta(days=KEPT_DAYS)
    for block in blocks:
        if block.number != expected:
            faults.append(Fault(expected, f"blocks {expected} to {block.number - 1} are missing"))
        elif bytes(block.previous) != previous:
            faults.append(Fault(block.number, "the block does not follow the one before"))
        digest = bytes(block.rows)
        value = _hash(ctx, block.number, block.count, block.sealed_at, bytes(block.previous), digest)
        if not equal(value, bytes(block.hash)):
            faults.append(Fault(block.number, "the block itself was altered"))
        if block.pruned_at is None:
            rows = db.fetch_all(ctx.scope, _ROWS, (ctx.tenant.id, block.number))
            if len(rows) != block.count:
                faults.append(Fault(block.number, f"the block sealed {block.count} rows, there are {len(rows)}"))
            elif not equal(_digest(rows), digest):
                faults.append(Fault(block.number, "a row of the block was altered"))
        elif block.sealed_at > kept_since:
            faults.append(Fault(block.number, f"its rows are gone before {KEPT_DAYS} days"))
        previous, expected, latest = bytes(block.hash), block.number + 1, block.sealed_at
    if latest is not None:
        for row in Audit.scoped(ctx).select(Audit.id, Audit.at).where(Audit.block.is_null(), Audit.at < latest - LATE):
            faults.append(
                Fault(
                    0,
                    f"row {row.id} claims {row.at:%Y-%m-%d %H:%M}, before rows sealed long ago: put in",
                )
            )
    strays = Audit.scoped(ctx).select().where(Audit.block >= expected).count()
    if strays:
        faults.append(Fault(expected, f"{strays} rows name a block that does not exist"))
    if noted is not None:
        held = next((b for b in blocks if b.number == noted.number), None)
        if held is None or bytes(held.hash).hex() != noted.hash:
            faults.append(Fault(noted.number, "the chain does not contain the head that was noted"))
    return faults


def prune(ctx: Context, *, days: int = KEPT_DAYS) -> int:
    """Delete the rows of blocks sealed more than `days` days ago; Invalid below 180. The blocks stay."""
    if days < KEPT_DAYS:
        raise Invalid(f"audit rows are kept at least {KEPT_DAYS} days, not {days}", f"审计记录至少保留 {KEPT_DAYS} 天")
    before, gone = ctx.now() - timedelta(days=days), 0
    old = AuditBlock.scoped(ctx).select().where(AuditBlock.pruned_at.is_null(), AuditBlock.sealed_at < before)
    for block in list(old.order_by(AuditBlock.number)):
        gone += Audit.scoped(ctx).delete().where(Audit.block == block.number).execute()
        AuditBlock.scoped(ctx).update(pruned_at=ctx.now()).where(AuditBlock.number == block.number).execute()
    return gone
