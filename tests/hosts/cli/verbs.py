"""Run `roost` in a process that has the imports behind it: forked from one that did them once."""

import multiprocessing
import os
import sys
from pathlib import Path

from hosts.cli import main

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["hosts.worker.bell", "hosts.cli.purging", "rich.progress", "tests.hosts.cli.verbs"])
ENDS = ("stdin", "stdout", "stderr")


def run_verb(arguments: tuple[str, ...], folder: Path, environment: dict[str, str], stdin: str) -> tuple[int, str, str]:
    """Run a verb in `folder` with exactly this environment; return its exit code and what it wrote."""
    paths = {end: folder / f".{end}" for end in ENDS}
    paths["stdin"].write_text(stdin)
    process = _forks.Process(target=_verb, args=(arguments, folder, environment))
    process.start()
    process.join(120)
    assert process.exitcode is not None, f"roost {' '.join(arguments)} does not end"
    said = tuple(paths[end].read_text("utf-8") for end in ("stdout", "stderr"))
    for path in paths.values():
        path.unlink()
    return process.exitcode, said[0], said[1]


def _verb(arguments: tuple[str, ...], folder: Path, environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.path[:0] = [p for p in environment.get("PYTHONPATH", "").split(os.pathsep) if p and p not in sys.path]
    for number, end in enumerate(ENDS):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(f".{end}", flags, 0o600), number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 -- it lives as long as the process
    sys.stdout, sys.stderr = (open(n, "w", encoding="utf-8", closefd=False) for n in (1, 2))  # noqa: SIM115
    sys.argv = ["roost", *arguments]
    try:
        main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
