"""Turn what was uploaded into files of our own: look what it is, refuse what it should not be, draw it anew."""

import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import filetype  # type: ignore[import-untyped]  # it has none
import structlog

from plugins.media import children, moderation, videos
from plugins.media.models import MediaItem
from plugins.media.schemas import ItemJob, Kind, Made, MediaSettings, Variant
from plugins.media.uploads import files, incoming, limit_of, store_for
from roost import Context, NotFound, Remote, Store

log = structlog.get_logger("roost.media")
PICTURES = Path(__file__).with_name("pictures.py")
PICTURE_MB, PICTURE_SECONDS = 1536, 30  # of memory and of processor time, for one picture
DAY = 24 * 3600  # seconds: nothing is processed as long
POSTER_MB, POSTER_SECONDS = 2048, 30
POSTER_AT = 1.0  # seconds into the video: the first frame is often black
SAME = {"video/x-m4v": "video/mp4", "video/3gpp": "video/mp4"}  # what a recorder calls MP4


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be processed, and by which limits."""

    item: UUID
    kind: Kind
    content_type: str
    size: int
    most: int  # bytes
    most_pixels: int
    most_seconds: int
    store: Store
    folder: Path


class _Refused(Exception):
    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code, self.detail = code, detail


class Process(Remote):
    """The job that processes an upload."""

    def prepare(self, ctx: Context, payload: ItemJob) -> Work | None:  # type: ignore[override]  # the job's payload
        """Read what is to be done; None when there is nothing any more."""
        row = MediaItem.scoped(ctx).first(MediaItem.id == payload.item)
        if row is None or row.state != "processing" or row.variants:
            return None
        settings = ctx.settings(MediaSettings)
        return Work(
            row.id, row.kind, row.content_type, row.size, limit_of(settings, row.kind),
            settings.megapixels * 1_000_000, settings.video_seconds, store_for(ctx, row.backend),
            folder_of(ctx),
        )  # fmt: skip

    def call(self, prepared: Work | None) -> Made | None:
        """Fetch it, look at it, and store what we make of it."""
        return None if prepared is None else make(prepared)

    def complete(self, ctx: Context, prepared: Work | None, answer: Made | None) -> None:
        """Note what came of it and have it judged."""
        if prepared is not None and answer is not None:
            moderation.made(ctx, prepared.item, answer)


def folder_of(ctx: Context) -> Path:
    """Return where uploads are while they are processed."""
    return ctx.deployment.var.resolve() / "processing"


def tidy(ctx: Context, slot: str) -> None:
    """Remove what processes that were killed left behind."""
    for path in folder_of(ctx).glob("media-*"):
        if ctx.now().timestamp() - path.stat().st_mtime > DAY:
            shutil.rmtree(path, ignore_errors=True)


def make(work: Work) -> Made:
    """Process an upload. Raises StorageUnavailable; whatever is wrong with the file is in what it returns."""
    work.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="media-", dir=work.folder) as name:
        folder = Path(name)
        try:
            path = _fetched(work, folder)
            return _picture(work, path, folder) if work.kind == "image" else _video(work, path, folder)
        except _Refused as ex:
            return Made(refused=ex.code, detail=ex.detail)


def _fetched(work: Work, folder: Path) -> Path:
    """Bring the upload to disk, in pieces; it is as long as it was declared, and what it was declared."""
    path, size = folder / "upload", 0
    try:
        with path.open("wb") as file:
            for piece in work.store.stream(f"{incoming(work.item)}/upload"):
                size += len(piece)
                if size > work.most:
                    raise _Refused("too_large")
                file.write(piece)
    except NotFound:
        raise _Refused("missing") from None
    if size != work.size:
        raise _Refused("wrong_size", f"{size} bytes, declared {work.size}")
    found = filetype.guess_mime(str(path)) or "unknown"
    if SAME.get(found, found) != work.content_type:
        raise _Refused("wrong_type", f"{found}, declared {work.content_type}")
    return path


def _picture(work: Work, path: Path, folder: Path) -> Made:
    said = _drawn(work, path, folder)
    variants = _kept(work, said, folder)
    return Made(width=said["width"], height=said["height"], variants=variants, preview=said["preview"])


def _drawn(work: Work, path: Path, folder: Path) -> dict[str, Any]:
    """Have a picture drawn anew, by a process of its own. Raises _Refused."""
    program = [sys.executable, "-I", str(PICTURES), str(path), str(folder), str(work.most_pixels)]
    try:
        answer = children.run(program, megabytes=PICTURE_MB, seconds=PICTURE_SECONDS, folder=folder)
    except children.ChildFailed as ex:
        raise _Refused("unprocessable", str(ex)) from None
    said: dict[str, Any] = json.loads(answer)
    if "refused" in said:
        raise _Refused(said["refused"])
    return said


def _kept(work: Work, said: dict[str, Any], folder: Path) -> dict[str, Variant]:
    """Store the files that were drawn."""
    kept = {}
    for name, about in said["files"].items():
        variant = Variant(key=f"{files(work.item)}/{name}", **about)
        with (folder / name).open("rb") as file:
            work.store.put(variant.key, file, variant.type)
        kept[name.replace(".", "_")] = variant
    return kept


def _video(work: Work, path: Path, folder: Path) -> Made:
    try:
        known = videos.inspect(path, work.most_seconds)
    except videos.Refused as ex:
        raise _Refused(ex.code) from None
    poster = _poster(path, folder, known)
    variants: dict[str, Variant] = {}
    preview = None
    if poster is not None:
        said = _drawn(work, poster, folder)
        variants, preview = _kept(work, said, folder), said["preview"]
    suffix = "mov" if work.content_type == "video/quicktime" else "mp4"
    key = f"{files(work.item)}/video.{suffix}"
    with path.open("rb") as file:
        size = work.store.put(key, file, work.content_type)
    variants["video"] = Variant(key=key, type=work.content_type, size=size, width=known.width, height=known.height)
    return Made(
        width=known.width, height=known.height, duration_ms=known.duration_ms, variants=variants, preview=preview
    )


def _poster(path: Path, folder: Path, known: videos.Video) -> Path | None:
    """Return a frame of a video as a picture, or None where there is no ffmpeg or it cannot read the video."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        return None
    poster = folder / "poster.jpg"
    at = min(POSTER_AT, known.duration_ms / 2000)
    program = [
        ffmpeg, "-nostdin", "-v", "error", "-threads", "1",
        "-protocol_whitelist", "file", "-f", "mov",  # never a playlist that names other files or hosts
        "-ss", f"{at:.3f}", "-i", str(path), "-frames:v", "1", "-vf", "scale='min(1280,iw)':-2",
        "-threads", "1", "-f", "image2", "-c:v", "mjpeg", "-q:v", "3", "-y", str(poster),
    ]  # fmt: skip
    try:
        children.run(program, megabytes=POSTER_MB, seconds=POSTER_SECONDS, folder=folder)
    except children.ChildFailed as ex:
        log.warning("no_poster", error=str(ex))
        return None
    return poster if poster.is_file() and poster.stat().st_size else None
