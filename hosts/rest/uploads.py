"""Take a file off the wire in pieces: the raw body, or the file of a multipart form. Nothing is held in memory.

A mini-program's `wx.uploadFile` can only send a multipart form, a browser or a server sends the bytes as they are; the
endpoint sees no difference.
"""

from collections.abc import Iterator
from functools import partial
from typing import cast

from falcon import MediaMalformedError, Request
from falcon.media import MultipartFormHandler
from falcon.typing import ReadableIO

from core.contract.rest import Upload
from hosts.rest.problems import BrokenUpload, LengthRequired, TooLarge

CHUNK = 64 * 1024
FORM_BYTES = 64 * 1024  # what a form may add to its file: other fields, headers, boundaries
FORM = "multipart/form-data"
FILE_FIELD = "file"


def upload_of(req: Request, limit: int) -> Upload:
    """Return a request's upload; raise LengthRequired or TooLarge before any of it is read."""
    length = req.content_length
    if length is None:
        raise LengthRequired("say how long the upload is: send Content-Length", "请在 Content-Length 中注明文件大小")
    kind = req.env.get("CONTENT_TYPE", "")
    form = kind.partition(";")[0].strip().lower() == FORM
    if length > limit + (FORM_BYTES if form else 0):
        raise _too_large(limit)
    stream = cast(ReadableIO, req.bounded_stream)
    return Upload(kind, partial(_of_form if form else _raw, stream, kind, length, limit))


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"a file has at most {limit} bytes here", f"文件最多 {limit} 字节", limit=limit)


def _broken(why: str) -> BrokenUpload:
    return BrokenUpload(f"the upload cannot be read: {why}; send it again", "上传内容不完整或格式有误，请重新上传")


def _raw(stream: ReadableIO, kind: str, length: int, limit: int) -> Iterator[bytes]:
    left = length
    while left:
        try:
            piece = stream.read(min(CHUNK, left))
        except OSError:
            piece = b""
        if not piece:
            raise _broken(f"{left} of {length} bytes are missing")
        left -= len(piece)
        yield piece


def _of_form(stream: ReadableIO, kind: str, length: int, limit: int) -> Iterator[bytes]:
    found = False
    try:
        for part in MultipartFormHandler().deserialize(stream, kind, length):  # to its end: it may break off
            if part.name != FILE_FIELD or found:
                continue
            found, size = True, 0
            while piece := part.stream.read(CHUNK):
                size += len(piece)
                if size > limit:
                    raise _too_large(limit)
                yield piece
    except (MediaMalformedError, OSError, UnicodeDecodeError):
        raise _broken("the form is damaged or breaks off") from None
    if not found:
        raise _broken(f"the form has no part named {FILE_FIELD!r}")
