"""The gifts a tenant has defined, and their stock."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from plugins.gifts.models import GiftsGift
from plugins.gifts.schemas import GiftEdit, GiftIn, Restock
from roost import Conflict, Context, Invalid, inventory, new_id


def gift_by_code(ctx: Context, code: str) -> GiftsGift:
    """Return a gift that may be given. Raises Conflict when it is not defined or is off: the rule then
    waits.
    """
    gift = GiftsGift.scoped(ctx).first(GiftsGift.code == code, GiftsGift.active == True)  # noqa: E712 -- a query
    if gift is None:
        raise Conflict(
            f"there is no gift {code!r} that is on: define it, or change the rule",
            f"礼品 {code} 不存在或已停用，请先建立或修改规则",
            code="gift_missing",
            gift=code,
        )
    return gift  # type: ignore[no-any-return]  # peewee


def named_gifts(ctx: Context) -> list[tuple[str, str]]:
    """Return the gifts that are on, by code: what a rule may give."""
    rows = GiftsGift.scoped(ctx).select().where(GiftsGift.active == True)  # noqa: E712 -- a query expression
    return [(row.code, row.name) for row in rows.order_by(GiftsGift.name)]


def define(ctx: Context, body: GiftIn) -> GiftsGift:
    """Define a gift; with `stock` it is counted from now on. Raises Conflict when the code is taken."""
    with ctx.transaction():
        if GiftsGift.scoped(ctx).first(GiftsGift.code == body.code):
            raise Conflict(f"there is a gift {body.code!r} already", f"礼品编码 {body.code} 已存在")
        values = body.model_dump(exclude={"stock"})
        gift = GiftsGift.scoped(ctx).create(id=new_id(), tracked=body.stock is not None, created_at=ctx.now(), **values)
        if body.stock is not None:
            inventory.define(ctx, gift.item, body.stock)
        return gift  # type: ignore[no-any-return]  # peewee


def edit(ctx: Context, gift_id: UUID, body: GiftEdit) -> GiftsGift:
    """Change a gift; claims that were made keep what they promised."""
    with ctx.transaction():
        gift = GiftsGift.scoped(ctx).lock(GiftsGift.id == gift_id)
        values = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
        if gift.kind != "points" and values.get("points"):
            raise Invalid(
                "only a gift of points has points",
                "只有积分礼有积分数",
                fields=[{"path": "points", "message": "none here"}],
            )
        if values:
            GiftsGift.scoped(ctx).update(**values).where(GiftsGift.id == gift_id).execute()
        return GiftsGift.scoped(ctx).get(GiftsGift.id == gift_id)  # type: ignore[no-any-return]  # peewee


def restock(ctx: Context, gift_id: UUID, body: Restock) -> None:
    """Add to the stock of a physical gift, or begin to count it."""
    with ctx.transaction():
        gift = GiftsGift.scoped(ctx).lock(GiftsGift.id == gift_id)
        if gift.kind != "physical":
            raise Invalid("only physical gifts have stock", "只有实物有库存")
        if gift.tracked:
            inventory.restock(ctx, gift.item, body.quantity, key=f"restock:{gift_id}:{new_id()}")
        else:
            inventory.define(ctx, gift.item, body.quantity)
            GiftsGift.scoped(ctx).update(tracked=True).where(GiftsGift.id == gift_id).execute()


def present(ctx: Context, rows: Sequence[GiftsGift]) -> Sequence[Any]:
    return [{"left": inventory.available(ctx, row.item) if row.tracked else None} for row in rows]
