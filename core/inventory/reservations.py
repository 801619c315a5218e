"""Reserve, confirm, release, and the sweep of what ran out of time.

Lock order: the reservation, the member's limits by name, buckets by number. A refusal reads and changes nothing.
"""

import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from core import db
from core.content import Content
from core.contract.context import Context
from core.errors import Conflict, Invalid, LimitReached, NotFound, RoostError, SoldOut
from core.fields import as_time, as_uuid
from core.ids import new_id
from core.inventory.stock import (
    PUT_BACK,
    check_key,
    check_quantity,
    require_transaction,
    unknown,
    uuid_of,
)
from core.inventory.values import Limit, Reservation
from core.words import Text

RESERVATION = Content("reservation", Text("预留", "reservation"), ("item", "quantity", "member", "limits"))
LONGEST_LIMIT = 120
MOST_TRIES = 32  # buckets lost to others between looking and taking, before all are locked

_LOOK = db.Sql(
    "SELECT i.id, i.buckets, (SELECT COALESCE(SUM(b.available), 0) FROM inventory_bucket b"
    " WHERE b.tenant = i.tenant AND b.item = i.id), r.id FROM inventory_item i LEFT JOIN inventory_reservation r"
    " ON r.tenant = i.tenant AND r.plugin = i.plugin AND r.key = %s"
    " WHERE i.tenant = %s AND i.plugin = %s AND i.item = %s"
)
_INSERT = db.Sql(
    "INSERT INTO inventory_reservation"
    " (id, tenant, item, plugin, key, quantity, member, state, deadline, parts, limits, created_at)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, 'open', %s, %s, %s, %s)"
    " ON CONFLICT (tenant, plugin, key) DO NOTHING RETURNING id"
)
_DROP = db.Sql("DELETE FROM inventory_reservation WHERE tenant = %s AND id = %s")
_PARTS = db.Sql("UPDATE inventory_reservation SET parts = %s WHERE tenant = %s AND id = %s")
_USE_LIMIT = db.Sql(
    "INSERT INTO inventory_limit (tenant, plugin, name, member, used) VALUES (%s, %s, %s, %s, %s)"
    " ON CONFLICT (tenant, plugin, name, member) DO UPDATE SET used = inventory_limit.used + excluded.used"
    " WHERE inventory_limit.used + excluded.used <= %s RETURNING used"
)
_FREE_LIMIT = db.Sql(
    "UPDATE inventory_limit SET used = used - %s WHERE tenant = %s AND plugin = %s AND name = %s AND member = %s"
)
_TAKE = db.Sql(
    "UPDATE inventory_bucket SET available = available - %s"
    " WHERE tenant = %s AND item = %s AND number = %s AND available >= %s RETURNING number"
)
_ENOUGH = db.Sql(
    "SELECT number FROM inventory_bucket WHERE tenant = %s AND item = %s AND available >= %s ORDER BY number"
)
_LEFT = (
    "SELECT number, available FROM inventory_bucket WHERE tenant = %s AND item = %s AND available > 0 ORDER BY number"
)
_LOCK_LEFT = db.Sql(f"{_LEFT} FOR UPDATE", sqlite=_LEFT)

_COLUMNS = "r.id, r.item, i.item, r.plugin, r.quantity, r.state, r.deadline, r.member, r.parts, r.limits, r.key"
_READ_FROM = (
    "FROM inventory_reservation r JOIN inventory_item i ON i.tenant = r.tenant AND i.id = r.item"
    " WHERE r.tenant = %s AND r.plugin = %s"
)
_READ = db.Sql(f"SELECT {_COLUMNS} {_READ_FROM} AND r.id = %s")
_READ_KEY = db.Sql(f"SELECT {_COLUMNS} {_READ_FROM} AND r.key = %s")
_CONFIRM = db.Sql(
    "UPDATE inventory_reservation SET state = 'confirmed' WHERE tenant = %s AND id = %s AND state = 'open' RETURNING id"
)
_RELEASE = db.Sql(
    "UPDATE inventory_reservation SET state = 'released'"
    " WHERE tenant = %s AND id = %s AND state <> 'released' RETURNING id"
)


