"""The logic: takes a context and values, knows nothing of HTTP, hooks or queues."""

from typing import Any
from uuid import UUID

from roost import Conflict, Context, NotFound, members
from roost_stickers.models import StickersDesign, StickersOwned
from roost_stickers.schemas import DesignForm


def create_design(ctx: Context, form: DesignForm) -> UUID:
    """Draw a sticker. Raises Conflict when its code is taken."""
    if StickersDesign.scoped(ctx).first(StickersDesign.code == form.code):
        raise Conflict(f"there is a sticker {form.code!r} already", f"贴纸 {form.code} 已存在")
    row = StickersDesign.scoped(ctx).create(code=form.code, title=form.title, created_at=ctx.now())
    return row.id  # type: ignore[no-any-return]  # peewee rows are untyped


def give(ctx: Context, member: UUID, design: str, key: str) -> UUID:
    """Give a member a sticker, once for a key. Raises NotFound for an unknown design or member."""
    if StickersDesign.scoped(ctx).first(StickersDesign.code == design) is None:
        raise NotFound(f"there is no sticker {design!r}", f"没有贴纸 {design}")
    member = members.get(ctx, member).id
    StickersOwned.scoped(ctx).insert(
        member=member, design=design, key=key, created_at=ctx.now()
    ).on_conflict_ignore().execute()
    return StickersOwned.scoped(ctx).get(StickersOwned.key == key).id  # type: ignore[no-any-return]  # peewee rows are untyped


def take_back(ctx: Context, sticker: UUID) -> None:
    """Take a sticker back."""
    StickersOwned.scoped(ctx).delete().where(StickersOwned.id == sticker).execute()


def of_member(ctx: Context, member: UUID) -> list[StickersOwned]:
    """Return a member's stickers, oldest first."""
    return list(StickersOwned.scoped(ctx).select().where(StickersOwned.member == member).order_by(StickersOwned.id))


def wear(ctx: Context, member: UUID, sticker: UUID) -> StickersOwned:
    """Wear one sticker and take off the others. Raises NotFound when it is not the member's."""
    StickersOwned.scoped(ctx).lock(StickersOwned.id == sticker, StickersOwned.member == member)
    StickersOwned.scoped(ctx).update(worn=False).where(StickersOwned.member == member).execute()
    StickersOwned.scoped(ctx).update(worn=True).where(StickersOwned.id == sticker).execute()
    row: StickersOwned = StickersOwned.scoped(ctx).get(StickersOwned.id == sticker)
    return row


def erase(ctx: Context, member: UUID) -> None:
    """Forget a member's stickers."""
    StickersOwned.scoped(ctx).delete().where(StickersOwned.member == member).execute()


def merge(ctx: Context, member: UUID, merged: UUID) -> None:
    """Make the merged member's stickers the member's; only one stays worn."""
    StickersOwned.scoped(ctx).update(member=member, worn=False).where(StickersOwned.member == merged).execute()


def export(ctx: Context, member: UUID) -> dict[str, Any]:
    """Return a member's stickers as JSON values."""
    return {"stickers": [{"design": row.design, "worn": row.worn} for row in of_member(ctx, member)]}
