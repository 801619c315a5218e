"""The build of an earlier commit, to be measured beside the present one: its own sources, its own environment."""

import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from benchmarks.deployment import ROOT, SERVE, serving
from core.config import Settings

COMMIT = "5c4b88e"  # the last build before its calls were made quicker


def unpack(folder: Path) -> Path:
    """Unpack the commit into `folder` and return it."""
    archive = subprocess.run(["git", "archive", COMMIT], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as packed:
        packed.extractall(folder, filter="data")
    return folder


def build(folder: Path) -> Path:
    """Unpack the commit into `folder` and set it up from its own lock; return the folder."""
    unpack(folder)
    subprocess.run([sys.executable, "scripts/setup.py", "dev"], cwd=folder, check=True, capture_output=True)
    return folder


@contextmanager
def serving_earlier(settings: Settings, build: Path) -> "Iterator[tuple[int, subprocess.Popen[bytes]]]":
    """Serve the earlier build's application as the present one is served."""
    python, begin = str(build / ".venv" / "bin" / "python"), SERVE.replace("hosts.server", "hosts.rest")
    with serving(settings, target="hosts.rest.process:build", root=build, python=python, begin=begin) as served:
        yield served
