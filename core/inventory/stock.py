"""Items and how many there are: define, restock, count."""

from dataclasses import dataclass
from uuid import UUID

from core import db
from core.content import Content
from core.contract.context import Context
from core.errors import Conflict, Invalid, NotFound
from core.ids import new_id
from core.inventory.values import Counts
from core.words import Text

RESTOCK = Content("restock", Text("补货", "restocking"), ("item", "quantity"))
LARGEST_QUANTITY = 10**9
LONGEST_ITEM = 120
LONGEST_KEY = 200
MOST_BUCKETS = 64
USUAL_BUCKETS = 16
UNITS_PER_BUCKET = 4  # with fewer, buyers spend their time sweeping empty buckets

_DEFINE = db.Sql(
    "INSERT INTO inventory_item (id, tenant, plugin, item, total, buckets, created_at)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (tenant, plugin, item) DO NOTHING RETURNING id"
)
_FIND = db.Sql("SELECT id, total, buckets FROM inventory_item WHERE tenant = %s AND plugin = %s AND item = %s")
_AVAILABLE = db.Sql(
    "SELECT (SELECT COALESCE(SUM(b.available), 0) FROM inventory_bucket b WHERE b.tenant = i.tenant AND b.item = i.id)"
    " FROM inventory_item i WHERE i.tenant = %s AND i.plugin = %s AND i.item = %s"
)
_STATES = db.Sql(
    "SELECT state, SUM(quantity) FROM inventory_reservation WHERE tenant = %s AND item = %s"
    " AND state IN ('open', 'confirmed') GROUP BY state"
)
_RESTOCK = db.Sql(
    "INSERT INTO inventory_restock (tenant, item, plugin, key, quantity, created_at) VALUES (%s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (tenant, plugin, key) DO NOTHING RETURNING id"
)
_NAME = db.Sql("SELECT item FROM inventory_item WHERE tenant = %s AND id = %s")
_RESTOCKED = db.Sql("SELECT item, quantity FROM inventory_restock WHERE tenant = %s AND plugin = %s AND key = %s")
_MORE_TOTAL = db.Sql("UPDATE inventory_item SET total = total + %s WHERE tenant = %s AND id = %s")
PUT_BACK = db.Sql(
    "UPDATE inventory_bucket SET available = available + %s WHERE tenant = %s AND item = %s AND number = %s"
)


@dataclass(frozen=True, slots=True)
class Item:
    """An item as it was defined."""

    id: UUID
    total: int
    buckets: int


