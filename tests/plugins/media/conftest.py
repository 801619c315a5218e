"""A tenant with media on, a machine that judges, and members who upload."""

import io
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests
from PIL import Image

import integrations.storage
import plugins.media
from core.config import Settings
from core.contract.context import Context
from core.members import MemberView
from core.registry.registry import Registry
from hosts.testkit.plugin import Api, test_settings
from integrations.fake_server import Running
from integrations.storage import Store, store_of
from integrations.storage.fake import ACCESS_KEY, BUCKET, REGION, SECRET_KEY, S3Fake

SAMPLE = Path(__file__).parent / "sample"
HERE = "http://127.0.0.1:8000"


@pytest.fixture(scope="session")
def registry() -> Registry:
    """Load media, the storage and the judge."""
    sys.path.insert(0, str(SAMPLE))
    found = Registry()
    modules = {"storage": integrations.storage, "media": plugins.media}
    folders = {slug: (module.__name__, Path(str(module.__file__)).parent) for slug, module in modules.items()}
    found.add({**folders, "judge": ("judge", SAMPLE / "judge")}, strict=True)
    return found


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Let the storage's address lead to this machine, where the fake is, and nowhere else inside."""
    return test_settings(database_url, tmp_path, egress_allow="127.0.0.1/32")


@pytest.fixture
def judge(enable_plugin: Callable[..., None], runtime: Any) -> Iterator[Any]:
    """Switch the machine on; return its module, to tell it what to say."""
    enable_plugin("judge")
    module = sys.modules["judge.hooks"]
    yield module
    module.asked.clear()
    module.verdicts.clear()


@pytest.fixture
def fakes() -> list[S3Fake]:
    """Keep the fakes of a test."""
    return []


@pytest.fixture(params=["disk", "s3"])
def backend(request: pytest.FixtureRequest, enable_plugin: Callable[..., None], fakes: list[S3Fake]) -> Iterator[str]:
    """Switch media on, with files on disk and then in a bucket that keeps versions."""
    if request.param == "disk":
        enable_plugin("media")
        yield "disk"
        return
    with Running(S3Fake(versioned=True)) as s3:
        fakes.append(s3.fake)
        enable_plugin(
            "storage", backend="s3", endpoint=s3.url, bucket=BUCKET, region=REGION, access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
        )  # fmt: skip
        enable_plugin("media")
        yield "s3"


@pytest.fixture
def disk(enable_plugin: Callable[..., None]) -> None:
    """Switch media on, with files on disk."""
    enable_plugin("media")


# --- files -----------------------------------------------------------------------------------------------------------


