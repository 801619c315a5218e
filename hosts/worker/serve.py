"""Start a worker process from the settings: what `roost worker` runs."""

import structlog

from core import boot
from core.config import Settings
from core.runtime.runtime import Runtime
from hosts.logging import configure_logging
from hosts.rest import upkeep
from hosts.worker.worker import Worker

log = structlog.get_logger("roost.worker")


def start(settings: Settings) -> Runtime:
    """Return a runtime with the schedules of every host in it."""
    runtime = boot.start(settings)
    runtime.core_schedules.extend(upkeep.SCHEDULES)
    return runtime


def work(settings: Settings, *, threads: int | None = None) -> None:
    """Work until SIGTERM or SIGINT."""
    configure_logging(settings, "worker")
    Worker(start(settings), threads=threads).run()
