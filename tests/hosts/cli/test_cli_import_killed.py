"""An import that is killed with `kill -9` and run again gives the figures of one that was not.

The child stops itself at a named place and says so; only then it is killed. So each kill lands where it is meant to.
"""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from core import db, points
from core.contract.context import Context
from core.events.models import Event, Job
from hosts.cli.import_ import import_file
from hosts.cli.stats import figures

ROOT = Path(__file__).parents[3]
SAMPLE = Path(__file__).parents[2] / "data" / "cdnow_sample.csv"
AS_OF = date(1998, 6, 30)
_WHOLE: dict[str, dict[str, Any]] = {}
PROGRAM = """
import os, sys, threading
from core.events import jobs
from hosts.cli import import_, import_deliveries, main

import_.BATCH = 100
place, _, number = os.environ.get("STOP", "").partition(":")
left = int(number or 0)
turn = threading.Lock()  # while one thread has stopped, the others go no further either

def stop(here):
    global left
    with turn:
        if here == place:
            left -= 1
            if left == 0:
                print("stopped", flush=True)
                sys.stdin.readline()

take_in, run = import_.take_in, jobs.run

def taking(*args):
    stop("before")
    taken = take_in(*args)
    stop("uncommitted")
    return taken

def running(runtime, job):
    stop("claimed")
    return run(runtime, job)

import_.take_in, jobs.run = taking, running
delivering = import_deliveries.Deliveries.run

def deliver(self):
    stop("undelivered")
    delivering(self)

import_deliveries.Deliveries.run = deliver
sys.argv[0] = "roost"
main()
"""


@pytest.fixture
def roost(runtime, settings, tmp_path):
    """Return a function that starts `roost ARGUMENTS` in a process of its own, stopping at a place."""
    started = []
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ROOST_")},
        "ROOST_DATABASE_URL": settings.database_url,
        "ROOST_ENCRYPTION_KEYS": settings.encryption_keys.get_secret_value(),
        "ROOST_INDEX_KEYS": settings.index_keys.get_secret_value(),
        "ROOST_TOKEN_KEY": settings.token_key.get_secret_value(),
        "ROOST_VAR": str(tmp_path),
        "ROOST_LEASE_SECONDS": "1",
        "PYTHONPATH": str(ROOT),
    }

    def start(*arguments: str, stop: str = "") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            cwd=ROOT,
            env={**environment, "STOP": stop},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def brands(new_tenant):
    """Return two brands with the plugins on: one to be killed, one to compare with."""
    return new_tenant("killed", plugins=("levels", "purchases")), new_tenant("whole", plugins=("levels", "purchases"))


def finished(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out + err
    return out


def whole_figures(whole: Context, rejected: Path) -> dict[str, Any]:
    """Return the figures of an import that nobody kills, made once for each database."""
    if db.dialect() not in _WHOLE:
        import_file(whole, SAMPLE, {}, rejected=rejected)
        _WHOLE[db.dialect()] = figures(whole, AS_OF)
    return _WHOLE[db.dialect()]


@pytest.mark.parametrize("stop", ["before:4", "uncommitted:3", "undelivered:2", "claimed:1"])
def test_killed_anywhere_and_run_again_it_gives_the_same_figures(runtime, brands, roost, tmp_path, stop):
    killed, whole = brands
    command = (
        "import",
        "purchases",
        str(SAMPLE),
        "--tenant",
        "killed",
        "--rejected",
        str(tmp_path / "r.csv"),
    )
    process = roost(*command, stop=stop)
    assert process.stdout.readline() == "stopped\n"
    process.kill()
    process.wait()
    part = figures(killed, AS_OF)["purchases"]
    assert 0 < part < 919  # it did land half-way
    said = finished(roost(*command))
    assert f"919: {919 - part} recorded, {part} known already" in said
    assert figures(killed, AS_OF) == whole_figures(whole, tmp_path / "w.csv")
    told = json.loads(finished(roost("stats", "--tenant", "killed", "--as-of", "1998-06-30", "--json")))
    assert told == figures(killed, AS_OF)
    with killed.transaction():
        assert points.verify(killed) == []
        assert Event.scoped(killed).select().where(Event.name == "purchase_recorded").count() == 919
        assert Job.scoped(killed).select().where(Job.state.in_(("queued", "running", "dead"))).count() == 0


@pytest.mark.engines("postgresql")  # SQLite lets one write at a time
def test_two_imports_of_one_file_at_the_same_moment_count_it_once(runtime, brands, roost, tmp_path):
    killed, whole = brands
    first, second = (
        ("import", "purchases", str(SAMPLE), "--tenant", "killed", "--rejected"),
        str(tmp_path / "r.csv"),
    )
    slow = roost(*first, second, stop="uncommitted:2")
    assert slow.stdout.readline() == "stopped\n"
    quick = roost(*first, str(tmp_path / "q.csv"), stop="before:2")
    assert quick.stdout.readline() == "stopped\n"  # both are about to commit the same rows
    quick.stdin.write("\n")
    quick.stdin.flush()
    slow.stdin.write("\n")
    slow.stdin.flush()
    said = finished(slow), finished(quick)
    assert all("919: " in text for text in said)
    assert figures(killed, AS_OF) == whole_figures(whole, tmp_path / "w.csv")
    with killed.transaction():
        assert points.verify(killed) == []


def test_refusals_are_one_line_and_an_exit_code(runtime, brands, roost, tmp_path):
    absent = roost("import", "purchases", str(tmp_path / "no.csv"), "--tenant", "killed")
    nobody = roost("import", "purchases", str(SAMPLE), "--tenant", "nobody")
    bad_day = roost("stats", "--tenant", "killed", "--as-of", "1998-02-30")
    for process, words in (
        (absent, "there is no file"),
        (nobody, "no tenant 'nobody'"),
        (bad_day, "is not a day"),
    ):
        out, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert out == ""
        assert words in err or any("一" <= letter <= "鿿" for letter in err)
        assert len(err.strip().splitlines()) == 1
