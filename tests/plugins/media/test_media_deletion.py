"""What is deleted is gone: from the rows, from the store, in every version."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from core import members, tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.errors import Vetoed
from core.events.models import Event
from hosts.cli.purging import purge_plugin
from hosts.testkit.plugin import Api
from integrations.storage import StorageUnavailable, Store
from integrations.storage.fake import S3Fake
from plugins.media import processing
from plugins.media.models import MediaItem, MediaReport
from roost import Verdict
from tests.plugins.media.conftest import Uploader, picture


@pytest.fixture
def left(backend: str, store: Callable[[], Store], fakes: list[S3Fake]) -> Callable[[], list[str]]:
    """Return a function that gives what the store still keeps: in a bucket, hidden versions too."""
    return lambda: fakes[0].all_keys() if fakes else list(store().keys(""))


def test_a_member_deletes_for_good(
    judge: Any,
    mine: Uploader,
    left: Callable[[], list[str]],
    clock: ManualClock,
    tick: Callable[[], int],
    tenant: Context,
) -> None:
    item, other = mine.upload(picture()), mine.upload(picture())
    assert mine.api.delete(f"/v1/media/items/{item['id']}", token=mine.token).status_code == 204
    assert mine.api.delete(f"/v1/media/items/{item['id']}", token=mine.token).status_code == 404
    mine.drain()
    plain = item["id"].replace("-", "")
    assert [key for key in left() if plain in key] == []
    assert mine.fetch(item["view"])[0] == 404
    assert mine.fetch(other["view"])[0] == 200
    assert [one["id"] for one in mine.api.get("/v1/media/items", token=mine.token).json["items"]] == [other["id"]]
    row = MediaItem.scoped(tenant).get(MediaItem.id == item["id"])
    assert (row.variants, row.preview, row.purged_at) == ({}, None, clock.now())
    names = [e.name for e in Event.scoped(tenant).select().order_by(Event.id)]
    assert "media_deleted" in names


def test_what_is_uploaded_after_the_deletion_goes_too(
    judge: Any, mine: Uploader, left: Callable[[], list[str]], clock: ManualClock, tick: Callable[[], int]
) -> None:
    data = picture()
    ticket = mine.begin(data).json
    mine.api.delete(f"/v1/media/items/{ticket['id']}", token=mine.token)
    mine.drain()
    assert mine.send(ticket, data) in (200, 204)  # the ticket lives its fifteen minutes
    assert len(left()) == 1
    clock.advance(minutes=80)
    tick()
    assert left() == []


def test_a_deletion_while_it_is_processed_leaves_nothing(
    judge: Any, mine: Uploader, left: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    make = processing.make

    def deleted_meanwhile(work: processing.Work) -> processing.Made:
        made = make(work)
        mine.api.delete(f"/v1/media/items/{work.item}", token=mine.token)
        return made

    monkeypatch.setattr(processing, "make", deleted_meanwhile)
    item = mine.upload(picture())
    assert (item["state"], item["view"]) == ("deleted", None)
    assert left() == []


def test_files_that_do_not_go_away_are_asked_for_again(
    judge: Any, mine: Uploader, left: Callable[[], list[str]], clock: ManualClock, tick: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch, backend: str, store: Callable[[], Store], tenant: Context,
) -> None:  # fmt: skip
    item = mine.upload(picture())["id"]
    kind = type(store())
    delete_tree = kind.delete_tree
    failures = [1, 1, 1]

    def failing(self: Any, prefix: str) -> int:
        if failures:
            failures.pop()
            raise StorageUnavailable("the storage is down")
        return delete_tree(self, prefix)

    monkeypatch.setattr(kind, "delete_tree", failing)
    mine.api.delete(f"/v1/media/items/{item}", token=mine.token)
    mine.drain()
    assert MediaItem.scoped(tenant).get(MediaItem.id == item).purged_at is None
    with pytest.raises(Vetoed):  # not while files of deleted items are there
        tenants.disable_plugin(tenant, "media")
    for _ in range(4):
        clock.advance(minutes=1)
        mine.drain()
    assert left() == []
    assert MediaItem.scoped(tenant).get(MediaItem.id == item).purged_at is not None


def test_erasing_a_member_deletes_what_they_uploaded_and_forgets_whose_it_was(
    judge: Any, uploader: Callable[..., Uploader], left: Callable[[], list[str]], tenant: Context, clock: ManualClock,
    tick: Callable[[], int],
) -> None:  # fmt: skip
    gone, stays = uploader(), uploader()
    gone.upload(picture())
    kept = stays.upload(picture())
    gone.api.post(f"/v1/media/items/{kept['id']}/report", token=gone.token, json={"reason": "other"})
    with tenant.transaction():
        members.erase(tenant, gone.id, "asked to")
    clock.advance(minutes=80)
    tick()
    plain = kept["id"].replace("-", "")
    assert left()
    assert all(plain in key for key in left())
    with tenant.transaction():
        rows = list(MediaItem.scoped(tenant).select())
        assert str(gone.id) not in str([row.__data__ for row in rows]).replace("UUID", "")
        assert MediaReport.scoped(tenant).select().count() == 0


def test_erasure_runs_also_where_the_plugin_was_switched_off(
    judge: Any,
    mine: Uploader,
    left: Callable[[], list[str]],
    tenant: Context,
    clock: ManualClock,
    tick: Callable[[], int],
) -> None:
    mine.upload(picture())
    clock.advance(minutes=80)
    tick()
    tenants.disable_plugin(tenant, "media")
    with tenant.transaction():
        members.erase(tenant, mine.id, "asked to")
    tick()
    assert left() == []


def test_a_merge_keeps_both_and_an_export_has_them(
    judge: Any, uploader: Callable[..., Uploader], tenant: Context, backend: str
) -> None:
    one, two = uploader(), uploader()
    first, second = one.upload(picture()), two.upload(picture())
    with tenant.transaction():
        members.merge(tenant, one.id, two.id, "the same person")
    listed = one.api.get("/v1/media/items", token=one.token).json["items"]
    assert {item["id"] for item in listed} == {first["id"], second["id"]}
    with tenant.transaction():
        exported = members.export(tenant, one.id)
    files = exported["plugins"]["media"]["items"][1]["files"]
    assert one.fetch(files["view_webp"])[0] == 200


def test_purging_the_plugin_empties_the_store(
    judge: Any,
    mine: Uploader,
    left: Callable[[], list[str]],
    tenant: Context,
    clock: ManualClock,
    tick: Callable[[], int],
) -> None:
    mine.upload(picture())
    tenants.disable_plugin(tenant, "media")
    purge_plugin(tenant.services.system(tenants.by_id(tenant.tenant.id), "test"), "media")
    clock.advance(minutes=80)
    tick()
    assert left() == []


def test_rejected_items_go_after_their_days(
    judge: Any,
    mine: Uploader,
    left: Callable[[], list[str]],
    clock: ManualClock,
    tick: Callable[[], int],
    tenant: Context,
) -> None:
    judge.verdicts.append(Verdict("risky"))
    item = mine.upload(picture())["id"]
    clock.advance(days=29)
    tick()
    assert left()
    clock.advance(days=2)
    tick()
    assert left() == []
    assert MediaItem.scoped(tenant).get(MediaItem.id == item).state == "deleted"


def test_old_files_are_found_after_the_brand_moved_to_another_storage(
    disk: None, judge: Any, mine: Uploader, enable_plugin: Callable[..., None], api: Api
) -> None:
    item = mine.upload(picture())
    enable_plugin(
        "storage", backend="s3", endpoint="http://127.0.0.1:9", bucket="x" * 5, access_key="k", secret_key="s"
    )
    assert mine.fetch(mine.read(item["id"])["view"])[0] == 200
    assert mine.begin(10).json["url"].startswith("http://127.0.0.1:9/")


def test_what_a_killed_process_left_behind_is_removed_after_a_day(
    disk: None, tenant: Context, clock: ManualClock, tick: Callable[[], int]
) -> None:
    var = tenant.services.settings.var
    half, folder = var / "storage" / "incoming" / "tmpabc", var / "processing" / "media-abc"
    half.parent.mkdir(parents=True)
    folder.mkdir(parents=True)
    for path in (half, folder / "upload"):
        path.write_bytes(b"half of it")
    for path in (half, folder):
        os.utime(path, (clock.now().timestamp(),) * 2)
    tick()
    clock.advance(hours=20)
    tick()
    assert half.exists()
    assert folder.exists()
    clock.advance(hours=24)
    tick()
    assert not half.exists()
    assert not folder.exists()
