"""Days of a time zone as instants."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from core.clock import local_date, local_day_end, local_instant, local_midnight, local_time

SHANGHAI, NEW_YORK = "Asia/Shanghai", "America/New_York"


def test_a_day_begins_and_ends_where_the_zone_says() -> None:
    day = date(2026, 11, 22)
    assert local_midnight(day, SHANGHAI) == datetime(2026, 11, 21, 16, tzinfo=UTC)
    assert local_day_end(day, SHANGHAI) == local_midnight(date(2026, 11, 23), SHANGHAI)


def test_a_day_on_which_the_clock_changes_is_not_24_hours_long() -> None:
    day = date(2026, 11, 1)
    assert (local_day_end(day, NEW_YORK) - local_midnight(day, NEW_YORK)).total_seconds() == 25 * 3600


@pytest.mark.parametrize("zone", [SHANGHAI, NEW_YORK, "UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_first_and_the_last_day_have_a_beginning_and_an_end(zone: str) -> None:
    assert local_midnight(date.min, zone) <= local_day_end(date.min, zone)
    assert local_midnight(date.max, zone) <= local_day_end(date.max, zone)
    assert local_date(local_midnight(date(2026, 1, 1), zone), zone) == date(2026, 1, 1)


def test_a_time_that_is_jumped_over_is_later_and_one_that_comes_twice_is_the_first() -> None:
    spring, autumn, at = date(2027, 3, 28), date(2027, 10, 31), time(2, 30)
    assert local_time(local_instant(spring, at, "Europe/Berlin"), "Europe/Berlin").time() == time(3, 30)
    first = local_instant(autumn, at, "Europe/Berlin")
    assert local_instant(autumn, at, "Europe/Berlin", second=True) - first == timedelta(hours=1)
    jump = local_instant(date(2027, 10, 3), time(2, 10), "Australia/Lord_Howe")
    assert local_time(jump, "Australia/Lord_Howe").time() == time(2, 40)
