"""A member's pictures and videos when they leave, merge, or ask for a copy; and all of a tenant's at its end."""

from typing import Any
from uuid import UUID

from plugins.media import deletion
from plugins.media.models import MediaItem
from plugins.media.schemas import PurgeAllJob
from plugins.media.uploads import store_for
from roost import Context, Veto

EXPORT_TTL = 24 * 3600  # seconds an address in an export is good at least


def erase(ctx: Context, member: UUID) -> None:
    """Delete all that the member uploaded, and forget whose it was."""
    rows = MediaItem.scoped(ctx).select(MediaItem.id).where(MediaItem.member == member)
    deletion.delete(ctx, [row.id for row in rows], forget=True)


def export(ctx: Context, member: UUID) -> dict[str, Any]:
    """Return the member's items, with addresses to fetch them from."""
    rows = MediaItem.scoped(ctx).select().where(MediaItem.member == member, MediaItem.state != "deleted")
    return {
        "items": [
            {
                "id": str(row.id), "kind": row.kind, "state": row.state, "at": row.created_at.isoformat(),
                "files": {
                    name: store_for(ctx, row.backend).download_url(one["key"], ttl=EXPORT_TTL)
                    for name, one in row.variants.items()
                },
            }
            for row in rows.order_by(MediaItem.id)
        ],
    }  # fmt: skip


def purge(ctx: Context) -> None:
    """Have a job delete all of this tenant's files."""
    backends = {row.backend for row in MediaItem.scoped(ctx).select(MediaItem.backend).distinct()}
    if backends:
        ctx.enqueue("media.purge_all", PurgeAllJob(backends=sorted(backends)))


def may_switch_off(ctx: Context) -> Veto | None:
    """Refuse while uploads are at work, or files of deleted items are still there."""
    rows = MediaItem.scoped(ctx).select()
    busy = rows.where(MediaItem.state == "processing").count()
    left = rows.where(MediaItem.state == "deleted", MediaItem.purged_at.is_null()).count()
    if not busy and not left:
        return None
    return Veto(
        "in_flight",
        f"{busy} uploads are being processed and the files of {left} deleted items are still there",
        f"还有 {busy} 个文件处理中，{left} 个已删除文件尚未清除",
    )
