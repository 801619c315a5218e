"""What staff work with: the queue, all items, and what members report."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from plugins.media import deletion, moderation, uses
from plugins.media.models import MediaItem, MediaReport, MediaUse
from plugins.media.schemas import ItemRow, Reason, ReportRow
from plugins.media.uploads import store_for
from roost import Action, Column, Context, Page, Panel, Resource, Text

QUEUE = 60  # items of the queue's page
STATES = {
    "uploading": Text(zh="上传中", en="uploading"),
    "processing": Text(zh="处理中", en="processing"),
    "review": Text(zh="待审核", en="to review"),
    "approved": Text(zh="已通过", en="approved"),
    "rejected": Text(zh="未通过", en="rejected"),
    "deleted": Text(zh="已删除", en="deleted"),
}
KINDS = {"image": Text(zh="图片", en="picture"), "video": Text(zh="视频", en="video")}
REASONS = {
    "": Text(zh="—", en="—"),
    "machine": Text(zh="机器判定", en="the machine"),
    "unjudged": Text(zh="机器未判定", en="not judged by a machine"),
    "video": Text(zh="视频须人工审核", en="a video"),
    "no_poster": Text(zh="无封面视频", en="a video without a poster"),
    "reports": Text(zh="会员举报", en="reported by members"),
    "people": Text(zh="人工审核", en="by people"),
    "missing": Text(zh="文件缺失", en="the file is missing"),
    "too_large": Text(zh="文件过大", en="too large"),
    "wrong_size": Text(zh="大小与申报不符", en="not the declared size"),
    "wrong_type": Text(zh="类型与申报不符", en="not the declared type"),
    "unsupported_type": Text(zh="不支持的类型", en="a type that is not taken"),
    "unsupported_container": Text(zh="不支持的视频封装", en="a container that is not taken"),
    "too_many_pixels": Text(zh="像素过多", en="too many pixels"),
    "too_long": Text(zh="视频过长", en="too long"),
    "polyglot": Text(zh="文件夹带其他内容", en="more than one kind of file"),
    "unreadable": Text(zh="无法识别", en="cannot be read"),
    "broken": Text(zh="文件损坏", en="damaged"),
    "no_video": Text(zh="没有画面", en="no picture track"),
    "unprocessable": Text(zh="处理失败", en="could not be processed"),
}
REPORTED = {
    "porn": Text(zh="色情低俗", en="porn"),
    "violence": Text(zh="暴力血腥", en="violence"),
    "fraud": Text(zh="诈骗广告", en="fraud"),
    "privacy": Text(zh="侵犯隐私或肖像", en="privacy"),
    "other": Text(zh="其他", en="other"),
}
REPORT_STATES = {
    "open": Text(zh="待处理", en="open"),
    "upheld": Text(zh="举报成立", en="upheld"),
    "dismissed": Text(zh="举报不成立", en="dismissed"),
}


def _approve(ctx: Context, item: UUID, body: None) -> None:
    moderation.approve(ctx, item)


def _reject(ctx: Context, item: UUID, body: Reason) -> None:
    moderation.reject(ctx, item, body.note)


def _delete(ctx: Context, item: UUID, body: None) -> None:
    deletion.delete(ctx, [item])


def present(ctx: Context, rows: Sequence[Any]) -> Sequence[ItemRow]:
    """Add addresses and uses to the rows."""
    used: dict[UUID, set[str]] = {}
    if rows:
        for use in MediaUse.scoped(ctx).select().where(MediaUse.media.in_([row.id for row in rows])):
            used.setdefault(use.media, set()).add(use.plugin)
    added = {*uses.seen_names(), "used_by"}
    plain = [name for name in ItemRow.model_fields if name not in added]
    return [
        ItemRow(
            **{
                **{name: getattr(row, name) for name in plain},
                **uses.seen(ctx, row, store_for(ctx, row.backend)),
                "reason": row.reason,
                "used_by": sorted(used.get(row.id, ())),
            }
        )
        for row in rows
    ]


items = Resource(
    name="items",
    title=Text(zh="图片与视频", en="Pictures and videos"),
    model=MediaItem,
    reply=ItemRow,
    permission="media.view",
    venue_free=True,
    present=present,
    actions=(
        Action(
            "approve",
            Text(zh="通过", en="Approve"),
            _approve,
            "media.review",
            shown=lambda row: row.state in ("review", "rejected"),
        ),
        Action(
            "reject",
            Text(zh="不通过", en="Reject"),
            _reject,
            "media.review",
            form=Reason,
            reason=True,
            shown=lambda row: row.state in ("review", "approved"),
        ),
        Action(
            "delete",
            Text(zh="彻底删除", en="Delete for good"),
            _delete,
            "media.review",
            reason=True,
            shown=lambda row: row.state != "deleted",
        ),
    ),
    columns=(
        Column("created_at", Text(zh="时间", en="At"), "time", filter=True),
        Column("kind", Text(zh="类型", en="Kind"), "choice", choices=KINDS, filter=True),
        Column("member", Text(zh="会员", en="Member"), "member", filter=True),
        Column("state", Text(zh="状态", en="State"), "choice", choices=STATES, filter=True),
        Column("reason", Text(zh="原因", en="Why"), "choice", choices=REASONS, filter=True),
        Column("reports", Text(zh="举报", en="Reports"), "int"),
        Column("used_by", Text(zh="用于", en="Used by"), "choice", source="plugins", list=False),
        Column("note", Text(zh="说明", en="Note"), list=False),
        Column("machine", Text(zh="机器审核", en="Machine"), list=False),
        Column("uploader", Text(zh="上传者", en="Uploaded by"), "actor", list=False),
        Column("content_type", Text(zh="文件类型", en="Content type"), list=False),
        Column("size", Text(zh="字节", en="Bytes"), "int", list=False),
        Column("width", Text(zh="宽", en="Width"), "int", list=False),
        Column("height", Text(zh="高", en="Height"), "int", list=False),
        Column("duration_ms", Text(zh="时长（毫秒）", en="Duration (ms)"), "int", list=False),
        Column("view", Text(zh="图片地址", en="Picture"), list=False),
        Column("video", Text(zh="视频地址", en="Video"), list=False),
        Column("decided_at", Text(zh="审核时间", en="Decided at"), "time", list=False),
    ),
)


def _kinds_of(ctx: Context, ids: Sequence[Any]) -> dict[Any, str]:
    rows = MediaItem.scoped(ctx).select(MediaItem.id, MediaItem.kind).where(MediaItem.id.in_(list(ids) or [None]))
    return {row.id: KINDS[row.kind].in_(ctx.locale) for row in rows}


reports = Resource(
    name="reports",
    title=Text(zh="内容举报", en="Reports"),
    model=MediaReport,
    reply=ReportRow,
    permission="media.review",
    venue_free=True,
    columns=(
        Column("created_at", Text(zh="时间", en="At"), "time", filter=True),
        Column("media", Text(zh="文件", en="Item"), named=_kinds_of),
        Column("member", Text(zh="举报人", en="By"), "member", filter=True),
        Column("reason", Text(zh="原因", en="Why"), "choice", choices=REPORTED, filter=True),
        Column("text", Text(zh="说明", en="Words")),
        Column("state", Text(zh="状态", en="State"), "choice", choices=REPORT_STATES, filter=True),
    ),
)


def read_queue(ctx: Context, query: Mapping[str, str]) -> dict[str, Any]:
    """Return what waits for people, oldest first, with a small picture of each."""
    waiting = MediaItem.scoped(ctx).select().where(MediaItem.state == "review")
    rows = list(waiting.order_by(MediaItem.id).limit(QUEUE))
    shown = [
        {
            **uses.seen(ctx, row, store_for(ctx, row.backend)),
            "preview": row.preview,
            "why": REASONS[row.reason].in_(ctx.locale) if row.reason in REASONS else row.reason,
            "reports": row.reports,
        }
        for row in rows
    ]
    return {"items": shown, "english": ctx.locale == "en"}


def read_panel(ctx: Context) -> Sequence[tuple[str, str]]:
    """Return how much waits for people."""
    rows = MediaItem.scoped(ctx).select().where(MediaItem.state == "review")
    return [("待审核" if ctx.locale == "zh" else "to review", str(rows.count()))]


queue = Page("/queue", Text(zh="内容审核", en="Review queue"), "media.review", "queue.html", read_queue)
panel = Panel("review", Text(zh="图片与视频", en="Pictures and videos"), "media.review", read_panel)
