"""Serve the application with Granian: as many processes and threads as the settings say, stopping gracefully.

This module stays light and opens nothing: Granian forks its worker processes from it, and each builds a
runtime of its own in `hosts.server.process`.
"""

import multiprocessing
import os

from granian.constants import Interfaces
from granian.server import Server
from pydantic import SecretStr

from core.config import Settings
from hosts.rest.shared_counts import share_counts

TARGET = "hosts.server.process:build"
STOP_SECONDS = 20  # what a request in flight may still take when we are told to stop
_given: list[Settings] = []


def settings_in_use() -> Settings:
    """Return the settings that `serve` was called with; in a process that was not forked from it, the environment's."""
    return _given[-1] if _given else Settings()


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are finished."""
    _given.append(settings)
    if multiprocessing.get_start_method() != "fork":
        os.environ.update(_as_environment(settings))
    if settings.workers > 1:
        share_counts(settings.var / "metrics")
    Server(
        TARGET,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads,
        factory=True,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
        log_access=False,
    ).serve()


def _as_environment(settings: Settings) -> dict[str, str]:
    """Return settings as the variables they are read from: what a process that was not forked goes by."""
    plain = {name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in settings}
    return {f"ROOST_{name.upper()}": str(value) for name, value in plain.items()}
