"""Start a worker process from the settings: what `roost worker` runs."""

import peewee
import structlog

from core import boot, db
from core.config import Settings
from core.errors import ConfigurationError
from core.migrate import pending
from core.runtime import Runtime
from hosts.logging import configure_logging
from hosts.rest import upkeep
from hosts.schema import all_components
from hosts.worker.worker import Worker

log = structlog.get_logger("roost.worker")
SPARE_CONNECTIONS = 4  # beside one a thread: the sweep, and room for a pool that is being refilled


def start(settings: Settings) -> Runtime:
    """Return a runtime with the schedules of every host in it."""
    runtime = boot.start(settings)
    runtime.core_schedules.extend(upkeep.SCHEDULES)
    return runtime


def work(settings: Settings, *, threads: int | None = None) -> None:
    """Work until SIGTERM or SIGINT. Raises ConfigurationError while migrations have not run."""
    configure_logging(settings, "worker")
    room = max(settings.pool_size, (threads or 0) + SPARE_CONNECTIONS)
    runtime = start(settings.model_copy(update={"pool_size": room}))
    _check_schema(runtime)
    Worker(runtime, threads=threads).run()


def _check_schema(runtime: Runtime) -> None:
    try:
        waiting = pending(all_components(runtime))
    except peewee.PeeweeException as ex:
        if not db.is_lost_connection(ex):
            raise
        log.warning("database_unreachable", error=type(ex).__name__)  # it may come back; then the work begins
        return
    if waiting:
        raise ConfigurationError(
            f"{len(waiting)} migrations have not run ({', '.join(waiting[:3])}…): run roost migrate first",
            f"有 {len(waiting)} 个迁移尚未执行，请先运行 roost migrate",
        )
