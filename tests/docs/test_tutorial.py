"""The tutorial's code is run: a page that no longer works fails here."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hosts.cli.scaffold import write_plugin

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"<!-- (file|append): (\S+) -->\n```\w*\n(.*?)```", re.DOTALL)


def as_installed(root: Path, slug: str) -> None:
    """Make Python's metadata see the plugin's entry point, as an installation would."""
    info = root / f"roost_{slug}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: roost-{slug}\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[roost.plugins]\n{slug} = roost_{slug}\n")


def own_tests(root: Path, slug: str) -> subprocess.CompletedProcess[str]:
    """Run the plugin's own tests in a process of their own."""
    as_installed(root, slug)
    environment = {**os.environ, "PYTHONPATH": f"{root}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(root), str(root / "tests")],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["cheers", "race_cup"])
def test_a_new_plugin_passes_its_own_tests_as_it_was_written(name, tmp_path):
    write_plugin(name, tmp_path)
    done = own_tests(tmp_path / f"roost-{name}", name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_the_tutorial_works_from_its_first_line_to_its_last(tmp_path):
    write_plugin("cheers", tmp_path)
    root = tmp_path / "roost-cheers"
    blocks = BLOCK.findall((ROOT / "docs" / "plugins.md").read_text("utf-8"))
    assert len(blocks) >= 6
    for how, name, code in blocks:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((path.read_text("utf-8") if how == "append" else "") + code, encoding="utf-8")
    done = own_tests(root, "cheers")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_hook_is_on_the_page_of_hooks(registry):
    page = (ROOT / "docs" / "plugins.md").read_text("utf-8")
    assert [name for name in registry.specs if f"`{name}`" not in page] == []
