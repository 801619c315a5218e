"""The one source of time. Rows hold UTC; "today" is the tenant's."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Tells the time; injected, so that tests can move it."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC, to the microsecond."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        return datetime.now(UTC)


class ManualClock:
    """A clock that moves only when told to. For tests and backtests."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """Return the instant it was last set to."""
        return self._now

    def set(self, instant: datetime) -> None:
        """Jump to `instant` (aware)."""
        self._now = instant.astimezone(UTC)

    def advance(self, **delta: float) -> datetime:
        """Move on by `timedelta(**delta)` and return the new instant."""
        self._now += timedelta(**delta)
        return self._now


def add_months(day: date, months: int) -> date:
    """Return the date so many months later (or earlier); the 31st becomes the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def local_date(instant: datetime, zone: str) -> date:
    """Return the calendar date of `instant` in the IANA time zone `zone`."""
    return instant.astimezone(ZoneInfo(zone)).date()


def local_time(instant: datetime, zone: str) -> datetime:
    """Return `instant` as clocks in the IANA time zone `zone` show it: to be read, and not to be reckoned with.

    Python adds to a zoned time, and compares two of one zone, by what clocks show: over a change of summer time that is
    an hour off. Reckon with instants in UTC, as `local_instant` gives them.
    """
    return instant.astimezone(ZoneInfo(zone))


def local_instant(day: date, at: time, zone: str, *, second: bool = False) -> datetime:
    """Return the UTC instant at which clocks in the IANA time zone `zone` show `at` on `day`.

    A time that clocks jump over is later by the jump: 02:30 is 03:30. One that comes twice is the first, unless the
    `second` is asked for.
    """
    return datetime.combine(day, at, ZoneInfo(zone)).replace(fold=int(second)).astimezone(UTC)


def local_midnight(day: date, zone: str) -> datetime:
    """Return the UTC instant at which `day` begins in the IANA time zone `zone`; of day one, the first there is."""
    try:
        return local_instant(day, time(), zone)
    except OverflowError:  # east of Greenwich the first day begins before time does
        return datetime.min.replace(tzinfo=UTC)


def local_day_end(day: date, zone: str) -> datetime:
    """Return the UTC instant at which `day` ends in the IANA time zone `zone`; of the last day, the last there is."""
    return local_midnight(day + timedelta(days=1), zone) if day < date.max else datetime.max.replace(tzinfo=UTC)
