"""From a ticket to files of our own, and every lie on the way."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from core.clock import ManualClock
from core.contract.context import Context
from hosts.testkit.plugin import Api
from integrations.storage import StorageUnavailable, Store
from integrations.storage.disk import DiskStore
from tests.plugins.media.conftest import Uploader, picture, video
from tests.plugins.media.racing import two_completions_at_once

SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def png_of(width: int, height: int, data: bytes = b"") -> bytes:
    """Return a PNG that claims a size; its picture is whatever comes."""

    def chunk(kind: bytes, inner: bytes) -> bytes:
        return struct.pack(">I", len(inner)) + kind + inner + struct.pack(">I", zlib.crc32(kind + inner))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data or zlib.compress(b"")) + chunk(b"IEND", b"")
    )


def zipped(size: int = 1000) -> bytes:
    """Return an archive that unpacks to much more than itself."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(size))
    return out.getvalue()


def test_a_picture_goes_all_the_way(backend: str, judge: Any, mine: Uploader, store: Callable[[], Store]) -> None:
    data = picture("JPEG", (1600, 1200))
    item = mine.upload(data)
    assert (item["state"], item["width"], item["height"], item["reason"]) == ("approved", 1600, 1200, "")
    sizes = {}
    for name, kind in (("thumb", "WEBP"), ("view", "WEBP"), ("jpeg", "JPEG")):
        status, content = mine.fetch(item[name])
        with Image.open(io.BytesIO(content)) as image:
            assert (status, image.format) == (200, kind)
            sizes[name] = image.size
    assert sizes == {"thumb": (320, 240), "view": (1280, 960), "jpeg": (1280, 960)}
    assert item["video"] is None
    assert mine.fetch(judge.asked[0].url)[0] == 200  # the machine could fetch it
    assert judge.asked[0].member == mine.id
    assert mine.read(item["id"])["view"] == item["view"]  # the same address: it is downloaded once


def test_nothing_of_the_original_is_in_what_is_served(disk: None, mine: Uploader, judge: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825).update({1: "N", 2: (31.0, 13.0, 48.0), 3: "E", 4: (121.0, 28.0, 12.0)})
    data = picture("JPEG", (400, 200), exif=exif, comment=b"SecretComment")
    item = mine.upload(data)
    assert (item["width"], item["height"]) == (200, 400)  # upright
    for name in ("thumb", "view", "jpeg"):
        content = mine.fetch(item[name])[1]
        assert b"Secret" not in content
        assert b"Exif" not in content
        with Image.open(io.BytesIO(content)) as image:
            assert image.size[1] == 2 * image.size[0]
            assert not image.getexif()
            assert not {"exif", "comment", "xmp", "icc_profile"} & set(image.info)


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (picture("PNG", mode="RGBA"), "image/png"),
        (picture("PNG", mode="P", transparency=0), "image/png"),
        (picture("PNG", mode="LA"), "image/png"),
        (picture("PNG", mode="I;16"), "image/png"),
        (picture("JPEG", mode="CMYK"), "image/jpeg"),
        (picture("JPEG", mode="L"), "image/jpeg"),
        (picture("WEBP"), "image/webp"),
        (picture("GIF"), "image/gif"),
        (picture("GIF", save_all=True, append_images=[Image.new("RGB", (64, 48), "blue")]), "image/gif"),
        (picture("JPEG", (3, 900)), "image/jpeg"),
    ],
)
@pytest.mark.engines("sqlite")  # what is in the file is no matter of the database
def test_every_kind_of_picture_is_taken(disk: None, judge: Any, mine: Uploader, data: bytes, content_type: str) -> None:
    item = mine.upload(data, content_type)
    assert item["state"] == "approved", item
    with Image.open(io.BytesIO(mine.fetch(item["jpeg"])[1])) as image:
        assert image.mode == "RGB"


