"""For machines that watch: is the process up, can it work, and what does it count."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import falcon
import peewee
from falcon import Request, Response

from core import db
from core.runtime import Runtime
from hosts.rest.metrics import Metrics

_ASK = db.Sql("SELECT 1")


class Healthz:
    """Answers as long as the process does."""

    def on_get(self, req: Request, resp: Response) -> None:
        """Say that the process is up."""
        resp.media = {"status": "ok"}


class Readyz:
    """Answers 200 when the database is there and migrated; names the plugins that are broken, which is no refusal.

    `waiting` returns the migrations that have not run.
    """

    def __init__(self, runtime: Runtime, waiting: Callable[[Runtime], Sequence[str]]) -> None:
        self.runtime = runtime
        self.waiting = waiting
        self._migrated = False

    def on_get(self, req: Request, resp: Response) -> None:
        """Say whether requests can be served."""
        report: dict[str, Any] = {
            "database": "ok",
            "migrations": [],
            "broken_plugins": sorted(self.runtime.registry.broken),
        }
        try:
            with db.connection():
                db.fetch_one(db.EVERY_TENANT, _ASK)
            if not self._migrated:  # a process never meets an older database than the one it has seen
                report["migrations"] = list(self.waiting(self.runtime))
                self._migrated = not report["migrations"]
        except (peewee.PeeweeException, OSError):
            report["database"] = "unreachable"
        ready = report["database"] == "ok" and not report["migrations"]
        report["status"] = "ok" if ready else "unavailable"
        resp.status = falcon.HTTP_200 if ready else falcon.HTTP_503
        resp.content_type = falcon.MEDIA_JSON
        resp.data = json.dumps(report, ensure_ascii=False).encode()


class MetricsPage:
    """What Prometheus reads."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics

    def on_get(self, req: Request, resp: Response) -> None:
        """Give the numbers."""
        resp.content_type = self.metrics.content_type
        resp.data = self.metrics.page()
