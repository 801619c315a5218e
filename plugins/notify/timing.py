"""The hours in which members are left alone."""

from datetime import datetime, time, timedelta

from roost import local_instant, local_time


def quiet_until(now: datetime, zone: str, start: time, end: time) -> datetime | None:
    """Return the UTC instant at which the quiet hours that hold at `now` end; None outside them.

    `start` and `end` are local times of the IANA time zone; over midnight when `start` is the later one; equal
    means that there are none. Where clocks are set back and a local time comes twice, the first that is still
    ahead counts; one that clocks jump over counts as the instant after the jump.
    """
    local = local_time(now, zone)
    at = local.time()
    over_midnight = start > end
    quiet = (at >= start or at < end) if over_midnight else start <= at < end
    if not quiet:
        return None
    day = local.date() + timedelta(days=1) if over_midnight and at >= start else local.date()
    ends = (local_instant(day, end, zone, second=second) for second in (False, True))
    return next((instant for instant in ends if instant > now), now + timedelta(hours=1))
