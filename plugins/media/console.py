"""What staff work with: the queue, all items, and what members report."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from plugins.media import deletion, moderation, uses
from plugins.media.models import MediaItem, MediaReport, MediaUse
from plugins.media.notices import KINDS
from plugins.media.schemas import ItemRow, Reason
from plugins.media.uploads import store_for
from roost import Action, Column, Context, Page, Panel, Resource, Text

QUEUE = 60  # items of the queue's page
STATES = {
    "uploading": Text("上传中", "uploading"),
    "processing": Text("处理中", "processing"),
    "review": Text("待审核", "to review"),
    "approved": Text("已通过", "approved"),
    "rejected": Text("未通过", "rejected"),
    "deleted": Text("已删除", "deleted"),
}
REASONS = {
    "": Text("—", "—"),
    "machine": Text("机器判定", "the machine"),
    "unjudged": Text("机器未判定", "not judged by a machine"),
    "video": Text("视频须人工审核", "a video"),
    "no_poster": Text("无封面视频", "a video without a poster"),
    "reports": Text("会员举报", "reported by members"),
    "people": Text("人工审核", "by people"),
    "missing": Text("文件缺失", "the file is missing"),
    "too_large": Text("文件过大", "too large"),
    "wrong_size": Text("大小与申报不符", "not the declared size"),
    "wrong_type": Text("类型与申报不符", "not the declared type"),
    "unsupported_type": Text("不支持的类型", "a type that is not taken"),
    "unsupported_container": Text("不支持的视频封装", "a container that is not taken"),
    "too_many_pixels": Text("像素过多", "too many pixels"),
    "too_long": Text("视频过长", "too long"),
    "polyglot": Text("文件夹带其他内容", "more than one kind of file"),
    "unreadable": Text("无法识别", "cannot be read"),
    "broken": Text("文件损坏", "damaged"),
    "no_video": Text("没有画面", "no picture track"),
    "unprocessable": Text("处理失败", "could not be processed"),
}
REPORTED = {
    "porn": Text("色情低俗", "porn"),
    "violence": Text("暴力血腥", "violence"),
    "fraud": Text("诈骗广告", "fraud"),
    "privacy": Text("侵犯隐私或肖像", "privacy"),
    "other": Text("其他", "other"),
}
REPORT_STATES = {
    "open": Text("待处理", "open"),
    "upheld": Text("举报成立", "upheld"),
    "dismissed": Text("举报不成立", "dismissed"),
}


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
    title=Text("图片与视频", "Pictures and videos"),
    model=MediaItem,
    reply=ItemRow,
    permission="media.view",
    venue_free=True,
    present=present,
    actions=(
        Action(
            "approve",
            Text("通过", "Approve"),
            moderation.approve,
            "media.review",
            shown=lambda row: row.state in ("review", "rejected"),
        ),
        Action(
            "reject",
            Text("不通过", "Reject"),
            moderation.reject,
            "media.review",
            form=Reason,
            reason=True,
            shown=lambda row: row.state in ("review", "approved"),
        ),
        Action(
            "delete",
            Text("彻底删除", "Delete for good"),
            _delete,
            "media.review",
            reason=True,
            shown=lambda row: row.state != "deleted",
        ),
    ),
    columns=(
        Column("created_at", Text("时间", "At"), "time", filter=True),
        Column("kind", Text("类型", "Kind"), "choice", choices=KINDS, filter=True),
        Column("member", Text("会员", "Member"), "member", filter=True),
        Column("state", Text("状态", "State"), "choice", choices=STATES, filter=True),
        Column("reason", Text("原因", "Why"), "choice", choices=REASONS, filter=True),
        Column("reports", Text("举报", "Reports"), "int"),
        Column("used_by", Text("用于", "Used by"), "choice", source="plugins", list=False),
        Column("note", Text("说明", "Note"), list=False),
        Column("machine", Text("机器审核", "Machine"), list=False),
        Column("uploader", Text("上传者", "Uploaded by"), "actor", list=False),
        Column("content_type", Text("文件类型", "Content type"), list=False),
        Column("size", Text("字节", "Bytes"), "int", list=False),
        Column("width", Text("宽", "Width"), "int", list=False),
        Column("height", Text("高", "Height"), "int", list=False),
        Column("duration_ms", Text("时长（毫秒）", "Duration (ms)"), "int", list=False),
        Column("view", Text("图片地址", "Picture"), list=False),
        Column("video", Text("视频地址", "Video"), list=False),
        Column("decided_at", Text("审核时间", "Decided at"), "time", list=False),
    ),
)


def _kinds_of(ctx: Context, ids: Sequence[Any]) -> dict[Any, str]:
    rows = MediaItem.scoped(ctx).select(MediaItem.id, MediaItem.kind).where(MediaItem.id.in_(list(ids) or [None]))
    return {row.id: KINDS[row.kind].in_(ctx.locale) for row in rows}


reports = Resource(
    name="reports",
    title=Text("内容举报", "Reports"),
    model=MediaReport,
    permission="media.review",
    venue_free=True,
    columns=(
        Column("created_at", Text("时间", "At"), "time", filter=True),
        Column("media", Text("文件", "Item"), named=_kinds_of),
        Column("member", Text("举报人", "By"), "member", filter=True),
        Column("reason", Text("原因", "Why"), "choice", choices=REPORTED, filter=True),
        Column("text", Text("说明", "Words")),
        Column("state", Text("状态", "State"), "choice", choices=REPORT_STATES, filter=True),
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


queue = Page("/queue", Text("内容审核", "Review queue"), "media.review", "queue.html", read_queue)
panel = Panel("review", Text("图片与视频", "Pictures and videos"), "media.review", read_panel)
