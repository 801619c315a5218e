"""ROOST_CLOCK: one time for all processes of a deployment, which begins and stays with it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.config import Settings
from core.errors import ConfigurationError
from core.set_clock import clock_of
from hosts.testkit.plugin import test_settings as settings_for

LEAP_DAY = datetime(2028, 2, 29, 15, 55, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def asked(var: Path, instant: datetime | None) -> Settings:
    return settings_for("sqlite://", var, clock=instant)


def new() -> bool:
    return False


def in_use() -> bool:
    return True


def test_the_clock_runs_on_from_the_instant_and_is_the_same_for_whoever_starts_later(tmp_path: Path) -> None:
    first = clock_of(asked(tmp_path, LEAP_DAY), new)
    began = first.now()
    assert LEAP_DAY <= began < LEAP_DAY + 30 * SECOND
    later = clock_of(asked(tmp_path, LEAP_DAY), in_use)
    assert began <= later.now() <= first.now() + SECOND
    assert abs(later.now() - first.now()) < SECOND


def test_without_the_setting_the_time_is_real(tmp_path: Path) -> None:
    assert isinstance(clock_of(asked(tmp_path, None), in_use), SystemClock)


def test_a_database_that_lives_by_the_real_time_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="live by the real time"):
        clock_of(asked(tmp_path, LEAP_DAY), in_use)
    assert list(tmp_path.iterdir()) == []


def test_a_deployment_with_a_set_clock_does_not_go_on_without(tmp_path: Path) -> None:
    clock_of(asked(tmp_path, LEAP_DAY), new)
    with pytest.raises(ConfigurationError, match="lives by a set clock"):
        clock_of(asked(tmp_path, None), in_use)


def test_the_clock_is_moved_on_and_never_back(tmp_path: Path) -> None:
    clock_of(asked(tmp_path, LEAP_DAY), new)
    later = LEAP_DAY + timedelta(days=1)
    assert clock_of(asked(tmp_path, later), in_use).now() >= later
    with pytest.raises(ConfigurationError, match="not set back"):
        clock_of(asked(tmp_path, LEAP_DAY), in_use)
    assert clock_of(asked(tmp_path, later), in_use).now() >= later


@pytest.mark.parametrize("instant", ["2028-02-29T12:00", "1970-01-01T00:00Z", "9999-12-31T00:00Z", "tomorrow"])
def test_what_is_no_instant_of_ours_is_refused_by_name(instant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOST_CLOCK", instant)
    with pytest.raises(ConfigurationError, match=r"^ROOST_CLOCK: "):
        Settings(_env_file=None)
