"""Where the counters of several REST processes add up. Loads nothing: the library reads its variable when imported."""

import os
import shutil
from pathlib import Path

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # the library's own variable


def share_counts(folder: Path) -> None:
    """Give the processes that are started after this a folder; what an earlier run left there is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ[SHARED_FOLDER] = str(folder.resolve())
