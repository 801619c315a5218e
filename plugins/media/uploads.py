"""Begin an upload, and say that it is done."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from peewee import fn

from plugins.media.models import MediaItem
from plugins.media.schemas import IMAGE_TYPES, MB, VIDEO_TYPES, ItemJob, Kind, MediaSettings, NewUpload
from roost import (
    Conflict,
    Context,
    Invalid,
    LimitReached,
    NotFound,
    Stat,
    Storage,
    Store,
    Ticket,
    Unavailable,
    new_id,
)

CLEARED_AFTER = timedelta(hours=1)  # after a ticket's end: what began in time may take a while
GIVEN_UP_AFTER = timedelta(hours=24)
DAY = timedelta(hours=24)


def incoming(item: UUID) -> str:
    return f"incoming/{item.hex}"


def files(item: UUID) -> str:
    return f"files/{item.hex}"


def store_for(ctx: Context, backend: str = "") -> Store:
    """Return where media are; also when another plugin asks. Raises Unavailable where nothing keeps files."""
    found = ctx.providers(Storage, installed=True)  # what was put there is found also when it was switched off
    if not found:
        raise Unavailable("no plugin that keeps files is installed", "未安装文件存储插件")
    return found[0][1].store(ctx.for_plugin("media"), backend)


def limit_of(settings: MediaSettings, kind: Kind) -> int:
    return (settings.picture_mb if kind == "image" else settings.video_mb) * MB


def begin(ctx: Context, new: NewUpload) -> tuple[UUID, Ticket]:
    """Make an item of the actor's and a ticket to upload it.

    Raises Invalid (`unsupported_type`, `too_large`), LimitReached when too many uploads are begun and not completed,
    or too many megabytes in a day.
    """
    settings = ctx.settings(MediaSettings)
    if new.content_type not in (IMAGE_TYPES if new.kind == "image" else VIDEO_TYPES):
        raise Invalid(
            f"{new.content_type} is not taken as {new.kind}: send JPEG, PNG, WebP or GIF, or a video as MP4",
            "不支持该文件类型",
            code="unsupported_type",
            fields=[{"path": "body.content_type", "message": "not taken"}],
        )
    most = limit_of(settings, new.kind)
    if new.size > most:
        raise Invalid(
            f"a {new.kind} has at most {most // MB} MB",
            f"文件不能超过 {most // MB} MB",
            code="too_large",
            fields=[{"path": "body.size", "message": f"at most {most}"}],
        )
    member = ctx.actor.id if ctx.actor.kind == "member" else None
    if member is not None:
        waiting = MediaItem.scoped(ctx).select().where(MediaItem.member == member, MediaItem.state == "uploading")
        if waiting.count() >= settings.open_uploads:
            raise LimitReached(
                f"{settings.open_uploads} uploads are begun and not completed", "有太多未完成的上传，请稍后再试"
            )
        _hold_to_day(ctx, settings, member, new.size)
    item, store = new_id(), store_for(ctx)
    ticket = store.upload_ticket(
        f"{incoming(item)}/upload",
        content_type=new.content_type,
        least=new.size,
        most=new.size,
        ttl=settings.ticket_minutes * 60,
    )
    until = ctx.now() + timedelta(minutes=settings.ticket_minutes)
    MediaItem.scoped(ctx).create(
        id=item, member=member, uploader=str(ctx.actor), kind=new.kind, scene=new.scene, backend=store.backend,
        content_type=new.content_type, size=new.size, ticket_until=until, created_at=ctx.now(),
        judge_by=ctx.now() + GIVEN_UP_AFTER,
    )  # fmt: skip
    ctx.enqueue("media.clear", ItemJob(item=item), run_at=until + CLEARED_AFTER)
    return item, ticket


def _hold_to_day(ctx: Context, settings: MediaSettings, member: UUID, size: int) -> None:
    """Raise LimitReached when a member's uploads of 24 hours would be too much: the disk is everybody's."""
    mine = MediaItem.scoped(ctx).select(fn.COALESCE(fn.SUM(MediaItem.size), 0))
    begun = mine.where(MediaItem.member == member, MediaItem.created_at > ctx.now() - DAY).scalar()
    if begun + size > settings.member_day_mb * MB:
        raise LimitReached(
            f"a member uploads at most {settings.member_day_mb} MB in 24 hours: try again tomorrow",
            f"每天最多上传 {settings.member_day_mb} MB，请明天再试",
        )


@dataclass(frozen=True, slots=True)
class Claimed:
    """An upload that is said to be done."""

    item: UUID
    size: int
    store: Store | None  # None: it was completed before


def claim(ctx: Context, item: UUID) -> Claimed:
    """Return the actor's upload. Raises NotFound for any other, Conflict (`gone`) for one that was given up."""
    row = MediaItem.scoped(ctx).first(MediaItem.id == item, MediaItem.uploader == str(ctx.actor))
    if row is None:
        raise NotFound("there is no such upload of yours", "没有这个上传")
    if row.state == "deleted":
        raise Conflict("this upload was given up or deleted", "该上传已失效", code="gone")
    store = store_for(ctx, row.backend) if row.state == "uploading" else None
    return Claimed(item, row.size, store)


def look(claimed: Claimed) -> Stat | None:
    """Return what arrived. No transaction is open."""
    return claimed.store.stat(f"{incoming(claimed.item)}/upload") if claimed.store is not None else None


def complete(ctx: Context, claimed: Claimed, found: Stat | None) -> MediaItem:
    """Have the upload processed, once however often it is completed. Raises Conflict (`not_uploaded`)."""
    if claimed.store is not None:
        if found is None:
            raise Conflict("nothing was uploaded yet: upload first", "文件尚未上传", code="not_uploaded")
        moved = (
            MediaItem.scoped(ctx)
            .update(state="processing", completed_at=ctx.now(), judge_by=ctx.now() + GIVEN_UP_AFTER)
            .where(MediaItem.id == claimed.item, MediaItem.state == "uploading")
            .execute()
        )
        if moved:  # of two that complete at once, one
            ctx.enqueue("media.process", ItemJob(item=claimed.item))
    row: MediaItem = MediaItem.scoped(ctx).get(MediaItem.id == claimed.item)
    return row