class _Row:
    """A stored reservation."""

    def __init__(self, row: Sequence[Any]) -> None:
        self.id, self.item = uuid_of(row[0]), uuid_of(row[1])
        self.plugin: str = row[3]
        self.quantity = int(row[4])
        self.state: Any = row[5]
        self.member = as_uuid(row[7])
        self.parts: list[list[int]] = json.loads(row[8])
        self.limits: list[str] = json.loads(row[9])
        self.view = Reservation(self.id, row[2], self.quantity, self.state, as_time(row[6]), self.member)

    def asked(self) -> dict[str, Any]:
        """Return what a repeated key must ask again."""
        v = self.view
        return {"item": v.item, "quantity": v.quantity, "member": v.member, "limits": sorted(self.limits)}

    def now(self, state: Any) -> Reservation:
        """Return the view in its new state."""
        v = self.view
        return Reservation(v.id, v.item, v.quantity, state, v.deadline, v.member)


# --- reserve ---------------------------------------------------------------------------------------------------------


def reserve(
    ctx: Context,
    item: str,
    quantity: int,
    *,
    key: str,
    member: UUID | None = None,
    deadline: datetime | None = None,
    limits: Sequence[Limit] = (),
) -> Reservation:
    """Take `quantity` units out of stock for somebody; a known key returns the reservation as it stands.

    `limits` are the member's own. Nothing happens by itself at the `deadline`: whoever reserved gives the units
    back (`release`), together with the points that stand beside them. Raises NotFound, Invalid, KeyReused,
    LimitReached, and SoldOut when fewer units than asked for are left.
    """
    _check(quantity, key, member, limits)
    names = [limit.name for limit in limits]
    asked = {"item": item, "quantity": quantity, "member": member, "limits": sorted(names)}
    look = db.fetch_one(ctx.scope, _LOOK, (key, ctx.tenant.id, ctx.plugin, item))
    if look is None:
        raise unknown(item)
    item_id, buckets, left = uuid_of(look[0]), int(look[1]), int(look[2])
    if look[3] is not None:
        return _again(ctx, key, asked)
    if deadline is not None and (deadline.tzinfo is None or deadline <= ctx.now()):
        raise Invalid(f"the deadline {deadline} is not an instant in the future", "截止时间必须晚于现在")
    if left < quantity:
        raise _sold_out(item, quantity, left)
    made, start = new_id(), zlib.crc32(key.encode()) % buckets
    values = (
        made, ctx.tenant.id, item_id, ctx.plugin, key, quantity, member, deadline, json.dumps([[start, quantity]]),
        json.dumps(names), ctx.now(),
    )  # fmt: skip
    if db.fetch_one(ctx.scope, _INSERT, values) is None:
        return _again(ctx, key, asked)
    used: list[str] = []
    with _undone_when_refused(ctx, made, member, quantity, used):
        for limit in sorted(limits, key=lambda one: one.name):
            _use_limit(ctx, member, quantity, limit)
            used.append(limit.name)
        parts = _take(ctx, item_id, quantity, start)
        if parts is None:
            raise _sold_out(item, quantity, 0)
    if parts != [[start, quantity]]:
        db.run(ctx.scope, _PARTS, (json.dumps(parts), ctx.tenant.id, made))
    return Reservation(made, item, quantity, "open", deadline, member)


def _check(quantity: int, key: str, member: UUID | None, limits: Sequence[Limit]) -> None:
    check_quantity(quantity)
    check_key(key)
    require_transaction()
    names = [limit.name for limit in limits]
    if limits and member is None:
        raise Invalid("limits are a member's own: say whose", "限购需要指定会员")
    if len(set(names)) < len(names) or not all(0 < len(name) <= LONGEST_LIMIT for name in names):
        raise Invalid(
            f"limits have names of their own, of 1 to {LONGEST_LIMIT} characters; not {names}", "限购名称有误"
        )


def _again(ctx: Context, key: str, asked: Mapping[str, Any]) -> Reservation:
    row = db.fetch_one(ctx.scope, _READ_KEY, (ctx.tenant.id, ctx.plugin, key))
    if row is None:
        raise RESERVATION.conflict(key, {}, asked)
    found = _Row(row)
    RESERVATION.check(key, found.asked(), asked)
    return found.view


def _sold_out(item: str, wanted: int, left: int) -> SoldOut:
    if left:
        return SoldOut(f"{left} of {item} are left, not {wanted}", f"库存不足，仅剩 {left}", item=item, left=left)
    return SoldOut(f"{item} is sold out", "已售罄", item=item, left=0)


def _use_limit(ctx: Context, member: UUID | None, quantity: int, limit: Limit) -> None:
    values = (ctx.tenant.id, ctx.plugin, limit.name, member, quantity, limit.most)
    if quantity > limit.most or db.fetch_one(ctx.scope, _USE_LIMIT, values) is None:
        raise LimitReached(
            f"at most {limit.most} for a member ({limit.name})", f"每人限 {limit.most} 份",
            limit=limit.name, most=limit.most,
        )  # fmt: skip


