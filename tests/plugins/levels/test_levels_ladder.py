"""The ladder and its calendar, without a database."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from plugins.levels.ladder import Ladder
from plugins.levels.schemas import LevelSettings
from roost import add_months

LADDER = Ladder(LevelSettings().levels)


@pytest.mark.parametrize(
    ("growth", "level"),
    [
        (0, "bronze"),
        (99, "bronze"),
        (100, "silver"),
        (499, "silver"),
        (500, "gold"),
        (2000, "platinum"),
        (10**9, "platinum"),
    ],
)
def test_growth_reaches_the_level_of_its_threshold(growth: int, level: str) -> None:
    assert LADDER.reached_by(growth).code == level


@pytest.mark.parametrize(
    ("old", "new", "passed"),
    [
        ("", "bronze", ()),
        ("", "silver", ("silver",)),
        ("bronze", "gold", ("silver", "gold")),
        ("silver", "gold", ("gold",)),
        ("gone", "gold", ("silver", "gold")),
    ],
)
def test_each_level_on_the_way_up_is_passed_but_never_the_first(old: str, new: str, passed: tuple[str, ...]) -> None:
    assert LADDER.passed(old, new) == passed


@given(st.sampled_from([level.code for level in LADDER.levels]), st.integers(0, 5000), st.integers(1, 4))
def test_a_period_never_takes_more_levels_than_allowed(code: str, growth: int, most: int) -> None:
    after = LADDER.rank(LADDER.after_period(code, growth, most).code)
    assert after >= LADDER.rank(code) - most
    assert after >= LADDER.rank(LADDER.reached_by(growth).code)


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        (date(2026, 11, 22), 12, date(2027, 11, 22)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
        (date(2026, 1, 15), -1, date(2025, 12, 15)),
    ],
)
def test_months_are_calendar_months(day: date, months: int, then: date) -> None:
    assert add_months(day, months) == then


@pytest.mark.parametrize(
    "levels",
    [
        [],
        [{"code": "a", "name_zh": "甲", "name_en": "A", "threshold": 5}],
        [{"code": c, "name_zh": "甲", "name_en": "A", "threshold": t} for c, t in (("a", 0), ("a", 5))],
        [{"code": c, "name_zh": "甲", "name_en": "A", "threshold": t} for c, t in (("a", 0), ("b", 9), ("c", 9))],
    ],
)
def test_a_ladder_begins_at_zero_and_ascends(levels: list[dict[str, object]]) -> None:
    with pytest.raises(ValidationError):
        LevelSettings.model_validate({"levels": levels})
