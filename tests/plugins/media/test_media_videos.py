"""Short videos: what is one, how long it plays, what it tells, and its poster."""

import io
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from integrations.storage import Store
from plugins.media import children, videos
from tests.plugins.media.conftest import Uploader, box, picture, track, video
from tests.plugins.media.test_media_uploads import zipped

pytestmark = pytest.mark.engines("sqlite")  # what is in a file is no matter of the database
PLACE = box(b"udta", box(b"\xa9xyz", b"\x00\x12\x15\xc7+31.2300+121.4700/"))


@pytest.fixture
def ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that puts a program in the place of ffmpeg: Python, in which `out` is the picture's path."""

    def put(body: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / "ffmpeg"
        program.write_text(f"#!{sys.executable} -I\nimport sys\nout = sys.argv[-1]\n{body}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))

    return put


@pytest.fixture
def no_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no ffmpeg on the path."""
    monkeypatch.setenv("PATH", str(tmp_path))


def test_without_ffmpeg_people_look_at_a_video(disk: None, no_ffmpeg: None, judge: Any, mine: Uploader) -> None:
    data = video()
    item = mine.upload(data, "video/mp4")
    assert (item["state"], item["duration_ms"], item["width"], item["height"]) == ("review", 3000, 640, 360)
    assert item["thumb"] is None
    assert mine.fetch(item["video"]) == (200, data)  # its owner sees it
    assert judge.asked == []


def test_with_ffmpeg_a_video_has_a_poster_that_the_machine_sees(
    disk: None, ffmpeg: Callable[[str], None], judge: Any, mine: Uploader, enable_plugin: Callable[..., None]
) -> None:
    ffmpeg(f"open(out, 'wb').write({picture('JPEG', (640, 360))!r})")
    item = mine.upload(video(), "video/mp4")
    assert item["state"] == "review"  # a machine has seen one frame only
    with Image.open(io.BytesIO(mine.fetch(item["thumb"])[1])) as image:
        assert image.size == (320, 180)
    enable_plugin("media", videos_to_people=False)
    assert mine.upload(video(), "video/mp4")["state"] == "approved"
    assert len(judge.asked) == 2


@pytest.mark.parametrize(
    "body",
    [
        "sys.exit('cannot decode')",
        "",
        "open(out, 'wb').write(b'')",
        "x = bytearray(3 << 30)",  # more memory than it may take
    ],
)
def test_an_ffmpeg_that_fails_costs_the_poster_only(
    disk: None, ffmpeg: Callable[[str], None], judge: Any, mine: Uploader, body: str
) -> None:
    ffmpeg(body)
    item = mine.upload(video(), "video/mp4")
    assert (item["state"], item["thumb"]) == ("review", None)


def test_a_program_that_does_not_end_is_ended(tmp_path: Path) -> None:
    with pytest.raises(children.ChildFailed):
        children.run([sys.executable, "-I", "-c", "while True: pass"], megabytes=500, seconds=1, folder=tmp_path)


def test_a_program_has_neither_our_environment_nor_our_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOST_ENCRYPTION_KEYS", "secret")
    code = "import os, sys; print(sorted(os.environ), repr(sys.stdin.read()))"
    said = children.run([sys.executable, "-I", "-c", code], megabytes=500, seconds=5, folder=tmp_path)
    assert b"ROOST" not in said
    assert b"''" in said


def long(seconds: int, told: int) -> bytes:
    return video(track(seconds=seconds, told=told), told=told)


VIDEOS: dict[str, tuple[bytes, str]] = {
    "61 seconds and a little": (long(62, 62), "too_long"),
    "an hour that says it is three seconds": (long(3600, 3), "too_long"),
    "an unknown length": (video(track(seconds=0, told=0), told=0), "unsupported_container"),
    "no picture": (video(track(b"soun")), "no_video"),
    "pieces of a stream": (video(in_moov=box(b"mvex")), "unsupported_container"),
    "a piece of a stream behind it": (video(more=box(b"moof")), "unsupported_container"),
    "something that is no box behind it": (video(more=b"<script>alert(1)</script>"), "broken"),
    "an archive behind it": (video(more=box(b"free", zipped())), "polyglot"),
    "frames that are somewhere else": (video(track(self_contained=False)), "unsupported_container"),
    "a box larger than the file": (video()[:-4], "broken"),
    "a box smaller than its head": (video(more=struct.pack(">I4s", 4, b"free")), "broken"),
    "two heads": (video(more=box(b"moov")), "unsupported_container"),
    "boxes without end": (video(in_moov=box(b"free") * 6000), "broken"),
}


@pytest.mark.parametrize("name", VIDEOS)
def test_a_video_that_lies_is_refused(
    disk: None, no_ffmpeg: None, mine: Uploader, store: Callable[[], Store], name: str
) -> None:
    data, reason = VIDEOS[name]
    item = mine.upload(data, "video/mp4")
    assert (item["state"], item["reason"]) == ("rejected", reason)
    assert [key for key in store().keys("") if key.startswith("files/")] == []


@pytest.mark.parametrize(
    "data", [picture(), b"#EXTM3U\nhttp://169.254.169.254/latest\n", b"RIFF....AVI LIST" + bytes(90)]
)
def test_what_is_no_video_is_refused_by_its_content(disk: None, mine: Uploader, data: bytes) -> None:
    assert mine.upload(data, "video/mp4")["reason"] == "wrong_type"


def test_a_video_does_not_tell_where_it_was_taken(disk: None, no_ffmpeg: None, mine: Uploader) -> None:
    named = box(b"meta", b"com.apple.quicktime.location.ISO6709 +31.2300+121.4700/")
    places = track(b"meta")
    data = video(track(), places, in_moov=PLACE + named, more=PLACE + box(b"uuid", b"x" * 16 + b"+31.2300"))
    item = mine.upload(data, "video/mp4")
    served = mine.fetch(item["video"])[1]
    assert b"31.23" in data
    assert b"31.23" not in served
    assert len(served) == len(data)  # nothing moved: what points into the file still does
    assert b"frames" in served
    again = mine.upload(served, "video/mp4")
    assert (again["state"], again["duration_ms"]) == ("review", 3000)


def test_boxes_of_large_files_are_read_by_their_long_size(tmp_path: Path) -> None:
    path = tmp_path / "film"
    large = struct.pack(">I4sQ", 1, b"mdat", 16 + 5) + b"frame"
    path.write_bytes(video() + large + struct.pack(">I4s", 0, b"mdat") + b"to the end")
    assert videos.inspect(path, 60).duration_ms == 3000
