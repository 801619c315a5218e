"""Files on this machine's disk, below `settings.var`, read and written by others through addresses that we sign."""

import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode

from integrations.storage.values import (
    CHUNK,
    Backend,
    ObjectMissing,
    StorageUnavailable,
    aligned,
    check_key,
    check_prefix,
    type_of,
)
from roost import Context, Invalid, Stat, Ticket, identity

PUT, GET = "storage.put", "storage.get"  # what a token allows
LEFT_SECONDS = 24 * 3600  # no upload takes as long
ADDRESS = "/v1/storage/{tenant}/files/{name}"


class DiskStore:
    """The files of one plugin of one tenant below `var/storage`. Safe for many processes of one machine.

    A file appears whole or not at all: it is written beside its place and moved there. Its content type is that of its
    key's suffix.
    """

    backend: Backend = "disk"

    def __init__(self, ctx: Context, plugin: str) -> None:
        self._ctx = ctx
        self._base = ctx.deployment.var.resolve() / "storage"
        self._root = self._base / f"t{ctx.tenant.id}" / check_key(plugin)

    def path(self, key: str) -> Path:
        """Return where an object is. Raises Invalid for what is no key; nothing leads out of the plugin's folder."""
        path = self._root / check_key(key)
        if not path.resolve().is_relative_to(self._root):  # a link that somebody laid by hand
            raise Invalid("this key leads out of its folder", "文件路径无效", code="bad_key")
        return path

    # writing

    def put(self, key: str, file: BinaryIO, content_type: str) -> int:
        if content_type != type_of(key):
            raise Invalid(f"{key} is {type_of(key)} by its suffix, not {content_type}", "文件后缀与类型不符")
        file.seek(0)
        return self.write(key, iter(lambda: file.read(CHUNK), b""))

    def write(self, key: str, chunks: Iterable[bytes], *, least: int = 0, most: int | None = None) -> int:
        """Store what comes in pieces; return its bytes. Raises Invalid for fewer or more than were allowed."""
        path, size = self.path(key), 0
        with self._writing(), tempfile.NamedTemporaryFile(dir=self._waiting(), delete=False) as part:
            try:
                for chunk in chunks:
                    size += len(chunk)
                    if most is not None and size > most:
                        raise _wrong_size(least, most)
                    part.write(chunk)
                if size < least:
                    raise _wrong_size(least, most)
                part.flush()
                os.fsync(part.fileno())
                path.parent.mkdir(parents=True, exist_ok=True)
                Path(part.name).replace(path)
            except BaseException:
                Path(part.name).unlink(missing_ok=True)
                raise
        return size

    def _waiting(self) -> Path:
        """Return the folder for what is not whole yet: on the same disk, so that a move is one step."""
        folder = self._base / "incoming"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as ex:
            raise StorageUnavailable(f"the disk cannot be written: {ex.strerror}", "存储空间不可用，请稍后再试") from ex

    # reading

    def stream(self, key: str) -> Iterator[bytes]:
        try:
            file = self.path(key).open("rb")
        except (FileNotFoundError, IsADirectoryError):
            raise ObjectMissing(key) from None
        with file:
            yield from iter(lambda: file.read(CHUNK), b"")

    def stat(self, key: str) -> Stat | None:
        path = self.path(key)
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not path.is_file():
            return None
        return Stat(key, found.st_size, type_of(key), datetime.fromtimestamp(found.st_mtime, UTC))

    def keys(self, prefix: str) -> Iterator[str]:
        for path in sorted((self._root / check_prefix(prefix)).rglob("*")):
            if path.is_file():
                yield path.relative_to(self._root).as_posix()

    # deleting

    def delete(self, key: str) -> None:
        path = self.path(key)
        with self._writing():
            path.unlink(missing_ok=True)
            with suppress(OSError):  # others are in it
                path.parent.rmdir()

    def delete_tree(self, prefix: str) -> int:
        found = sum(1 for _ in self.keys(prefix))
        with self._writing(), suppress(FileNotFoundError):
            shutil.rmtree(self._root / check_prefix(prefix))
        if any(True for _ in self.keys(prefix)):
            raise StorageUnavailable(f"something is still below {prefix}: try again", "文件尚未删净，请稍后重试")
        return found

    # addresses

    def upload_ticket(self, key: str, *, content_type: str, least: int, most: int, ttl: int) -> Ticket:
        """Sign an address that takes one upload."""
        allowed = {"p": self._root.name, "k": check_key(key), "t": content_type, "n": [least, most]}
        until = self._ctx.now() + timedelta(seconds=ttl)
        return Ticket(self._address(key, identity.sign_token(self._ctx, PUT, allowed, ttl=ttl)), {}, until)

    def download_url(self, key: str, *, ttl: int) -> str:
        """Sign an address that gives the object."""
        since = aligned(self._ctx.now(), ttl)
        until = since + timedelta(seconds=2 * ttl)
        left = math.ceil((until - self._ctx.now()).total_seconds())
        allowed = {"p": self._root.name, "k": check_key(key), "u": int(until.timestamp())}
        return self._address(key, identity.sign_token(self._ctx, GET, allowed, ttl=left))

    def _address(self, key: str, token: str) -> str:
        name = key.rpartition("/")[2]
        path = ADDRESS.format(tenant=quote(self._ctx.tenant.slug), name=quote(name))
        return f"{self._ctx.deployment.public_url.rstrip('/')}{path}?{urlencode({'token': token})}"


def allowed_by(ctx: Context, what: str, token: str, name: str) -> tuple[DiskStore, dict[str, Any]]:
    """Return the store and what a token allows there. Raises Invalid for a token that is not good here, or any more."""
    allowed = identity.read_token(ctx, what, token)
    if allowed["k"].rpartition("/")[2] != name:
        raise Invalid("this link or code is not valid here", "链接或二维码无效", code="bad_token")
    return DiskStore(ctx, allowed["p"]), allowed


def tidy(ctx: Context) -> int:
    """Remove what uploads of processes that were killed left behind; return how many files."""
    found = 0
    for path in (ctx.deployment.var.resolve() / "storage" / "incoming").glob("*"):
        with suppress(FileNotFoundError):  # another process was quicker
            if ctx.now().timestamp() - path.stat().st_mtime > LEFT_SECONDS:
                path.unlink()
                found += 1
    return found


def _wrong_size(least: int, most: int | None) -> Invalid:
    asked = f"{least}" if least == most else f"{least} to {most}"
    return Invalid(
        f"this ticket is for a file of {asked} bytes",
        f"文件大小应为 {asked} 字节",
        code="wrong_size",
        least=least,
        most=most,
    )
