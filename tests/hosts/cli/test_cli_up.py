"""`roost up`: everything under one command, kept running, and gone when it is told to stop."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest
import requests

from hosts.cli.supervisor import Child, Supervisor
from hosts.testkit.waiting import wait_until

Deployment = Any  # the fixture's type


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(deployment: Deployment, port: int) -> Iterator["subprocess.Popen[str]"]:
    """Run `roost up` until the end of the block, whatever happens in it."""
    with (deployment.folder / "up.log").open("w") as log:
        process = deployment.process("up", "--port", str(port), stdout=log, stderr=log)
        family: list[psutil.Process] = []
        try:
            yield process
        finally:
            if process.poll() is None:
                family = psutil.Process(process.pid).children(recursive=True)
                process.kill()
                process.wait(30)
            for child in family:
                child.kill()


def answers(port: int, path: str = "/readyz") -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}{path}", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def child_of(process: "subprocess.Popen[str]", verb: str) -> psutil.Process | None:
    """Return the child that runs a verb."""
    for child in psutil.Process(process.pid).children():
        try:
            if verb in child.cmdline():
                return child
        except psutil.NoSuchProcess:
            continue
    return None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_command_serves_and_works_and_stops_whole(deployment: Deployment, number: int) -> None:
    port = free_port()
    with running(deployment, port) as process:
        log = deployment.folder / "up.log"
        wait_until(lambda: answers(port), 120, what="/readyz", told=log.read_text, every=0.1)
        assert answers(port, "/openapi.json")
        wait_until(lambda: "worker_started" in log.read_text(), 120, told=log.read_text)
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 2
        process.send_signal(number)
        assert process.wait(60) == 0, log.read_text()
        assert not [child for child in family if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
        assert "Traceback" not in log.read_text()
        assert not answers(port)


def test_a_child_that_dies_is_started_again_and_the_other_goes_on(deployment: Deployment) -> None:
    port = free_port()
    with running(deployment, port) as process:
        log = deployment.folder / "up.log"
        wait_until(lambda: answers(port) and "worker_started" in log.read_text(), 120, told=log.read_text, every=0.1)
        rest, worker = child_of(process, "serve"), child_of(process, "worker")
        assert rest is not None
        assert worker is not None
        worker.kill()
        wait_until(lambda: log.read_text().count("worker_started") == 2, 120, told=log.read_text)
        again = child_of(process, "worker")
        assert again is not None
        assert again.pid != worker.pid
        assert child_of(process, "serve") == rest
        assert "worker ended with -9" in log.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_settings_that_cannot_work_end_it_with_one_line_and_no_restarts(deployment: Deployment) -> None:
    deployment.more["ROOST_ENCRYPTION_KEYS"] = "1:short"
    said = deployment.run("up", code=2).stderr
    assert "ROOST_ENCRYPTION_KEYS" in said
    assert "Traceback" not in said


def test_a_child_that_says_its_settings_are_wrong_is_not_started_again(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    started: list[str] = []

    def start(self: Supervisor, child: Child) -> "subprocess.Popen[bytes]":
        started.append(child.name)
        return subprocess.Popen([sys.executable, "-c", f"raise SystemExit({child.arguments[0]})"])

    monkeypatch.setattr(Supervisor, "_start", start)
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        assert Supervisor([Child("fussy", ("2",))]).run() == 2
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), handlers, strict=True):
            signal.signal(number, handler)
    assert started == ["fussy"]
    assert "fussy cannot start" in capfd.readouterr().err
