"""The reference is what the code says, whole, and `help()` of a door begins with what one may call."""

import inspect
import re
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

import roost
from hosts.cli import reference

PAGE = Path(__file__).parents[2] / "docs" / "reference.md"
DOORS = [
    name
    for name in roost.__all__
    if isinstance(getattr(roost, name), ModuleType) and hasattr(getattr(roost, name), "__all__")
]
FIRST_SCREEN = 40  # lines


@pytest.fixture(scope="module")
def written():
    return reference.text()


def test_the_page_is_what_the_generator_writes(written):
    assert PAGE.read_text("utf-8") == written, "run `make docs`"


def test_every_name_of_the_door_and_every_hook_is_in_it(written, registry):
    named = set(re.findall(r"\w+", written))
    assert [name for name in roost.__all__ if name not in named] == []
    assert [name for name in registry.specs if f"`{name}(" not in written] == []


@pytest.mark.parametrize("name", DOORS)
def test_help_of_a_door_shows_its_functions_on_the_first_screen(name):
    door = getattr(roost, name)
    functions = {one for one in door.__all__ if isinstance(getattr(door, one), FunctionType)}
    first = set(re.findall(r"\w+", "\n".join((inspect.getdoc(door) or "").splitlines()[:FIRST_SCREEN])))
    assert sorted(functions - first) == [], f"name them in the docstring of {door.__name__}"