def picture(kind: str = "JPEG", size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: Any) -> bytes:
    """Return a picture with a little in it."""
    image = Image.new(mode, size, "red" if mode != "P" else 1)
    image.paste(Image.new(mode, (size[0] // 2, size[1] // 2)), (0, 0))
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def box(kind: bytes, *inner: bytes) -> bytes:
    """Return a box of an MP4 file."""
    content = b"".join(inner)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def track(handler: bytes = b"vide", *, seconds: int = 3, told: int | None = None, self_contained: bool = True) -> bytes:
    """Return a track; it plays for `seconds` by its samples and for `told` by its header."""
    scale, told = 1000, seconds if told is None else told
    return box(
        b"trak",
        box(b"tkhd", bytes(76), struct.pack(">II", 640 << 16, 360 << 16)),
        box(
            b"mdia",
            box(b"mdhd", bytes(12), struct.pack(">IIHH", scale, told * scale, 0, 0)),
            box(b"hdlr", bytes(8), handler, bytes(13)),
            box(
                b"minf",
                box(b"dinf", box(b"dref", struct.pack(">II", 0, 1), box(b"url ", bytes([0, 0, 0, self_contained])))),
                box(b"stbl", box(b"stts", struct.pack(">IIII", 0, 1, seconds * 10, scale // 10))),
            ),
        ),
    )


def video(
    *tracks: bytes,
    brand: bytes = b"isom",
    told: int = 3,
    more: bytes = b"",
    in_moov: bytes = b"",
    mdat: bytes = b"frames",
) -> bytes:
    """Return an MP4 file that no player could show, and that is well formed."""
    head = box(b"mvhd", bytes(12), struct.pack(">II", 1000, told * 1000), bytes(80))
    return (
        box(b"ftyp", brand, bytes(4), brand)
        + box(b"moov", head, *(tracks or (track(), track(b"soun"))), in_moov)
        + box(b"mdat", mdat)
        + more
    )


# --- people ----------------------------------------------------------------------------------------------------------


@dataclass
class Uploader:
    """A member, or staff, who uploads over HTTP as a mini-program does."""

    api: Api
    tenant: Context
    token: str
    drain: Callable[[], int]
    view: MemberView | None = None
    prefix: str = "/v1/media"

    @property
    def id(self) -> UUID:
        assert self.view is not None
        return self.view.id

    def begin(self, data: bytes | int, content_type: str = "image/jpeg", kind: str | None = None, **more: Any) -> Any:
        """Ask for a ticket; return the reply."""
        body = {
            "kind": kind or content_type.partition("/")[0],
            "size": data if isinstance(data, int) else len(data),
            "content_type": content_type,
            **more,
        }
        return self.api.post(f"{self.prefix}/uploads", token=self.token, json=body)

    def send(self, ticket: dict[str, Any], data: bytes) -> int:
        """Upload with a ticket; return the status."""
        form = requests.Request(
            ticket["method"], ticket["url"], data=ticket["fields"], files={ticket["file_field"]: ("x.jpg", data)}
        ).prepare()
        if ticket["url"].startswith(HERE):
            path = ticket["url"].removeprefix(HERE)
            sent = self.api.client.simulate_post(path, body=form.body, headers=dict(form.headers))
            return int(sent.status_code)
        return requests.Session().send(form, timeout=5).status_code

    def complete(self, item: str) -> Any:
        """Say that an upload is done; return the reply."""
        return self.api.post(f"{self.prefix}/uploads/{item}/complete", token=self.token)

    def upload(self, data: bytes, content_type: str = "image/jpeg", **more: Any) -> Any:
        """Upload a file, have it processed and judged, and return the item as the uploader sees it."""
        ticket = self.begin(data, content_type, **more)
        assert ticket.status_code == 201, ticket.text
        assert self.send(ticket.json, data) in (200, 204)
        done = self.complete(ticket.json["id"])
        assert done.status_code == 200, done.text
        self.drain()
        return self.read(ticket.json["id"]) if self.view else done.json

    def read(self, item: str) -> Any:
        """Return an item of mine."""
        reply = self.api.get(f"/v1/media/items/{item}", token=self.token)
        assert reply.status_code == 200, reply.text
        return reply.json

    def fetch(self, url: str) -> tuple[int, bytes]:
        """Return what an address gives."""
        if url.startswith(HERE):
            reply = self.api.client.simulate_get(url.removeprefix(HERE))
            return reply.status_code, reply.content
        got = requests.get(url, timeout=5)
        return got.status_code, got.content


@pytest.fixture
def uploader(
    api: Api, tenant: Context, member: Callable[..., MemberView], drain: Callable[[], int]
) -> Callable[..., Uploader]:
    """Return a function that makes a member who uploads."""

    def make() -> Uploader:
        view = member()
        return Uploader(api, tenant, api.as_member(view), drain, view)

    return make


@pytest.fixture
def mine(uploader: Callable[..., Uploader]) -> Uploader:
    """Return a member who uploads."""
    return uploader()


@pytest.fixture
def brand(api: Api, tenant: Context, drain: Callable[[], int]) -> Uploader:
    """Return staff who upload for the brand."""
    return Uploader(api, tenant, api.as_staff("media.upload"), drain, None, "/admin/v1/media")


@pytest.fixture
def store(tenant: Context) -> Callable[[], Store]:
    """Return a function that gives the store that media keeps its files in."""
    return lambda: store_of(tenant.for_plugin("media"))
