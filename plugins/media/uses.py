"""Where items are shown: what other plugins do with media."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from plugins.media import deletion
from plugins.media.models import MediaItem, MediaUse
from plugins.media.schemas import ItemOut, MediaSettings
from plugins.media.uploads import store_for
from roost import Context, Invalid, Store

MOST = 50  # items at one place
_SHOWN = {"thumb": "thumb_webp", "view": "view_webp", "jpeg": "view_jpg", "video": "video"}
USABLE = ("processing", "review", "approved")


def attach(ctx: Context, media_ids: Sequence[UUID], *, ref: str, member: UUID | None) -> list[ItemOut]:
    """Show items at a place of `ctx.plugin`'s, in their order; they take the place of what was there.

    `ref` is the plugin's own word for the place (a post's id), at most 80 characters; `member` whose items they must
    be, None for staff's. Items that are not approved yet may be attached: they show once they are. Raises Invalid
    (`media_unusable`) for an item of somebody else, or one that was rejected, deleted or never completed.
    """
    wanted = list(dict.fromkeys(media_ids))
    if len(wanted) != len(media_ids) or len(wanted) > MOST or len(ref) > 80:
        raise Invalid(
            f"at most {MOST} different items at one place", f"最多 {MOST} 个文件，且不能重复", code="media_unusable"
        )
    rows = _rows(ctx, wanted)
    for place, item in enumerate(wanted):
        row = rows.get(item)
        if row is None or row.member != member or row.state not in USABLE:
            raise Invalid(
                f"item {item} cannot be used here: it is somebody else's, or rejected, deleted or not uploaded",
                "文件不可用：不存在、未上传完成或未通过审核",
                code="media_unusable",
                fields=[{"path": f"media.{place}", "message": "cannot be used"}],
            )
    detach(ctx, ref=ref)
    for place, item in enumerate(wanted):
        MediaUse.scoped(ctx).create(media=item, plugin=ctx.plugin, ref=ref, place=place, created_at=ctx.now())
    return views(ctx, wanted)


def detach(ctx: Context, *, ref: str, media_ids: Sequence[UUID] | None = None) -> list[UUID]:
    """Show items, or all, no longer at a place of `ctx.plugin`'s; return those that are shown nowhere any more.

    Nothing is deleted: pass what is returned to `remove` where it should be.
    """
    uses = MediaUse.scoped(ctx).select().where(MediaUse.plugin == ctx.plugin, MediaUse.ref == ref)
    gone = [use for use in uses if media_ids is None or use.media in media_ids]
    if not gone:
        return []
    MediaUse.scoped(ctx).delete().where(MediaUse.id.in_([use.id for use in gone])).execute()
    items = {use.media for use in gone}
    kept = {use.media for use in MediaUse.scoped(ctx).select(MediaUse.media).where(MediaUse.media.in_(list(items)))}
    return sorted(items - kept)


def attached(ctx: Context, refs: Sequence[str]) -> dict[str, list[UUID]]:
    """Return the items at places of `ctx.plugin`'s, in their order."""
    found: dict[str, list[UUID]] = {ref: [] for ref in refs}
    if not refs:
        return found
    uses = MediaUse.scoped(ctx).select().where(MediaUse.plugin == ctx.plugin, MediaUse.ref.in_(list(refs)))
    for use in uses.order_by(MediaUse.place, MediaUse.id):
        found[use.ref].append(use.media)
    return found


def remove(ctx: Context, media_ids: Iterable[UUID]) -> int:
    """Delete items for good, wherever they are shown; return how many there were."""
    return deletion.delete(ctx, _rows(ctx, list(media_ids)))


def views(ctx: Context, media_ids: Sequence[UUID]) -> list[ItemOut]:
    """Return items in the order of their ids, as `ctx.actor` may see them; unknown ones are left out.

    Approved items have addresses for everybody; whoever owns one has them also while it is under review, and staff
    who may review always. That the place itself may be seen is for the plugin to know.
    """
    rows, stores = _rows(ctx, media_ids), {}
    shown = []
    for item in media_ids:
        row = rows.get(item)
        if row is not None:
            if row.backend not in stores:
                stores[row.backend] = store_for(ctx, row.backend)
            shown.append(ItemOut(**seen(ctx, row, stores[row.backend])))
    return shown


def _rows(ctx: Context, media_ids: Sequence[UUID]) -> Mapping[UUID, MediaItem]:
    if not media_ids:
        return {}
    return {row.id: row for row in MediaItem.scoped(ctx).select().where(MediaItem.id.in_(list(media_ids)))}


def may_see(ctx: Context, row: MediaItem) -> bool:
    """Tell whether the actor may see an item's pictures."""
    if row.state == "approved":
        return True
    if row.state == "deleted":
        return False
    if ctx.actor.kind in ("staff", "key"):
        return ctx.has("media.review")
    return ctx.actor.kind == "member" and row.member == ctx.actor.id and row.state in ("processing", "review")


def seen_names() -> frozenset[str]:
    """Return the names of what `seen` gives beside what a row has."""
    return frozenset(_SHOWN)


def seen(ctx: Context, row: MediaItem, store: Store) -> dict[str, Any]:  # Any: what ItemOut takes
    """Return an item's values as the actor may see them."""
    ttl = ctx.settings(MediaSettings).url_minutes * 60
    urls = {
        shown: store.download_url(row.variants[name]["key"], ttl=ttl)
        for shown, name in _SHOWN.items()
        if name in row.variants and may_see(ctx, row)
    }
    return {
        "id": row.id, "kind": row.kind, "state": row.state, "reason": row.reason if row.state == "rejected" else "",
        "width": row.width, "height": row.height, "duration_ms": row.duration_ms, **urls,
    }  # fmt: skip
