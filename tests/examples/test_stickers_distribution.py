"""A third party's plugin, as a third party ships it: a wheel, installed beside Roost in a fresh environment."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STICKERS = ROOT / "examples" / "stickers"


def uv(*arguments: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """Run uv, the one beside this Python or on PATH; return what it printed."""
    beside = Path(sys.executable).parent / "uv"
    program = str(beside) if beside.exists() else shutil.which("uv")
    assert program, "uv is part of the dev lock: run `make setup`"
    clean = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")} | environment
    done = subprocess.run(
        [program, *map(str, arguments)], cwd=cwd, env=clean, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def environment() -> Iterator[Path]:
    """Make a fresh environment in which Roost and the plugin are installed from their wheels."""
    with tempfile.TemporaryDirectory(prefix="roost-fresh-") as folder:
        os.chmod(folder, 0o755)  # root's PostgreSQL runs as somebody else, who must reach its programs
        yield _install(Path(folder))


def _install(folder: Path) -> Path:
    wheels = folder / "wheels"
    for project in (ROOT, STICKERS):
        uv("build", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", wheels, project)
    uv("venv", "--python", sys.executable, folder / "env")
    python = folder / "env" / "bin" / "python"
    uv("pip", "install", "--python", python, "--require-hashes", "-r", ROOT / "requirements" / "dev.txt")
    uv("pip", "install", "--python", python, "--no-deps", *wheels.glob("*.whl"))
    return python


def run(python: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the fresh environment's Python, away from our checkout."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST", "VIRTUAL_ENV"))}
    return subprocess.run([str(python), *arguments], cwd=cwd, env=clean, capture_output=True, text=True, check=False)


def test_the_wheel_is_found_by_its_entry_point_and_its_own_tests_pass(environment, tmp_path):
    tests = shutil.copytree(STICKERS / "tests", tmp_path / "tests")
    done = run(environment, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_the_command_line_lists_and_checks_it(environment, tmp_path):
    roost = environment.parent / "roost"
    listed = subprocess.run(
        [roost, "plugins", "list", "--json"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert listed.returncode == 0, listed.stderr
    assert '"stickers"' in listed.stdout