LIES: dict[str, tuple[bytes, str, str]] = {
    "text called JPEG": (b"just words " * 30, "image/jpeg", "wrong_type"),
    "SVG with a script called PNG": (SVG, "image/png", "wrong_type"),
    "HTML called PNG": (b"<!doctype html><script>alert(1)</script>", "image/png", "wrong_type"),
    "PNG called JPEG": (picture("PNG"), "image/jpeg", "wrong_type"),
    "an archive called JPEG": (zipped(), "image/jpeg", "wrong_type"),
    "a program called PNG": (b"MZ" + bytes(500), "image/png", "wrong_type"),
    "100 megapixels": (png_of(10_000, 10_000), "image/png", "too_many_pixels"),
    "a picture of no size": (png_of(0, 5), "image/png", "unreadable"),
    "2^31 pixels wide": (png_of(2**31 - 1, 1), "image/png", "too_many_pixels"),
    "a JPEG that is an archive too": (picture("JPEG") + zipped(), "image/jpeg", "polyglot"),
    "a PNG that is an archive too": (picture("PNG") + zipped(), "image/png", "polyglot"),
    "a PNG with a page behind it": (picture("PNG") + b"<script>alert(1)</script>", "image/png", "polyglot"),
    "a JPEG with a page in its comment": (
        picture("JPEG", comment=b"<html><script>x</script>"),
        "image/jpeg",
        "polyglot",
    ),
    "a GIF that is a program too": (b"GIF89a/*" + SVG, "image/gif", "polyglot"),
    "a JPEG that is a document too": (picture("JPEG", comment=b"%PDF-1.7"), "image/jpeg", "polyglot"),
    "half a JPEG": (picture("JPEG", (800, 800), quality=95)[:3000], "image/jpeg", "broken"),
    "a PNG of noise": (png_of(50, 50, b"noise" * 20), "image/png", "broken"),
    "magic and nothing else": (b"\xff\xd8\xff\xe0" + bytes(60), "image/jpeg", "unreadable"),
    "a text in a PNG that unpacks to 50 MB": (
        picture("PNG")[:33]
        + (lambda t: struct.pack(">I", len(t)) + b"zTXt" + t + struct.pack(">I", zlib.crc32(b"zTXt" + t)))(
            b"k\0\0" + zlib.compress(bytes(50_000_000), 9)
        )
        + picture("PNG")[33:],
        "image/png",
        "unreadable",
    ),
}


@pytest.mark.parametrize("name", LIES)
@pytest.mark.engines("sqlite")
def test_a_picture_that_lies_is_refused(
    disk: None, judge: Any, mine: Uploader, store: Callable[[], Store], name: str
) -> None:
    data, content_type, reason = LIES[name]
    item = mine.upload(data, content_type)
    assert (item["state"], item["reason"]) == ("rejected", reason)
    assert item["thumb"] is item["view"] is item["jpeg"] is None
    assert judge.asked == []
    assert [key for key in store().keys("") if key.startswith("files/")] == []


@pytest.mark.engines("sqlite")
def test_a_phone_that_appends_a_film_to_its_picture_is_no_liar(disk: None, judge: Any, mine: Uploader) -> None:
    item = mine.upload(picture("JPEG") + video())
    assert item["state"] == "approved"
    assert b"ftyp" not in mine.fetch(item["jpeg"])[1]


@pytest.mark.engines("sqlite")
def test_what_cannot_be_declared(disk: None, mine: Uploader) -> None:
    for size, content_type, kind, code in (
        (10 * 1024 * 1024 + 1, "image/jpeg", "image", "too_large"),
        (100 * 1024 * 1024 + 1, "video/mp4", "video", "too_large"),
        (100, "image/svg+xml", "image", "unsupported_type"),
        (100, "image/heic", "image", "unsupported_type"),
        (100, "video/mp4", "image", "unsupported_type"),
        (100, "image/png", "video", "unsupported_type"),
        (0, "image/png", "image", "invalid"),
        (-5, "image/png", "image", "invalid"),
    ):
        reply = mine.begin(size, content_type, kind)
        assert (reply.status_code, reply.json["code"]) == (422, code), reply.text


