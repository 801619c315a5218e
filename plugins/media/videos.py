"""Look into an MP4 or QuickTime file: that it is one and nothing else, how long it plays, and where it tells a place.

The format is boxes within boxes (ISO/IEC 14496-12, 14496-14): four bytes of size, four of type. Only what we need is
read, and every size is doubted. A file says how long it is in several places; we believe the longest.
"""

import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

BRANDS = frozenset(b"isom iso2 iso3 iso4 iso5 iso6 mp41 mp42 avc1 M4V qt 3gp4 3gp5 3gp6".split())
TOP = frozenset((b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"udta", b"meta", b"uuid", b"pdin"))
MOST_BOXES = 5000
MOST_MOOV = 16 * 1024 * 1024
TELLING = frozenset((b"udta", b"meta", b"uuid"))  # places, names of cameras and people
WITHIN = frozenset((b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl"))


class Refused(Exception):
    """A video that is not taken; the code says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Box:
    """One box: where it starts, where its content starts, where it ends."""

    kind: bytes
    start: int
    inner: int
    end: int


@dataclass(frozen=True, slots=True)
class Video:
    """What is known of a video."""

    duration_ms: int
    width: int
    height: int


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes that fill a span exactly. Raises Refused (`broken`) when they do not."""
    count = 0
    while start < end:
        count += 1
        file.seek(start)
        head = file.read(16)
        if len(head) < 8 or count > MOST_BOXES:
            raise Refused("broken")
        size, kind, inner = int.from_bytes(head[:4], "big"), head[4:8], start + 8
        if size == 1:
            if len(head) < 16:
                raise Refused("broken")
            size, inner = int.from_bytes(head[8:16], "big"), start + 16
        elif size == 0:  # to the end of the file
            size = end - start
        if start + size > end or start + size < inner:
            raise Refused("broken")
        yield Box(kind, start, inner, start + size)
        start += size


class _Film:
    """What a walk through the boxes gathers."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size = file, size
        self.seen = 0
        self.seconds = [0.0]
        self.videos = 0
        self.width = self.height = 0
        self.telling: list[Box] = []

    def read(self, box: Box, most: int = 64 * 1024) -> bytes:
        self.file.seek(box.inner)
        return self.file.read(min(box.end - box.inner, most))

    def look(self) -> None:
        """Walk the whole file. Raises Refused."""
        top = list(boxes(self.file, 0, self.size))
        kinds = [box.kind for box in top]
        if not top or kinds[0] != b"ftyp":
            raise Refused("unsupported_type")
        brands = self.read(top[0])
        if not any(brands[at : at + 4].rstrip() in BRANDS for at in (0, *range(8, len(brands), 4))):
            raise Refused("unsupported_type")
        if kinds.count(b"moov") != 1 or b"mdat" not in kinds or not TOP.issuperset(kinds):
            raise Refused("unsupported_container")  # pieces of a stream (moof) have no length of their own
        moov = top[kinds.index(b"moov")]
        if moov.end - moov.inner > MOST_MOOV:
            raise Refused("unsupported_container")
        self.telling += [box for box in top if box.kind in TELLING]
        for box in boxes(self.file, moov.inner, moov.end):
            self.one_of_moov(box)
        if self.videos == 0 or not self.width or not self.height:
            raise Refused("no_video")
        if max(self.seconds) <= 0:
            raise Refused("unsupported_container")

    def one_of_moov(self, box: Box) -> None:
        if box.kind == b"mvhd":
            self.seconds.append(_seconds(self.read(box)))
        elif box.kind in TELLING:
            self.telling.append(box)
        elif box.kind == b"mvex":
            raise Refused("unsupported_container")
        elif box.kind == b"trak":
            found: dict[bytes, list[Box]] = {}
            self.gather(box, found, 0)
            self.track(box, found)

    def gather(self, box: Box, found: dict[bytes, list[Box]], depth: int) -> None:
        for inner in boxes(self.file, box.inner, box.end):
            self.seen += 1
            if self.seen > MOST_BOXES or depth > 6:
                raise Refused("broken")
            found.setdefault(inner.kind, []).append(inner)
            if inner.kind in TELLING:
                self.telling.append(inner)
            elif inner.kind in WITHIN:
                self.gather(inner, found, depth + 1)

    def track(self, box: Box, found: dict[bytes, list[Box]]) -> None:
        if any(len(found.get(kind, ())) != 1 for kind in (b"tkhd", b"mdhd", b"stts")) or b"hdlr" not in found:
            raise Refused("broken")
        media = self.read(found[b"mdhd"][0])
        self.seconds.append(_seconds(media))
        scale = _scale(media)
        times = self.read(found[b"stts"][0], MOST_MOOV)[8:]
        played = sum(count * each for count, each in struct.iter_unpack(">II", times[: len(times) // 8 * 8]))
        if scale:
            self.seconds.append(played / scale)
        for one in found.get(b"dref", ()):
            self.only_itself(one)
        handlers = {self.read(one)[8:12] for one in found[b"hdlr"]}
        if b"vide" in handlers:
            self.videos += 1
            width, height = struct.unpack(">II", self.read(found[b"tkhd"][0])[-8:])
            self.width, self.height = max(self.width, width >> 16), max(self.height, height >> 16)
        elif b"soun" not in handlers:
            self.telling.append(box)  # a track of places, texts or anything

    def only_itself(self, dref: Box) -> None:
        """Refuse a video whose sound or picture is somewhere else: a player would fetch it."""
        for entry in boxes(self.file, dref.inner + 8, dref.end):
            if not self.read(entry)[3:4] or not self.read(entry)[3] & 1:
                raise Refused("unsupported_container")


def _scale(head: bytes) -> int:
    at = 20 if head[:1] == b"\x01" else 12
    return int.from_bytes(head[at : at + 4], "big")


def _seconds(head: bytes) -> float:
    """Return the seconds that a header box (mvhd, mdhd) tells of."""
    if len(head) < 20:
        raise Refused("broken")
    wide = head[:1] == b"\x01"
    scale, length = _scale(head), head[24:32] if wide else head[16:20]
    number = int.from_bytes(length, "big")
    if number >= (1 << 8 * len(length)) - 1:  # "unknown"
        return 0.0
    return number / scale if scale else 0.0


def inspect(path: Path, most_seconds: int) -> Video:
    """Return what is known of a video, and blank out in place what it tells beside its pictures and sound.

    Raises Refused: `unsupported_type`, `unsupported_container`, `broken`, `polyglot`, `no_video`, `too_long`.
    """
    if zipfile.is_zipfile(path):
        raise Refused("polyglot")
    with path.open("r+b") as file:
        film = _Film(file, path.stat().st_size)
        try:
            film.look()
        except (struct.error, IndexError):
            raise Refused("broken") from None
        if max(film.seconds) > most_seconds + 1:  # a recorder that is told to stop at 60 stops a little later
            raise Refused("too_long")
        for box in film.telling:
            _blank(file, box)
    return Video(round(max(film.seconds) * 1000), film.width, film.height)


def _blank(file: BinaryIO, box: Box) -> None:
    """Make a box one of free space: everything else stays where it is."""
    file.seek(box.start + 4)
    file.write(b"free")
    file.seek(box.inner)
    left = box.end - box.inner
    while left:
        piece = min(left, 65_536)
        file.write(bytes(piece))
        left -= piece
