"""A deployment in an empty folder, on SQLite, and its command line in processes of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


class Deployment:
    """A folder in which `roost` is run as an operator would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.more: dict[str, str] = {}
        (folder / "plugins.toml").write_text('load = ["levels", "gifts"]\nstart = ["levels"]\n')

    def environment(self) -> dict[str, str]:
        """Return what its processes see: none of our own settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROOST_", "LC_", "LANG"))}
        return {**kept, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", **self.more}

    def run(self, *arguments: str, code: int = 0, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a verb and return what it said; the exit code must be `code`."""
        done = subprocess.run(
            [sys.executable, "-m", "hosts.cli", *arguments],
            cwd=self.folder, env=self.environment(), input=stdin, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"roost {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments: str) -> Any:
        """Run a verb with --json and return what it printed."""
        return json.loads(self.run(*arguments, "--json").stdout)


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    """Return a deployment that was never started: no keys, no database."""
    return Deployment(tmp_path)


@pytest.fixture
def migrated(deployment: Deployment) -> Iterator[Deployment]:
    """Return a deployment with keys, tables and a tenant."""
    deployment.run("migrate")
    deployment.run("tenants", "create", "acme", "--name", "归巢")
    yield deployment
