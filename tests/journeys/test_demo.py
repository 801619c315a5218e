"""The demonstration is a promise of the readme: it checks its own numbers, is quick, and fits a small box."""

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _spent() -> float:
    """Return the seconds of processor time that ended children took: unlike the clock's, no neighbour adds to them."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def test_the_story_of_a_new_member_plays_from_login_to_flash_sale(tmp_path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ROOST_")}
    environment |= {"PYTHONPATH": str(ROOT)}
    before = _spent()
    done = subprocess.run(
        [sys.executable, "-m", "hosts.cli", "demo", "--once", "--port", "0"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for step in ("login", "member", "visit", "purchase", "gift", "referral", "flash sale", "ledger"):
        assert re.search(rf"^  \S+ {step}", done.stdout, re.MULTILINE), (step, done.stdout)
    assert _spent() - before < 20, "it would take longer than 20 s on one idle core"
    megabytes = re.search(r"all in [\d.]+ s, (\d+) MB", done.stdout)[1]
    assert int(megabytes) < 250
