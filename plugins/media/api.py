"""What members call, and staff who upload."""

from uuid import UUID

from plugins.media import deletion, moderation, uploads, uses
from plugins.media.models import MediaItem
from plugins.media.schemas import MineOut, NewReport, NewUpload, TicketOut
from roost import Context, Endpoints, Listing, NotFound, PageQuery, Remote, Stat, keyset

member = Endpoints("member")
staff = Endpoints("staff")


def _mine(ctx: Context, row: MediaItem) -> MineOut:
    return MineOut(**uses.seen(ctx, row, uploads.store_for(ctx, row.backend)), created_at=row.created_at)


def _begin(ctx: Context, body: NewUpload) -> TicketOut:
    item, ticket = uploads.begin(ctx, body)
    return TicketOut(
        id=item, method=ticket.method, url=ticket.url, fields=dict(ticket.fields), file_field=ticket.file_field,
        expires_at=ticket.expires_at,
    )  # fmt: skip


@member.post("/uploads", status=201, rate="120/hour")
def begin(ctx: Context, body: NewUpload) -> TicketOut:
    """Ask for a ticket to upload one picture or video; then upload, then complete."""
    return _begin(ctx, body)


@staff.post("/uploads", permission="media.upload", status=201, rate="1200/hour")
def begin_as_staff(ctx: Context, body: NewUpload) -> TicketOut:
    """Ask for a ticket to upload one picture or video of the brand's."""
    return _begin(ctx, body)


class _Complete(Remote):
    """Look whether the file arrived, and have it processed."""

    def prepare(self, ctx: Context, upload_id: UUID) -> uploads.Claimed:  # type: ignore[override]  # the path's
        return uploads.claim(ctx, upload_id)

    def call(self, prepared: uploads.Claimed) -> Stat | None:
        return uploads.look(prepared)

    def complete(self, ctx: Context, prepared: uploads.Claimed, answer: Stat | None) -> MineOut:
        """Have it processed, once."""
        return _mine(ctx, uploads.complete(ctx, prepared, answer))


@member.post("/uploads/{upload_id}/complete")
class Complete(_Complete):
    """Say that the upload is done: it is looked at, drawn anew and judged; read the item to see how it stands."""


@staff.post("/uploads/{upload_id}/complete", permission="media.upload")
class CompleteAsStaff(_Complete):
    """Say that the upload is done."""


@member.get("/items")
def list_items(ctx: Context, page: PageQuery) -> Listing[MineOut]:
    """List what I uploaded, newest first."""
    mine = (
        MediaItem.scoped(ctx)
        .select()
        .where(MediaItem.member == ctx.member, MediaItem.state.not_in(("uploading", "deleted")))
    )
    rows, next_cursor = keyset(mine, MediaItem.id, page)
    return Listing(items=[_mine(ctx, row) for row in rows], next_cursor=next_cursor)


@member.get("/items/{item_id}")
def read_item(ctx: Context, item_id: UUID) -> MineOut:
    """Show one item of mine."""
    row = MediaItem.scoped(ctx).first(MediaItem.id == item_id, MediaItem.member == ctx.member)
    if row is None:
        raise NotFound("there is no such item of yours", "没有这个文件")
    return _mine(ctx, row)


@member.delete("/items/{item_id}")
def delete_item(ctx: Context, item_id: UUID) -> None:
    """Delete an item of mine for good, wherever it is shown."""
    deletion.delete_mine(ctx, ctx.member, item_id)


@member.post("/items/{item_id}/report", rate="30/hour")
def report_item(ctx: Context, item_id: UUID, body: NewReport) -> None:
    """Report somebody else's item; again changes nothing."""
    moderation.report(ctx, ctx.member, item_id, body)
