"""What stores take and give: keys, facts of a file, tickets to upload one, and how they fail."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import BinaryIO, Literal, Protocol

from roost import Invalid, NotFound, Unavailable

Backend = Literal["disk", "s3"]
CHUNK = 64 * 1024
KEY_LENGTH = 200
# Segments of letters, digits, - and _, with a suffix perhaps: no "..", nothing hidden, nothing to escape in a URL.
_KEY = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+){0,7}(\.[a-z0-9]{1,8})?")
_TYPES = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".pdf": "application/pdf",
    ".csv": "text/csv",
    ".txt": "text/plain",
    ".json": "application/json",
    ".zip": "application/zip",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# Shown in place; all else is saved: a browser must not run what somebody uploaded (an SVG has scripts).
_SHOWN = frozenset(("image/jpeg", "image/png", "image/webp", "image/gif", "video/mp4", "video/quicktime"))


class ObjectMissing(NotFound):
    """There is no such object in the store (404)."""

    code = "object_missing"

    def __init__(self, key: str) -> None:
        super().__init__(f"nothing is stored under {key}", "文件不存在")


class StorageUnavailable(Unavailable):
    """The storage does not answer, or is full; try again (503)."""

    code = "storage_unavailable"


class StorageRefused(Unavailable):
    """The storage refuses us: not set up, wrong keys, no such bucket (503)."""

    code = "storage_refused"


@dataclass(frozen=True, slots=True)
class Stat:
    """What is known of an object without reading it."""

    key: str
    size: int  # bytes
    content_type: str
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Ticket:
    """How to upload one object, without any other right: a multipart form, `fields` first and the file last.

    It is what a mini-program's `wx.uploadFile` sends and what S3 takes. An upload of another size or type than was
    asked for is refused by the store.
    """

    url: str
    fields: Mapping[str, str]
    expires_at: datetime
    method: str = "POST"
    file_field: str = "file"


class Store(Protocol):
    """The files of one plugin of one tenant. Keys are relative: `files/0190…/view.webp`.

    Calls raise StorageUnavailable (try again) and StorageRefused (somebody must mend the settings). None may be made
    while a transaction is open, but for `upload_ticket` and `download_url`: these sign and call nobody.
    """

    @property
    def backend(self) -> Backend:
        """Return where it is: what to ask `store_of` for, so that old files are found after a switch."""
        ...

    def put(self, key: str, file: BinaryIO, content_type: str) -> int:
        """Store a seekable file from its beginning, whole or not at all; return its bytes. Replaces what was there."""
        ...

    def stream(self, key: str) -> Iterator[bytes]:
        """Yield an object in pieces; raise ObjectMissing at the first."""
        ...

    def stat(self, key: str) -> Stat | None:
        """Return what is known of an object, or None when there is none."""
        ...

    def delete(self, key: str) -> None:
        """Delete an object with all its versions, and make sure; nothing happens when there is none."""
        ...

    def delete_tree(self, prefix: str) -> int:
        """Delete every object below `prefix/` with all versions, and make sure; return how many there were.

        An empty prefix is all that the plugin keeps for the tenant.
        """
        ...

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys below `prefix/`."""
        ...

    def upload_ticket(self, key: str, *, content_type: str, least: int, most: int, ttl: int) -> Ticket:
        """Return a ticket to upload one object of `least` to `most` bytes within `ttl` seconds."""
        ...

    def download_url(self, key: str, *, ttl: int) -> str:
        """Return an address that anybody may read the object at for `ttl` seconds, and perhaps up to twice as long.

        The same address is given for a while, so that what has been downloaded is not downloaded again.
        """
        ...


def check_key(key: str) -> str:
    """Return a key that can be stored; raise Invalid for any other. No key leads out of its folder."""
    if len(key) > KEY_LENGTH or not _KEY.fullmatch(key):
        raise Invalid(
            f"{key[:100]!r} is no key: up to 8 segments of letters, digits, - and _, with a suffix like .jpg",
            "文件路径无效",
            code="bad_key",
        )
    return key


def check_prefix(prefix: str) -> str:
    """Return a prefix of keys; raise Invalid for any other."""
    return check_key(prefix) if prefix else ""


def type_of(key: str) -> str:
    """Return the content type by a key's suffix."""
    return _TYPES.get(PurePosixPath(key).suffix, "application/octet-stream")


def is_shown(content_type: str) -> bool:
    """Tell whether a browser may show the type in place; anything else it must save."""
    return content_type in _SHOWN


def aligned(now: datetime, ttl: int) -> datetime:
    """Return the beginning of the span of `ttl` seconds that `now` is in: URLs of one span are the same."""
    return now.fromtimestamp(int(now.timestamp()) // ttl * ttl, now.tzinfo)
