"""What the worker does for the REST host: forget keys and counts that are past their time. Loads nothing of HTTP."""

from datetime import timedelta
from typing import Any

from core.bulk import delete_some
from core.contract.context import Context
from core.contract.work import Next, Schedule, Slot
from hosts.rest.models import Idempotency, RateCount

KEPT = timedelta(hours=72)  # how long a reply answers its Idempotency-Key


def forget_keys(ctx: Context) -> bool:
    """Delete some of a tenant's keys past their keeping; tell whether more may be left."""
    return delete_some(ctx, Idempotency, Idempotency.started_at < ctx.now() - KEPT)


def forget_counts(now_ms: int) -> int:
    """Delete the counts of windows that have ended by `now_ms` (milliseconds since 1970); return how many went."""
    counts: Any = RateCount  # mypy's view of its columns hangs on the order in which it reads files
    return int(counts.delete().where(counts.ends_at <= now_ms).execute())


def _clean(ctx: Context, slot: str) -> Next | None:
    forget_counts(int(ctx.now().timestamp() * 1000))
    return Next(Slot(slot=slot)) if forget_keys(ctx) else None


# The worker adds them to `runtime.core_schedules`.
SCHEDULES = (Schedule("clean_requests", _clean, daily="03:50"),)
