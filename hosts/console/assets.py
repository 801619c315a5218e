"""Style sheets, scripts and pictures under names that hold their digest: cached for a year, compressed once."""

import gzip
import hashlib
from functools import cache, cached_property
from pathlib import Path

import falcon

STATIC = Path(__file__).parent / "static"
BASE = "/console/static"
YEAR = "public, max-age=31536000, immutable"
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


@cache
def _compressed(file: Path) -> bytes:
    return gzip.compress(file.read_bytes(), 9, mtime=0)


class Assets:
    """The static files of the console. A path says which content it leads to, so that a browser never asks twice.

    The folder is read once, when the first page is shown; a deployment whose files change is started anew.
    """

    def __init__(self, folder: Path = STATIC) -> None:
        self._folder = folder

    @cached_property
    def _paths(self) -> dict[str, str]:
        found = {}
        for file in sorted(f for f in self._folder.rglob("*") if f.suffix in TYPES):
            name = file.relative_to(self._folder).as_posix()
            digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
            found[name] = f"{BASE}/{name.removesuffix(file.suffix)}.{digest}{file.suffix}"
        return found

    @cached_property
    def _files(self) -> dict[str, Path]:
        return {path: self._folder / name for name, path in self._paths.items()}

    def path(self, name: str) -> str:
        """Return where a file is: `console.css` is `/console/static/console.1f0c….css`."""
        return self._paths.get(name, f"{BASE}/{name}")

    def sink(self, req: falcon.Request, resp: falcon.Response, **_: str) -> None:
        """Answer a request for a file; a browser that takes gzip gets it compressed."""
        file = self._files.get(req.path)
        if file is None or req.method not in ("GET", "HEAD"):
            raise falcon.HTTPNotFound(title="there is no such file", headers={"Cache-Control": "no-store"})
        resp.content_type = TYPES[file.suffix]
        resp.set_header("Cache-Control", YEAR)
        resp.set_header("Vary", "Accept-Encoding")
        resp.set_header("X-Content-Type-Options", "nosniff")
        if "gzip" in (req.get_header("Accept-Encoding") or ""):
            resp.set_header("Content-Encoding", "gzip")
            resp.data = _compressed(file)
        else:
            resp.data = file.read_bytes()


ASSETS = Assets()
