"""What media tells others."""

from uuid import UUID

from roost import Context, Fact, Text, fact


class MediaApproved(Fact):
    """An item may be shown."""

    label = Text("内容审核通过", "Media approved")

    media: UUID
    member: UUID | None  # None: staff's
    kind: str  # image, video


class MediaRejected(Fact):
    """An item may not be shown (any more)."""

    label = Text("内容审核未通过", "Media rejected")

    media: UUID
    member: UUID | None
    kind: str
    reason: str  # a code: see the README


class MediaDeleted(Fact):
    """An item is gone for good; its files are deleted by a job."""

    label = Text("内容已删除", "Media deleted")

    media: UUID
    member: UUID | None
    kind: str


@fact(since="1.0")
def media_approved(ctx: Context, fact: MediaApproved) -> None:
    """Fires when an item was approved, by machine or people; again when it was held in between."""


@fact(since="1.0")
def media_rejected(ctx: Context, fact: MediaRejected) -> None:
    """Fires when an item was rejected: a moment to tell the member."""


@fact(since="1.0")
def media_deleted(ctx: Context, fact: MediaDeleted) -> None:
    """Fires when an item was deleted: forget its id."""