@contextmanager
def _undone_when_refused(
    ctx: Context, reservation: UUID, member: UUID | None, quantity: int, used: list[str]
) -> Iterator[None]:
    """Take back what a refused reservation wrote, so that a caller who goes on and commits leaves no trace of it."""
    try:
        yield
    except RoostError:
        for name in used:
            db.run(ctx.scope, _FREE_LIMIT, (quantity, ctx.tenant.id, ctx.plugin, name, member))
        db.run(ctx.scope, _DROP, (ctx.tenant.id, reservation))
        raise


def _take(ctx: Context, item: UUID, quantity: int, start: int) -> list[list[int]] | None:
    """Take units from the bucket `start`, else from another that has enough, else from several; None: too few."""
    tried = 0
    candidates = [start]
    while candidates and tried < MOST_TRIES:
        for number in candidates:
            tried += 1
            if db.fetch_one(ctx.scope, _TAKE, (quantity, ctx.tenant.id, item, number, quantity)) is not None:
                return [[number, quantity]]
        found = [int(row[0]) for row in db.fetch_all(ctx.scope, _ENOUGH, (ctx.tenant.id, item, quantity))]
        candidates = [n for n in found if n > start] + [n for n in found if n <= start]
    return _take_from_several(ctx, item, quantity)


def _take_from_several(ctx: Context, item: UUID, quantity: int) -> list[list[int]] | None:
    """Lock what is left, in order, and decide: no one else can take from it meanwhile."""
    left = [(int(row[0]), int(row[1])) for row in db.fetch_all(ctx.scope, _LOCK_LEFT, (ctx.tenant.id, item))]
    if sum(there for _, there in left) < quantity:
        return None
    parts: list[list[int]] = []
    for number, there in left:
        part = min(there, quantity - sum(taken for _, taken in parts))
        if not part:
            break
        db.run(ctx.scope, _TAKE, (part, ctx.tenant.id, item, number, part))
        parts.append([number, part])
    return parts


# --- confirm, release, sweep -----------------------------------------------------------------------------------------


def get(ctx: Context, reservation_id: UUID) -> Reservation:
    """Return a reservation of `ctx.plugin` as it stands. Raises NotFound."""
    return _read(ctx, reservation_id).view


def confirm(ctx: Context, reservation_id: UUID) -> Reservation:
    """Make a reservation final; what is confirmed already stays so. A deadline counts only once the sweep has come.

    Raises NotFound, and Conflict (`released`) when the units went back before.
    """
    require_transaction()
    row = _read(ctx, reservation_id)
    if db.fetch_one(ctx.scope, _CONFIRM, (ctx.tenant.id, row.id)) is None:
        state = _read(ctx, reservation_id).state
        if state != "confirmed":
            raise Conflict(f"the reservation {row.id} was released", "预留已释放", code="released")
    return row.now("confirmed")


def release(ctx: Context, reservation_id: UUID, *, restock_limit: bool = True) -> Reservation:
    """Put a reservation's units back, open or confirmed (a cancelled order); what is released already stays so.

    `restock_limit` gives the member's limits back too. Raises NotFound.
    """
    require_transaction()
    row = _read(ctx, reservation_id)
    if db.fetch_one(ctx.scope, _RELEASE, (ctx.tenant.id, row.id)) is not None:
        _put_back(ctx, [row], limits=restock_limit)
    return row.now("released")


def _read(ctx: Context, reservation: UUID) -> _Row:
    row = db.fetch_one(ctx.scope, _READ, (ctx.tenant.id, ctx.plugin, reservation))
    if row is None:
        raise NotFound(f"there is no reservation {reservation}", "找不到这笔预留")
    return _Row(row)


def _put_back(ctx: Context, rows: Sequence[_Row], *, limits: bool) -> None:
    """Return units to members' limits and to buckets, each touched once and in order."""
    freed: Counter[tuple[str, UUID]] = Counter()
    back: Counter[tuple[UUID, int]] = Counter()
    for row in rows:
        for number, units in row.parts:
            back[(row.item, number)] += units
        for name in row.limits if limits else ():
            assert row.member is not None
            freed[(name, row.member)] += row.quantity
    for (name, member), units in sorted(freed.items()):
        db.run(ctx.scope, _FREE_LIMIT, (units, ctx.tenant.id, ctx.plugin, name, member))
    for (item, number), units in sorted(back.items()):
        db.run(ctx.scope, PUT_BACK, (units, ctx.tenant.id, item, number))
