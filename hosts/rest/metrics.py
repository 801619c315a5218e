"""What Prometheus reads at /metrics. With several REST processes their counts are added up in files."""

import os
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from core import db, points
from core.fields import as_time
from core.runtime import Runtime
from hosts.rest.shared_counts import SHARED_FOLDER

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))
_WAITING = db.Sql("SELECT count(*), min(due_at) FROM job WHERE state IN ('queued', 'running')")


class Metrics:
    """The counters of one process."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "roost_requests",
            "Requests by route and status",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "roost_request_seconds",
            "Seconds a request took",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._held: dict[tuple[str, str, int], tuple[Any, Any]] = {}  # Any: prometheus' children of labels

    def seen(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request. `route` is the template, so that ids in paths do not make a series each."""
        held = self._held.get((method, route, status))
        if held is None:
            name = method if method in _METHODS else "other"
            held = (
                self.requests.labels(name, route or "none", str(status)),
                self.seconds.labels(name, route or "none"),
            )
            if method in _METHODS:
                self._held[(method, route, status)] = held
        held[0].inc()
        held[1].observe(seconds)

    def page(self) -> bytes:
        """Return the text that Prometheus reads: requests of all REST processes, and the queue as it is now."""
        registry = CollectorRegistry()
        if os.environ.get(SHARED_FOLDER):
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no types here
            text = generate_latest(registry)
        else:
            text = generate_latest(self.registry)
        return text + generate_latest(self._queue())

    def _queue(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        waiting = Gauge("roost_jobs_waiting", "Jobs that are not finished", registry=registry)
        broken = Gauge("roost_plugins_broken", "Installed plugins that could not be loaded", registry=registry)
        broken.set(len(self.runtime.registry.broken))
        with db.connection():
            row = db.fetch_one(db.EVERY_TENANT, _WAITING)
            proofs = points.proofs()
        assert row is not None
        waiting.set(row[0])
        lag = Gauge("roost_jobs_lag_seconds", "How long the oldest job that is due has waited", registry=registry)
        oldest = as_time(row[1])
        lag.set(max(0.0, (self.runtime.clock.now() - oldest).total_seconds()) if oldest is not None else 0.0)
        faults = Gauge("roost_ledger_faults", "Rows that the last nightly proofs found at fault", registry=registry)
        age = Gauge("roost_ledger_check_age_seconds", "Age of the oldest last proof of a brand", registry=registry)
        faults.set(proofs.faults)
        proved = as_time(proofs.oldest)
        age.set((self.runtime.clock.now() - proved).total_seconds() if proved is not None else 0.0)
        return registry

    @property
    def content_type(self) -> str:
        """Return the media type of `page`."""
        return CONTENT_TYPE_LATEST
