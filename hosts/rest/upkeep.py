"""What the worker does for the REST host: forget keys and counts that are past their time."""

from core.context import Context
from core.runtime.declarations import Schedule
from hosts.rest import idempotency
from hosts.rest.ratelimit import SqlStorage


def _clean(ctx: Context, slot: str) -> None:
    idempotency.clean(ctx)
    SqlStorage(lambda: ctx.now().timestamp()).clean()


# The worker adds them to `runtime.core_schedules`.
SCHEDULES = (Schedule("clean_requests", _clean, daily="03:50"),)
