"""The logic: takes a context and values, knows nothing of HTTP, hooks or queues."""

from uuid import UUID

from roost import Conflict, Context, NotFound, members
from roost_stickers.models import StickersDesign, StickersOwned
from roost_stickers.schemas import DesignForm


def create_design(ctx: Context, form: DesignForm) -> UUID:
    """Draw a sticker. Raises Conflict when its code is taken."""
    if StickersDesign.scoped(ctx).first(StickersDesign.code == form.code):
        raise Conflict(f"there is a sticker {form.code!r} already", f"贴纸 {form.code} 已存在")
    design: UUID = StickersDesign.scoped(ctx).create(created_at=ctx.now(), **form.model_dump()).id
    return design


def give(ctx: Context, member: UUID, design: str, key: str) -> UUID:
    """Give a member a sticker, once for a key. Raises NotFound for an unknown design or member."""
    if StickersDesign.scoped(ctx).first(StickersDesign.code == design) is None:
        raise NotFound(f"there is no sticker {design!r}", f"没有贴纸 {design}")
    member = members.get(ctx, member).id
    new = StickersOwned.scoped(ctx).insert(member=member, design=design, key=key, created_at=ctx.now())
    new.on_conflict_ignore().execute()
    sticker: UUID = StickersOwned.scoped(ctx).get(StickersOwned.key == key).id
    return sticker


def take_back(ctx: Context, sticker: UUID) -> None:
    """Take a sticker back."""
    StickersOwned.scoped(ctx).delete().where(StickersOwned.id == sticker).execute()


def wear(ctx: Context, sticker: UUID) -> StickersOwned:
    """Wear one of one's own stickers and take off the others. Raises NotFound for anybody else's."""
    StickersOwned.scoped(ctx).lock(StickersOwned.id == sticker, StickersOwned.member == ctx.member)
    StickersOwned.scoped(ctx).update(worn=False).where(StickersOwned.member == ctx.member).execute()
    StickersOwned.scoped(ctx).update(worn=True).where(StickersOwned.id == sticker).execute()
    row: StickersOwned = StickersOwned.scoped(ctx).get(StickersOwned.id == sticker)
    return row


def keep_one_worn(ctx: Context, member: UUID, merged: UUID) -> None:
    """Take off what the merged record wears: a member wears one."""
    StickersOwned.scoped(ctx).update(worn=False).where(StickersOwned.member == merged).execute()
