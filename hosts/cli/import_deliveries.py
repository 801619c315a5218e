"""The deliveries that an import's facts cause, run by the import itself as they come."""

import time
from dataclasses import dataclass
from datetime import datetime

from core.contract.context import Context
from core.events import jobs
from core.events.models import Job
from core.events.outbox import delivery_kind
from core.runtime import runtime_of
from hosts.cli.session import note

PATIENCE = 10.0  # seconds beyond a lease that we wait for deliveries another process holds
PAUSE = 0.2  # seconds between two looks at them


@dataclass(frozen=True, slots=True)
class Lag:
    """How far behind their facts deliveries were done: `count` of them, in seconds."""

    count: int
    mean: float
    slowest: float


class Deliveries:
    """What handlers of imported facts have to do. It is done here, so that an import needs no worker."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._began = ctx.now()
        registry = runtime_of(ctx).registry
        self._kinds = [
            delivery_kind(impl.slug, name)
            for name in registry.facts
            for impl in registry.implementations(name)
            if "import" in impl.origins
        ]

    def run(self) -> None:
        """Run what is due."""
        jobs.drain(runtime_of(self._ctx), only=self._kinds)

    def finish(self) -> int:
        """Run all there is; wait, a lease long, for what another process holds; return how many are left."""
        patience = runtime_of(self._ctx).settings.lease_seconds + PATIENCE
        until = time.monotonic() + patience
        said = False
        while True:
            self.run()
            held, failed = self._unfinished()
            if not held or time.monotonic() > until:
                return held + failed
            if not said:
                note(f"waiting up to {patience:.0f} s for {held} deliveries that another process holds")
                said = True
            time.sleep(PAUSE)

    def _unfinished(self) -> tuple[int, int]:
        """Return (held by somebody or about to run, failed at least once)."""
        states = ("queued", "running", "dead")
        with self._ctx.transaction():
            rows = list(
                Job.scoped(self._ctx)
                .select(Job.state, Job.failures)
                .where(Job.state.in_(states), Job.origin == "import", Job.kind.in_(self._kinds))
                .tuples()
            )
        failed = sum(state == "dead" or (state == "queued" and failures > 0) for state, failures in rows)
        return len(rows) - failed, failed

    def lag(self) -> Lag:
        """Return how far behind the deliveries of this run were."""
        count, total, slowest = 0, 0.0, 0.0
        with self._ctx.transaction():
            rows = (
                Job.scoped(self._ctx)
                .select(Job.created_at, Job.finished_at)
                .where(Job.state == "done", Job.origin == "import", Job.kind.in_(self._kinds))
                .where(Job.created_at >= self._began)
                .tuples()
                .iterator()
            )
            for created_at, finished_at in rows:
                behind = _seconds(created_at, finished_at)
                count, total, slowest = count + 1, total + behind, max(slowest, behind)
        return Lag(count, total / count if count else 0.0, slowest)


def _seconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()
