"""What stores take: keys and types; and how they fail. What they are is in the contract: `roost.Store`."""

import re
from datetime import datetime
from pathlib import PurePosixPath
from typing import Literal

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
    return _TYPES.get(PurePosixPath(key).suffix, "application/octet-stream")


def is_shown(content_type: str) -> bool:
    """Tell whether a browser may show the type in place; anything else it must save."""
    return content_type in _SHOWN


def aligned(now: datetime, ttl: int) -> datetime:
    """Return the beginning of the span of `ttl` seconds that `now` is in: URLs of one span are the same."""
    return now.fromtimestamp(int(now.timestamp()) // ttl * ttl, now.tzinfo)
