"""Real processes: Granian serves, workers add up, and a stop lets requests in flight finish."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from core.config import Settings
from hosts.testkit.plugin import Api

START = "from core.config import Settings; from hosts.server.serve import serve; serve(Settings())"
PATIENCE = 60.0


class Server:
    """`serve` in a process of its own."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "rest.log"
        environment = {
            **os.environ,
            "ROOST_DATABASE_URL": settings.database_url,
            "ROOST_PORT": str(self.port),
            "ROOST_WORKERS": "2",
            "ROOST_ENCRYPTION_KEYS": settings.encryption_keys.get_secret_value(),
            "ROOST_VAR": str(folder / "var"),
            "ROOST_INDEX_KEYS": settings.index_keys.get_secret_value(),
            "ROOST_POOL_SIZE": "4",
            "ROOST_TOKEN_KEY": settings.token_key.get_secret_value(),
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([sys.executable, "-c", START], env=environment, stderr=log, stdout=log)

    def wait(self) -> None:
        """Return when the server answers."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                requests.get(f"{self.url}/healthz", timeout=5)
            except requests.ConnectionError:
                assert self.process.poll() is None, self.log.read_text()
                assert time.monotonic() < until, self.log.read_text()
                threading.Event().wait(0.05)
            else:
                return

    def wait_for_log(self, words: str) -> None:
        """Return when the server has written some words."""
        until = time.monotonic() + PATIENCE
        while words not in self.log.read_text():
            assert time.monotonic() < until, self.log.read_text()
            threading.Event().wait(0.02)


@pytest.fixture
def server(settings: Settings, tmp_path: Path, api: Api) -> Iterator[Server]:
    """Return a running server on the test's database."""
    running = Server(settings, tmp_path)
    try:
        running.wait()
        yield running
    finally:
        running.process.kill()
        running.process.wait()


def test_processes_serve_add_up_their_counts_and_stop_gracefully(
    server: Server, api: Api, member: Callable[..., Any]
) -> None:
    token = api.as_member(member())
    headers = {"Authorization": f"Bearer {token}"}
    for _ in range(40):  # a fresh connection each: both processes get some
        reply = requests.get(f"{server.url}/v1/me", headers=headers, timeout=20)
        assert reply.status_code == 200, reply.text
    for _ in range(5):
        assert 'route="/v1/me",status="200"} 40.0' in requests.get(f"{server.url}/metrics", timeout=20).text
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    ours = [line for line in lines if line.get("event") == "request" and line.get("route") == "/v1/me"]
    assert len(ours) == 40
    assert ours[0]["tenant"] == "acme"

    body = b'{"gender": "female"}'
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as line:
        line.sendall(
            f"PATCH /v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
            f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body[:5]
        )
        server.process.send_signal(signal.SIGTERM)
        server.wait_for_log("Shutting down")
        line.sendall(body[5:])
        answer = b""
        while part := line.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
    assert b'"gender":"female"' in answer
    assert server.process.wait(PATIENCE) == 0
