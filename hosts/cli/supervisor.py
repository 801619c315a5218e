"""Keeps child processes running: starts them, starts one again that died, and stops all of them together."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

from hosts.cli.session import note

LOOK_SECONDS = 0.2
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a child that died is started again
SETTLED_SECONDS = 30.0  # a child that lived so long starts with the first pause again
GRACE_SECONDS = 30.0  # what a child may take to stop before it is killed
MISCONFIGURED = 2  # the exit code of a host that cannot start with these settings: starting it again would not help


@dataclass(frozen=True, slots=True)
class Child:
    """A verb of `roost` to keep running."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Running:
    child: Child
    process: "subprocess.Popen[bytes]"
    started: float
    pause: float = FIRST_PAUSE
    again_at: float | None = None


class Supervisor:
    """Runs children until SIGINT or SIGTERM, or until one says that it cannot start with these settings."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = children
        self._stopping = threading.Event()
        self._running: list[_Running] = []

    def run(self) -> int:
        """Start the children and look after them; return an exit code: 0 after a signal."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        code = 0
        try:
            self._running = [_Running(child, self._start(child), time.monotonic()) for child in self._children]
            while not self._stopping.wait(LOOK_SECONDS):
                code = self._look()
                if code:
                    break
        finally:
            self._stop_all()
        return code

    def stop(self) -> None:
        """Stop as a signal does."""
        self._stopping.set()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stopping.set()

    def _start(self, child: Child) -> "subprocess.Popen[bytes]":
        # A session of its own: ctrl-C in the terminal comes to us, and we tell the children once.
        return subprocess.Popen(
            [sys.executable, "-m", "hosts.cli", *child.arguments],
            env={**os.environ, **child.environment},
            start_new_session=True,
        )

    def _look(self) -> int:
        """Start again what died; return the exit code of a child that cannot run with these settings, else 0."""
        now = time.monotonic()
        for running in self._running:
            code = running.process.poll()
            if code is None:
                continue
            if running.again_at is None:
                if code == MISCONFIGURED:
                    note(f"{running.child.name} cannot start with these settings")
                    return code
                if now - running.started > SETTLED_SECONDS:
                    running.pause = FIRST_PAUSE
                running.again_at = now + running.pause
                note(f"{running.child.name} ended with {code}; it starts again in {running.pause:g} s")
            elif now >= running.again_at:
                running.process, running.started, running.again_at = self._start(running.child), now, None
                running.pause = min(running.pause * 2, LONGEST_PAUSE)
        return 0

    def _stop_all(self) -> None:
        for running in self._running:
            if running.process.poll() is None:
                running.process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for running in self._running:
            try:
                running.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                note(f"{running.child.name} does not stop; it is killed")
                running.process.kill()
                running.process.wait()
