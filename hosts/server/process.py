"""One REST process: what Granian's worker calls to get its application."""

import gc
import signal

from core import boot
from hosts.logging import configure_logging
from hosts.server.app import Application, make_app
from hosts.server.serve import settings_in_use
from hosts.worker.bell import HueyBell


def build() -> Application:
    """Start a runtime of this process's own, after the fork, and return its application."""
    for told_to_stop in (signal.SIGTERM, signal.SIGINT):  # inherited handlers would lose a stop during the start
        signal.signal(told_to_stop, signal.SIG_DFL)
    settings = settings_in_use()
    configure_logging(settings, "rest")
    app = make_app(boot.start(settings, bell=HueyBell(settings)))
    # What was made until here stays: the collector need not look at it again, ten times a second under load.
    gc.collect()
    gc.freeze()
    return app
