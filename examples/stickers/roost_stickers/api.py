"""What members call."""

from uuid import UUID

from roost import Context, Endpoints, Listing, PageQuery, keyset
from roost_stickers import service
from roost_stickers.models import StickersOwned
from roost_stickers.schemas import StickerOut

member = Endpoints("member")


@member.get("")
def list_stickers(ctx: Context, page: PageQuery) -> Listing[StickerOut]:
    """List my stickers, newest first."""
    mine = StickersOwned.scoped(ctx).select().where(StickersOwned.member == ctx.member)
    rows, next_cursor = keyset(mine, StickersOwned.id, page)
    return Listing[StickerOut](items=rows, next_cursor=next_cursor)


@member.post("/{sticker_id}/wear")
def wear(ctx: Context, sticker_id: UUID) -> StickerOut:
    """Wear one of my stickers."""
    return StickerOut.model_validate(service.wear(ctx, sticker_id))
