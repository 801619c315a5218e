"""Delete for good: the row says so at once; a job deletes the files, makes sure, and tries until it is so."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from plugins.media import hookspecs
from plugins.media.models import MediaItem, MediaReport, MediaUse
from plugins.media.schemas import ItemJob, MediaSettings, PurgeAllJob
from plugins.media.uploads import GIVEN_UP_AFTER, files, incoming, store_for
from roost import Context, Next, NotFound, Remote, Store

AGAIN = timedelta(hours=1)
FORGOTTEN_AFTER = timedelta(days=180)  # how long it is known that there was an item, for the audit


def delete_mine(ctx: Context, member: UUID, item: UUID) -> None:
    """Delete a member's own item. Raises NotFound for any other."""
    row = MediaItem.scoped(ctx).first(MediaItem.id == item, MediaItem.member == member)
    if row is None or row.state == "deleted":
        raise NotFound("there is no such item of yours", "没有这个文件")
    delete(ctx, [item])


def delete(ctx: Context, items: Iterable[UUID], *, forget: bool = False) -> int:
    """Delete items with their uses and reports; with `forget` also whose they were. Return how many were not yet."""
    count = 0
    for item in sorted(items):
        row = MediaItem.scoped(ctx).lock(MediaItem.id == item)
        changes: dict[str, Any] = {"member": None, "uploader": "erased"} if forget else {}
        if row.state != "deleted":
            count += 1
            changes |= {
                "state": "deleted", "deleted_at": ctx.now(), "preview": None, "note": "", "trace": None,
                "judge_by": None, "purged_at": None,
            }  # fmt: skip
            ctx.publish(hookspecs.MediaDeleted(media=item, member=None if forget else row.member, kind=row.kind))
            ctx.enqueue("media.purge", ItemJob(item=item))
        if changes:
            MediaItem.scoped(ctx).update(**changes).where(MediaItem.id == item).execute()
        MediaUse.scoped(ctx).delete().where(MediaUse.media == item).execute()
        MediaReport.scoped(ctx).delete().where(MediaReport.media == item).execute()
    return count


@dataclass(frozen=True, slots=True)
class Doomed:
    """What is to be deleted in a store."""

    item: UUID
    store: Store


class Purge(Remote):
    """The job that deletes an item's files: every variant, every version, and what was uploaded."""

    def prepare(self, ctx: Context, payload: ItemJob) -> Doomed | None:  # type: ignore[override]  # the job's payload
        row = MediaItem.scoped(ctx).first(MediaItem.id == payload.item)
        if row is None or row.state != "deleted" or row.purged_at is not None:
            return None
        return Doomed(row.id, store_for(ctx, row.backend))

    def call(self, prepared: Doomed | None) -> None:
        """Delete them, and look whether they are gone; raises when they are not, and the job runs again."""
        if prepared is not None:
            prepared.store.delete_tree(files(prepared.item))
            prepared.store.delete_tree(incoming(prepared.item))

    def complete(self, ctx: Context, prepared: Doomed | None, answer: None) -> None:
        if prepared is not None:
            MediaItem.scoped(ctx).update(purged_at=ctx.now(), variants={}).where(
                MediaItem.id == prepared.item, MediaItem.state == "deleted"
            ).execute()


@dataclass(frozen=True, slots=True)
class Ended:
    """An upload whose ticket has ended."""

    item: UUID
    store: Store | None  # None: it is still being processed


class Clear(Remote):
    """The job that deletes what was uploaded, once nothing can be uploaded there any more."""

    def prepare(self, ctx: Context, payload: ItemJob) -> Ended:  # type: ignore[override]  # the job's payload
        row = MediaItem.scoped(ctx).first(MediaItem.id == payload.item)
        if row is not None and (row.state == "uploading" or (row.state == "processing" and not row.variants)):
            return Ended(payload.item, None)
        return Ended(payload.item, store_for(ctx, row.backend if row is not None else ""))

    def call(self, prepared: Ended) -> None:
        """Delete it, and look whether it is gone."""
        if prepared.store is not None:
            prepared.store.delete_tree(incoming(prepared.item))

    def complete(self, ctx: Context, prepared: Ended, answer: None) -> Next | None:
        """Come back where it was too early."""
        return Next(ItemJob(item=prepared.item), after=AGAIN) if prepared.store is None else None


class PurgeAll(Remote):
    """The job that deletes every file of the tenant's media."""

    def prepare(self, ctx: Context, payload: PurgeAllJob) -> list[Store]:  # type: ignore[override]  # the job's payload
        return [store_for(ctx, backend) for backend in payload.backends]

    def call(self, prepared: list[Store]) -> None:
        for store in prepared:
            store.delete_tree("")

    def complete(self, ctx: Context, prepared: list[Store], answer: None) -> None:
        """Have nothing to note: the rows went before."""


def sweep(ctx: Context, slot: str, most: int) -> int:
    """Give up uploads that were never completed, and rejected items past their days; ask again for files that are left.

    Return how many there were: as many as `most` means that more may wait.
    """
    now, settings = ctx.now(), ctx.settings(MediaSettings)
    item = MediaItem.scoped(ctx).select(MediaItem.id)
    kept_until = now - timedelta(days=settings.rejected_days)
    gone = [
        *item.where(MediaItem.state == "uploading", MediaItem.created_at <= now - GIVEN_UP_AFTER).limit(most),
        *item.where(MediaItem.state == "rejected", MediaItem.decided_at <= kept_until).limit(most),
    ]
    delete(ctx, [row.id for row in gone])
    left = item.where(MediaItem.state == "deleted", MediaItem.purged_at.is_null(), MediaItem.deleted_at <= now - AGAIN)
    for row in left.limit(most):
        ctx.enqueue("media.purge", ItemJob(item=row.id), dedupe=f"media.purge:{row.id}:{slot}")
    MediaItem.scoped(ctx).delete().where(
        MediaItem.state == "deleted", MediaItem.purged_at <= now - FORGOTTEN_AFTER
    ).execute()
    return len(gone)