def test_the_ticket_takes_what_was_declared_and_nothing_else(backend: str, mine: Uploader) -> None:
    data = picture()
    ticket = mine.begin(data).json
    assert mine.send(ticket, data + b"x") in (400, 422)
    assert mine.send(ticket, data[:-1]) in (400, 422)
    reply = mine.complete(ticket["id"])
    assert (reply.status_code, reply.json["code"]) == (409, "not_uploaded")
    assert mine.send(ticket, data) in (200, 204)
    assert mine.complete(ticket["id"]).status_code == 200


def test_another_members_ticket_is_of_no_use(disk: None, uploader: Callable[..., Uploader], judge: Any) -> None:
    alice, bob = uploader(), uploader()
    data = picture()
    ticket = alice.begin(data).json
    alice.send(ticket, data)
    reply = bob.complete(ticket["id"])
    assert (reply.status_code, reply.json["code"]) == (404, "not_found")
    item = alice.complete(ticket["id"]).json["id"]
    assert bob.api.get(f"/v1/media/items/{item}", token=bob.token).status_code == 404
    assert bob.api.delete(f"/v1/media/items/{item}", token=bob.token).status_code == 404
    assert bob.api.get("/v1/media/items", token=bob.token).json["items"] == []


def test_a_ticket_that_has_ended_takes_nothing(disk: None, mine: Uploader, clock: ManualClock) -> None:
    data = picture()
    ticket = mine.begin(data).json
    clock.advance(minutes=16)
    assert mine.send(ticket, data) == 422
    assert mine.complete(ticket["id"]).json["code"] == "not_uploaded"


def test_a_ticket_that_was_tampered_with_takes_nothing(
    backend: str, mine: Uploader, store: Callable[[], Store]
) -> None:
    data = picture()
    ticket, other = mine.begin(data).json, mine.begin(data).json
    if backend == "disk":
        bad = [{**ticket, "url": ticket["url"].replace("token=", f"token={letter}")} for letter in "aZ"]
        bad.append({**ticket, "url": ticket["url"].replace("/files/upload", "/files/other")})
        bad.append({**ticket, "url": ticket["url"].replace("/storage/acme/", "/storage/other/")})
    else:
        fields = ticket["fields"]
        bad = [{**ticket, "fields": {**fields, name: value}} for name, value in (
            ("key", other["fields"]["key"]), ("Content-Type", "text/html"), ("policy", other["fields"]["policy"]),
            ("x-amz-signature", "0" * 64), ("x-amz-date", "20260101T000000Z"), ("acl", "public-read"),
        )]  # fmt: skip
    for one in bad:
        assert mine.send(one, data) in (403, 404, 422)
    assert list(store().keys("")) == []
    assert mine.send(ticket, data) in (200, 204)


def test_completing_twice_processes_once(disk: None, mine: Uploader, judge: Any) -> None:
    data = picture()
    ticket = mine.begin(data).json
    mine.send(ticket, data)
    assert [mine.complete(ticket["id"]).status_code for _ in range(3)] == [200, 200, 200]
    mine.drain()
    again = mine.complete(ticket["id"])
    assert (again.status_code, again.json["state"]) == (200, "approved")
    mine.drain()
    assert len(judge.asked) == 1


