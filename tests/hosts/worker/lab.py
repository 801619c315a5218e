"""A deployment whose only plugin is the laboratory of `site/faultlab`, and worker processes for it."""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import psutil

from core.config import Settings
from core.contract.context import Context
from core.events import jobs
from core.events.models import Job
from core.registry.registry import Registry
from core.runtime import Runtime
from hosts.testkit.waiting import wait_until

ROOT = Path(__file__).parents[3]
SITE = Path(__file__).parent / "site"
sys.path.append(str(SITE))
try:
    from faultlab.hookspecs import LabStruck
    from faultlab.jobs import Order
    from faultlab.models import FaultlabEffect
finally:
    sys.path.remove(str(SITE))  # other tests must not find it among the entry points


def lab_registry() -> Registry:
    """Load the laboratory and nothing else."""
    made = Registry()
    sys.path.append(str(SITE))
    try:
        made.add({"faultlab": ("faultlab", SITE / "faultlab")}, strict=True)
    finally:
        sys.path.remove(str(SITE))
    return made


class Process:
    """A worker process and what it wrote."""

    def __init__(self, command: list[str], environment: dict[str, str], folder: Path, number: int) -> None:
        self.log = folder / f"worker-{number}.log"
        with self.log.open("wb") as file:
            self.popen = subprocess.Popen(command, env=environment, cwd=folder, stdout=file, stderr=file)
        self.pid = self.popen.pid

    def said(self) -> str:
        """Return its log."""
        return self.log.read_text("utf-8", "replace")

    def wait_for(self, text: str, timeout: float = 60.0, times: int = 1) -> None:
        """Wait until its log says so."""
        wait_until(lambda: self.said().count(text) >= times, timeout, what=f"{text!r} in the log", told=self.said)

    def send(self, number: int) -> None:
        """Send it a signal."""
        self.popen.send_signal(number)

    def kill(self) -> None:
        """Kill it: it gets no chance to do anything."""
        self.popen.kill()
        self.popen.wait(30)

    def stop(self, number: int = signal.SIGTERM, timeout: float = 30.0) -> int:
        """Ask it to stop and return its exit code."""
        self.popen.send_signal(number)
        return self.popen.wait(timeout)

    def is_stalled(self) -> bool:
        """Tell whether the process is stopped as SIGSTOP stops it."""
        return bool(psutil.Process(self.pid).status() == psutil.STATUS_STOPPED)


class Lab:
    """One tenant with the laboratory on, and the processes at work for it."""

    def __init__(self, ctx: Context, settings: Settings, folder: Path) -> None:
        self.ctx, self.settings, self.folder = ctx, settings, folder
        self.runtime: Runtime = ctx.services
        self.processes: list[Process] = []
        self.committed: list[int] = []
        self.trace_file = folder / "trace"
        self.plugins_file = folder / "plugins.toml"
        self.plugins_file.write_text('load = ["faultlab"]\nstart = ["faultlab"]\n')

    def environment(self, **more: str) -> dict[str, str]:
        """Return what a process of this deployment is started with: our own, for what moves the clock is there, too."""
        settings = self.settings
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("ROOST_")},
            "PYTHONPATH": f"{SITE}{os.pathsep}{ROOT}",
            "ROOST_DATABASE_URL": settings.database_url,
            "ROOST_ENCRYPTION_KEYS": settings.encryption_keys.get_secret_value(),
            "ROOST_INDEX_KEYS": settings.index_keys.get_secret_value(),
            "ROOST_TOKEN_KEY": settings.token_key.get_secret_value(),
            "ROOST_VAR": str(self.folder),
            "ROOST_PLUGINS_FILE": str(self.plugins_file),
            "ROOST_LEASE_SECONDS": "2",
            "ROOST_SWEEP_SECONDS": "0.2",
            "FAULTLAB_TRACE": str(self.trace_file),
            **more,
        }

    def start(self, *, script: tuple[str, ...] = ("-m", "hosts.cli", "worker"), **environment: str) -> Process:
        """Start a worker; returns at once."""
        command = [sys.executable, *script]
        process = Process(command, self.environment(**environment), self.folder, len(self.processes))
        self.processes.append(process)
        return process

    def strange(self, *options: str) -> Process:
        """Start a worker that misbehaves."""
        script = (str(Path(__file__).parent / "strange_worker.py"), *options)
        return self.start(script=script, ROOST_LOG_LEVEL="DEBUG")

    def strike(self, count: int, *, rounds: int = 0, echo: bool = False) -> None:
        """Publish so many facts, each in a transaction of its own; a number is noted once its commit has returned."""
        for _ in range(count):
            number = len(self.committed)
            with self.ctx.transaction():
                self.ctx.publish(LabStruck(number=number, rounds=rounds, echo=echo))
            self.committed.append(number)

    def enqueue(self, name: str, **order: Any) -> None:
        """Put a job of the laboratory in the table."""
        self.ctx.run(lambda: self.ctx.enqueue(f"faultlab.{name}", Order(**order)))

    def effects(self, kind: str = "fact") -> Counter[int]:
        """Count the marks left by number."""
        rows = FaultlabEffect.scoped(self.ctx).select(FaultlabEffect.number).where(FaultlabEffect.kind == kind)
        return Counter(row.number for row in rows)

    def texts(self, kind: str) -> list[str]:
        """Return the texts of marks, in the order they were left."""
        rows = FaultlabEffect.scoped(self.ctx).select().where(FaultlabEffect.kind == kind).order_by(FaultlabEffect.id)
        return [row.text for row in rows]

    def states(self) -> Counter[str]:
        """Count the laboratory's jobs by state, schedules apart."""
        mine = Job.scoped(self.ctx).select(Job.state).where(Job.plugin == "faultlab", ~Job.kind.contains("schedule"))
        return Counter(row.state for row in mine)

    def waiting(self) -> int:
        """Return how many jobs are not finished."""
        return jobs.waiting(self.runtime)

    def wait_until_empty(self, timeout: float = 60.0) -> None:
        """Wait until no job waits or runs."""
        wait_until(
            lambda: self.waiting() == 0, timeout, what="an empty queue", every=0.05,
            told=lambda: f"{self.states()} {self.processes[-1].said()[-3000:] if self.processes else ''}",
        )  # fmt: skip

    def at_work(self, pid: int) -> int | None:
        """Return the number a process has begun and not ended, from the trace that no rollback reaches."""
        open_ = None
        if self.trace_file.exists():
            for line in self.trace_file.read_text().splitlines():
                who, mark, number = line.split()
                if int(who) == pid:
                    open_ = int(number) if mark == "B" else None
        return open_

    def close(self) -> None:
        """End every process that is still there."""
        for process in self.processes:
            if process.popen.poll() is None:
                process.popen.send_signal(signal.SIGCONT)
                process.kill()
