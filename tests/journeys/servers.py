"""Hosts as processes of their own, for stories over real HTTP."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from core.config import Settings

ROOT = Path(__file__).parents[2]
SERVE = (
    "import sys; from hosts.server import serve; from core.config import Settings;"
    " serve.TARGET = sys.argv[1]; serve.serve(Settings())"
)
START_SECONDS = 30


def environment_of(settings: Settings, **more: str) -> dict[str, str]:
    """Return the environment in which a process finds a test's database and keys."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ROOST_")}
    return clean | {
        "PYTHONPATH": str(ROOT),
        "ROOST_DATABASE_URL": settings.database_url,
        "ROOST_ENCRYPTION_KEYS": settings.encryption_keys.get_secret_value(),
        "ROOST_INDEX_KEYS": settings.index_keys.get_secret_value(),
        "ROOST_TOKEN_KEY": settings.token_key.get_secret_value(),
        "ROOST_VAR": str(settings.var),
        "ROOST_EGRESS_ALLOW": settings.egress_allow,
        "ROOST_PLUGINS_FILE": str(ROOT / "plugins.toml"),
        **more,
    }


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def rest(settings: Settings, *, target: str = "hosts.server.process:build", **more: str) -> Iterator[int]:
    """Run the REST host until the end of the block; yield its port."""
    port = free_port()
    environment = environment_of(settings, ROOST_PORT=str(port), **more)
    log = settings.var / f"rest-{port}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, target], env=environment, cwd=settings.var, stdout=out, stderr=out
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                if requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5).ok:
                    break
            except requests.RequestException:
                pass
            assert process.poll() is None, log.read_text("utf-8", "replace")
            assert time.monotonic() < deadline, log.read_text("utf-8", "replace")
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(30)
