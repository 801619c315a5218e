"""What goes in and out, and the settings."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from roost import Body

Kind = Literal["image", "video"]
Scene = Literal["profile", "comment", "forum", "social"]
MB = 1024 * 1024
LARGEST = 512 * MB  # what the storage takes at all
IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif")
VIDEO_TYPES = ("video/mp4", "video/quicktime")


class MediaSettings(Body):
    """What the brand decides."""

    picture_mb: int = Field(10, ge=1, le=50, description="most megabytes of a picture · 图片大小上限（MB）")
    megapixels: int = Field(50, ge=1, le=100, description="most million pixels of a picture · 图片像素上限（百万）")
    video_mb: int = Field(100, ge=1, le=500, description="most megabytes of a video · 视频大小上限（MB）")
    video_seconds: int = Field(60, ge=1, le=600, description="longest video in seconds · 视频时长上限（秒）")
    ticket_minutes: int = Field(15, ge=1, le=120, description="how long an upload may begin · 上传凭证有效分钟")
    open_uploads: int = Field(20, ge=1, le=200, description="uploads a member may have begun · 每人未完成上传数上限")
    member_day_mb: int = Field(
        1000,
        ge=1,
        le=100_000,
        description="megabytes a member may begin to upload in 24 hours · 每人每天上传上限（MB）",
    )
    url_minutes: int = Field(60, ge=5, le=1440, description="how long an address is good at least · 访问地址有效分钟")
    without_machine: Literal["review", "approve"] = Field(
        "review", description="what becomes of members' pictures where no machine checks them · 无机器审核时"
    )
    videos_to_people: bool = Field(
        True, description="people look at every video: a machine sees its poster only · 视频一律人工审核"
    )
    judge_minutes: int = Field(
        60, ge=5, le=1440, description="how long a machine may take before people look · 机器审核最长分钟"
    )
    report_hold: int = Field(3, ge=1, le=100, description="reports after which an item is hidden · 举报几次后隐藏待审")
    rejected_days: int = Field(
        30, ge=1, le=180, description="days a rejected item is kept for appeals · 未通过内容保留天数"
    )


class NewUpload(Body):
    """A file that is to be uploaded; it is held to what is said of it here."""

    kind: Kind
    size: int = Field(ge=1, le=LARGEST, description="bytes, exactly")
    content_type: str = Field(
        max_length=40, description="image/jpeg, image/png, image/webp, image/gif, video/mp4 or video/quicktime"
    )
    scene: Scene = Field("social", description="what it is for: profile, comment, forum, social")


class TicketOut(BaseModel):
    """Where to upload: a multipart form with these fields and then the file. Afterwards call complete."""

    id: UUID
    method: str = Field(description="POST: what wx.uploadFile does")
    url: str
    fields: dict[str, str] = Field(description="the form's fields, to be sent before the file (formData)")
    file_field: str = Field(description="the name of the file's field (name)")
    expires_at: datetime


class ItemOut(BaseModel):
    """An item. Addresses are null where it may not be seen."""

    id: UUID
    kind: Kind
    state: Literal["uploading", "processing", "review", "approved", "rejected", "deleted"]
    reason: str = Field("", description="why it was rejected: a code")
    width: int = 0
    height: int = 0
    duration_ms: int = 0
    thumb: str | None = Field(None, description="WebP, at most 320 pixels")
    view: str | None = Field(None, description="WebP, at most 1280 pixels")
    jpeg: str | None = Field(None, description="JPEG, at most 1280 pixels")
    video: str | None = None


class MineOut(ItemOut):
    """An item as its owner sees it."""

    created_at: datetime


class NewReport(Body):
    """Why an item should not be shown."""

    reason: Literal["porn", "violence", "fraud", "privacy", "other"]
    text: str = Field("", max_length=200)


class Reason(Body):
    """What staff tell the owner of a rejected item."""

    note: str = Field("", max_length=300, title="说明", description="kept with the item · 备注")


class ItemRow(ItemOut):
    """An item as staff see it."""

    member: UUID | None
    uploader: str
    scene: str
    content_type: str
    size: int
    note: str
    machine: str
    reports: int
    used_by: list[str] = Field(description="plugins that show it")
    created_at: datetime
    decided_at: datetime | None
    decided_by: UUID | None


class ItemJob(BaseModel):
    """A job about one item."""

    item: UUID


class PurgeAllJob(BaseModel):
    """A job that deletes every file of the tenant."""

    backends: list[str]


class Again(BaseModel):
    """The sweep goes on."""

    slot: str


class Variant(BaseModel):
    """One file of an item."""

    key: str
    type: str
    size: int
    width: int
    height: int

    def stored(self) -> dict[str, Any]:
        return self.model_dump()


@dataclass(frozen=True, slots=True)
class Made:
    """What came of processing: files, or why it is refused."""

    refused: str = ""
    detail: str = ""
    width: int = 0
    height: int = 0
    duration_ms: int = 0
    variants: dict[str, Variant] = field(default_factory=dict)
    preview: str | None = None
