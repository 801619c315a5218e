"""Two completions of one upload at the same moment."""

import threading
from typing import Any

import pytest

from core.contract.context import Context
from core.events.models import Job
from plugins.media import uploads
from plugins.media.models import MediaItem
from plugins.media.schemas import ItemJob
from tests.plugins.media.conftest import Uploader, picture


def two_completions_at_once(mine: Uploader, tenant: Context, monkeypatch: pytest.MonkeyPatch, *, guarded: bool) -> int:
    """Return how many jobs two completions put; unguarded ones look first and then write, as one must not."""
    data = picture()
    ticket = mine.begin(data).json
    mine.send(ticket, data)
    both_looked = threading.Barrier(2, timeout=20)
    look, complete = uploads.look, uploads.complete

    def look_together(claimed: uploads.Claimed) -> Any:
        found = look(claimed)
        both_looked.wait()
        return found

    def look_first(ctx: Context, claimed: uploads.Claimed, found: Any) -> MediaItem:
        row: MediaItem = MediaItem.scoped(ctx).get(MediaItem.id == claimed.item)
        if row.state == "uploading":
            both_read.wait()
            MediaItem.scoped(ctx).update(state="processing").where(MediaItem.id == claimed.item).execute()
            ctx.enqueue("media.process", ItemJob(item=claimed.item))
        return MediaItem.scoped(ctx).get(MediaItem.id == claimed.item)  # type: ignore[no-any-return]

    both_read = threading.Barrier(2, timeout=20)
    monkeypatch.setattr(uploads, "look", look_together)
    monkeypatch.setattr(uploads, "complete", complete if guarded else look_first)
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(mine.complete(ticket["id"]).status_code)) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200, 200]
    with tenant.transaction():
        return int(Job.scoped(tenant).select().where(Job.kind == "media.process").count())
