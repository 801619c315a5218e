"""Make our own files of a picture that a member uploaded: `python -I pictures.py PICTURE FOLDER MOST_PIXELS`.

Runs in a process of its own (see `bounded`), so it stands alone: it imports Pillow and nothing of Roost. Writes the
variants into the folder and says of them in JSON; says `{"refused": code}` of what is no good picture.
What goes out was drawn by us: nothing of the original's metadata, and nothing that hides in or behind it.
"""

import base64
import io
import json
import re
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms, ImageOps, PngImagePlugin, UnidentifiedImageError

FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}
THUMB, VIEW, PREVIEW = 320, 1280, 160  # pixels of the longer side
QUALITY = 82
HEAD, TAIL = 4096, 65_536
_MARKUP = re.compile(rb"<(script|html|svg|!doctype|\?php|\?xml[^>]*>\s*<svg)", re.IGNORECASE)


class Refused(Exception):
    """A picture that is not taken; the code says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def check_single(path: Path) -> None:
    """Raise Refused for a file that is another thing too: an archive, a document, a page with scripts."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEAD)
        file.seek(max(0, size - TAIL))
        tail = file.read()
    if zipfile.is_zipfile(path) or b"%PDF-" in head[:1024] or _MARKUP.search(head) or _MARKUP.search(tail):
        raise Refused("polyglot")
    if head.startswith(b"\x89PNG") and not tail.endswith(b"IEND\xaeB`\x82"):
        raise Refused("broken" if b"IEND" not in tail else "polyglot")
    if head.startswith(b"RIFF") and int.from_bytes(head[4:8], "little") + 8 < size - 1:
        raise Refused("polyglot")


def opened(path: Path, most_pixels: int) -> Image.Image:
    """Return a picture of which only the header was read. Raises Refused: `too_many_pixels`, `unreadable`."""
    Image.MAX_IMAGE_PIXELS = most_pixels
    PngImagePlugin.MAX_TEXT_CHUNK = 64 * 1024  # compressed text is a bomb too
    PngImagePlugin.MAX_TEXT_MEMORY = 1024 * 1024
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        image = Image.open(path, formats=tuple(FORMATS))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise Refused("too_many_pixels") from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        raise Refused("unreadable") from None
    if image.width * image.height > most_pixels:
        raise Refused("too_many_pixels")
    if min(image.size) < 1:
        raise Refused("unreadable")
    return image


def upright(path: Path, most_pixels: int) -> tuple[Image.Image, int, int]:
    """Return the first frame, upright, in sRGB, without metadata and no larger than needed; and its whole size."""
    with opened(path, most_pixels) as image:
        _tried(image.verify)
    with opened(path, most_pixels) as image:
        width, height = image.size
        if _tried(lambda: image.getexif().get(0x0112, 1)) in (5, 6, 7, 8):  # lies on its side
            width, height = height, width
        image.draft("RGB", (VIEW, VIEW))  # a JPEG is decoded at a part of its size, and a part of the memory
        _tried(lambda: image.thumbnail((VIEW, VIEW), Image.Resampling.LANCZOS, reducing_gap=2.0))
        drawn = _in_srgb(_tried(lambda: ImageOps.exif_transpose(image)))
    drawn.info = {}
    return drawn, width, height


def _tried(work: Callable[[], Any]) -> Any:  # Any: what the library returns
    try:
        return work()
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, ZeroDivisionError):
        raise Refused("broken") from None  # what Pillow raises for damaged files
    except (Image.DecompressionBombWarning, Image.DecompressionBombError, MemoryError):
        raise Refused("too_many_pixels") from None


def _in_srgb(image: Image.Image) -> Image.Image:
    clear = "A" in image.getbands() or "transparency" in image.info
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None  # a profile that cannot be read: the colours are taken as they are
        if converted is not None:
            return converted
    return image.convert("RGBA" if clear else "RGB")


def fitted(image: Image.Image, side: int) -> Image.Image:
    copy = image.copy()
    copy.thumbnail((side, side), Image.Resampling.LANCZOS)
    return copy


def on_white(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def make(path: Path, folder: Path, most_pixels: int) -> dict[str, Any]:
    """Write the variants of a picture; return what is known of them. Raises Refused."""
    check_single(path)
    image, width, height = upright(path, most_pixels)
    thumb = fitted(image, THUMB)
    files = {
        "thumb.webp": (thumb, "WEBP", {"quality": QUALITY, "method": 4}),
        "view.webp": (image, "WEBP", {"quality": QUALITY, "method": 4}),
        "view.jpg": (on_white(image), "JPEG", {"quality": QUALITY, "optimize": True, "progressive": True}),
    }
    said = {}
    for name, (drawn, kind, options) in files.items():
        drawn.save(folder / name, kind, **options)
        said[name] = {
            "type": FORMATS[kind],
            "width": drawn.width,
            "height": drawn.height,
            "size": (folder / name).stat().st_size,
        }
    small = io.BytesIO()
    fitted(thumb, PREVIEW).save(small, "WEBP", quality=50)
    preview = "data:image/webp;base64," + base64.b64encode(small.getvalue()).decode()
    return {"width": width, "height": height, "files": said, "preview": preview}


def main() -> None:
    """Do as the arguments say."""
    path, folder, most_pixels = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    try:
        said = make(path, folder, most_pixels)
    except Refused as ex:
        said = {"refused": ex.code}
    except MemoryError:
        said = {"refused": "too_many_pixels"}
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main()