def define(ctx: Context, item: str, quantity: int, *, buckets: int | None = None) -> None:
    """Put `quantity` units of a new item of `ctx.plugin` in stock.

    `buckets` says over how many rows they are spread on PostgreSQL (SQLite has one writer, and so one row). The same
    definition again changes nothing; another quantity raises Conflict (`already_defined`): use `restock`.
    """
    if not item or len(item) > LONGEST_ITEM:
        raise Invalid(f"an item's key has 1 to {LONGEST_ITEM} characters, not {len(item)}", "物品编号长度有误")
    check_quantity(quantity, least=0)
    if buckets is not None and not 1 <= buckets <= MOST_BUCKETS:
        raise Invalid(f"an item has 1 to {MOST_BUCKETS} buckets, not {buckets}", f"分桶数须为 1 至 {MOST_BUCKETS}")
    count = buckets or max(1, min(USUAL_BUCKETS, quantity // UNITS_PER_BUCKET))
    if db.dialect() == "sqlite":
        count = 1
    require_transaction()
    made = new_id()
    values = (made, ctx.tenant.id, ctx.plugin, item, quantity, count, ctx.now())
    if db.fetch_one(ctx.scope, _DEFINE, values) is None:
        held = find(ctx, item)
        if held.total != quantity:
            raise Conflict(
                f"{item} is defined already, with {held.total} units; use restock to add to them",
                "该物品已定义库存，请用补货",
                code="already_defined",
                total=held.total,
            )
        return
    rows = [(ctx.tenant.id, made, number, share) for number, share in enumerate(_spread(quantity, count))]
    text = "INSERT INTO inventory_bucket (tenant, item, number, available) VALUES "
    marks = ",".join(["(%s, %s, %s, %s)"] * len(rows))
    db.run(ctx.scope, db.Sql(text + marks), [value for row in rows for value in row])


def restock(ctx: Context, item: str, quantity: int, *, key: str) -> None:
    """Add units to an item, once for `key`. Raises NotFound, Invalid, and KeyReused for another item or quantity."""
    check_quantity(quantity)
    check_key(key)
    require_transaction()
    held = find(ctx, item)
    values = (ctx.tenant.id, held.id, ctx.plugin, key, quantity, ctx.now())
    if db.fetch_one(ctx.scope, _RESTOCK, values) is None:
        row = db.fetch_one(ctx.scope, _RESTOCKED, (ctx.tenant.id, ctx.plugin, key))
        kept = {} if row is None else {"item": _name_of(ctx, uuid_of(row[0])), "quantity": int(row[1])}
        RESTOCK.check(key, kept, {"item": item, "quantity": quantity})
        return
    db.run(ctx.scope, _MORE_TOTAL, (quantity, ctx.tenant.id, held.id))
    for number, share in enumerate(_spread(quantity, held.buckets)):
        if share:
            db.run(ctx.scope, PUT_BACK, (share, ctx.tenant.id, held.id, number))


def available(ctx: Context, item: str) -> int:
    """Return how many units can be reserved now. Raises NotFound."""
    row = db.fetch_one(ctx.scope, _AVAILABLE, (ctx.tenant.id, ctx.plugin, item))
    if row is None:
        raise unknown(item)
    return int(row[0])


def counts(ctx: Context, item: str) -> Counts:
    """Return where an item's units are. Raises NotFound."""
    held = find(ctx, item)
    states = {row[0]: int(row[1]) for row in db.fetch_all(ctx.scope, _STATES, (ctx.tenant.id, held.id))}
    return Counts(held.total, available(ctx, item), states.get("open", 0), states.get("confirmed", 0))


# --- parts -----------------------------------------------------------------------------------------------------------


def _spread(quantity: int, buckets: int) -> list[int]:
    each, more = divmod(quantity, buckets)
    return [each + (number < more) for number in range(buckets)]


def find(ctx: Context, item: str) -> Item:
    """Return an item of `ctx.plugin`. Raises NotFound."""
    row = db.fetch_one(ctx.scope, _FIND, (ctx.tenant.id, ctx.plugin, item))
    if row is None:
        raise unknown(item)
    return Item(uuid_of(row[0]), int(row[1]), int(row[2]))


def unknown(item: str) -> NotFound:
    """Make the error of an item that was never defined."""
    return NotFound(f"no stock of {item!r} was defined", "没有这个物品的库存", item=item[:LONGEST_ITEM])


def _name_of(ctx: Context, item: UUID) -> str:
    row = db.fetch_one(ctx.scope, _NAME, (ctx.tenant.id, item))
    return "" if row is None else str(row[0])


def check_quantity(quantity: object, *, least: int = 1) -> None:
    """Raise Invalid unless `quantity` is a whole number from `least` to LARGEST_QUANTITY."""
    if type(quantity) is not int or not least <= quantity <= LARGEST_QUANTITY:
        raise Invalid(
            f"a quantity is a whole number from {least} to {LARGEST_QUANTITY}, not {quantity!r}",
            f"数量须为 {least} 至 {LARGEST_QUANTITY} 的整数",
            code="invalid_quantity",
        )


def check_key(key: str) -> None:
    """Raise Invalid unless `key` can stand in the table."""
    if not key or len(key) > LONGEST_KEY or "\x00" in key:
        raise Invalid(f"a key has 1 to {LONGEST_KEY} characters; this one has {len(key)}", "键的长度有误")


def require_transaction() -> None:
    """Raise RuntimeError outside a transaction: half a reservation must never be committed."""
    if not db.in_transaction():
        raise RuntimeError("inventory needs an open transaction: `with ctx.transaction():` around the call")


def uuid_of(value: UUID | str) -> UUID:
    """Read an id of a raw row that is never NULL."""
    return UUID(value) if isinstance(value, str) else value
