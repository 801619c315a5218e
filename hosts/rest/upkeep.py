"""What the worker does for the REST host: forget keys and counts that are past their time. Loads nothing of HTTP."""

from datetime import timedelta

from core.context import Context
from core.runtime.declarations import Schedule
from hosts.rest.models import Idempotency, RateCount

KEPT = timedelta(hours=72)  # how long a reply answers its Idempotency-Key


def forget_keys(ctx: Context, most: int = 5000) -> int:
    """Delete a tenant's keys past their keeping, at most so many; return how many went."""
    old = Idempotency.scoped(ctx).select(Idempotency.slot).where(Idempotency.started_at < ctx.now() - KEPT).limit(most)
    return int(Idempotency.scoped(ctx).delete().where(Idempotency.slot.in_(old)).execute())


def forget_counts(now_ms: int) -> int:
    """Delete the counts of windows that have ended by `now_ms` (milliseconds since 1970); return how many went."""
    return int(RateCount.delete().where(RateCount.ends_at <= now_ms).execute())


def _clean(ctx: Context, slot: str) -> None:
    forget_keys(ctx)
    forget_counts(int(ctx.now().timestamp() * 1000))


# The worker adds them to `runtime.core_schedules`.
SCHEDULES = (Schedule("clean_requests", _clean, daily="03:50"),)