@pytest.mark.engines("postgresql")  # SQLite has one writer
@pytest.mark.parametrize("guarded", [True, False])
def test_of_two_completions_at_once_one_processes(
    disk: None, mine: Uploader, judge: Any, tenant: Context, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    assert two_completions_at_once(mine, tenant, monkeypatch, guarded=guarded) == (1 if guarded else 2)


def test_what_is_uploaded_after_completion_is_never_shown(
    backend: str, mine: Uploader, judge: Any, store: Callable[[], Store], tick: Callable[[], int], clock: ManualClock
) -> None:
    good, bad = picture("JPEG", (64, 48)), picture("JPEG", (64, 48), quality=10)
    bad += bytes(len(good) - len(bad))
    ticket = mine.begin(good).json
    mine.send(ticket, good)
    mine.complete(ticket["id"])
    mine.drain()
    before = [mine.fetch(mine.read(ticket["id"])[name])[1] for name in ("thumb", "view", "jpeg")]
    assert mine.send(ticket, bad) in (200, 204)  # the ticket is still good: what it leads to is never served
    assert [mine.fetch(mine.read(ticket["id"])[name])[1] for name in ("thumb", "view", "jpeg")] == before
    clock.advance(minutes=80)
    tick()
    assert [key for key in store().keys("") if key.startswith("incoming/")] == []


def test_uploads_that_nobody_completes_are_swept_after_a_day(
    backend: str,
    mine: Uploader,
    tenant: Context,
    store: Callable[[], Store],
    tick: Callable[[], int],
    clock: ManualClock,
) -> None:
    data = picture()
    ticket = mine.begin(data).json
    mine.send(ticket, data)
    clock.advance(hours=23)
    tick()
    assert len(list(store().keys(""))) == 1
    clock.advance(hours=2)
    tick()
    assert list(store().keys("")) == []
    reply = mine.complete(ticket["id"])
    assert (reply.status_code, reply.json["code"]) == (409, "gone")


@pytest.mark.engines("sqlite")
def test_nobody_begins_without_end(enable_plugin: Callable[..., None], mine: Uploader) -> None:
    enable_plugin("media", open_uploads=2)
    assert [mine.begin(100).status_code for _ in range(3)] == [201, 201, 409]


@pytest.mark.engines("sqlite")
def test_a_member_fills_no_disk_in_a_day_whatever_became_of_what_came(
    enable_plugin: Callable[..., None], mine: Uploader, clock: ManualClock
) -> None:
    enable_plugin("media", member_day_mb=20)
    size = 8 * 1024 * 1024
    first, second, third = (mine.begin(size) for _ in range(3))
    assert (first.status_code, second.status_code) == (201, 201)
    assert (third.status_code, third.json["code"]) == (409, "limit_reached")
    assert mine.begin(100).status_code == 201, "what still fits"
    clock.advance(hours=25)
    assert mine.begin(size).status_code == 201


@pytest.mark.engines("sqlite")
def test_a_process_that_dies_at_its_limits_refuses_the_picture_and_nothing_else(
    disk: None, mine: Uploader, judge: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugins.media.processing.PICTURE_MB", 12)  # not enough for the library itself
    item = mine.upload(picture())
    assert (item["state"], item["reason"]) == ("rejected", "unprocessable")


@pytest.mark.engines("sqlite")
def test_a_storage_that_is_down_delays_and_loses_nothing(
    mine: Uploader, judge: Any, enable_plugin: Callable[..., None], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    enable_plugin("media")
    put = DiskStore.put
    failures = [StorageUnavailable("full")] * 2

    def failing(self: Any, *args: Any) -> int:
        if failures:
            raise failures.pop()
        return put(self, *args)

    monkeypatch.setattr(DiskStore, "put", failing)
    item = mine.upload(picture())
    assert item["state"] == "processing"
    for _ in range(3):
        clock.advance(minutes=1)
        mine.drain()
    assert mine.read(item["id"])["state"] == "approved"


def test_staff_upload_for_the_brand_without_being_judged(
    disk: None, brand: Uploader, judge: Any, api: Api, tenant: Context
) -> None:
    item = brand.upload(picture())
    assert judge.asked == []
    rows = api.get("/admin/v1/media/items", token=api.as_staff("media.view")).json["items"]
    assert [(row["id"], row["state"], row["member"]) for row in rows] == [(item["id"], "approved", None)]
    other = api.as_staff("media.upload")
    ticket = brand.begin(10).json
    assert api.post(f"/admin/v1/media/uploads/{ticket['id']}/complete", token=other).status_code == 404
    nobody = api.as_staff("media.view")
    assert api.post("/admin/v1/media/uploads", token=nobody, json={}).status_code == 403
