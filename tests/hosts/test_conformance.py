"""What the check of a plugin finds in its code that its start does not see."""

import sys

import pytest

from core.errors import ConfigurationError
from hosts.testkit.conformance import assert_plugin_conforms
from tests.core.registry.plugin_writer import load, write

FACT = """from roost import Fact, Text


class DoorOpened(Fact):
    label = Text("门已打开", "A door was opened")
    door: str
"""
SPECS = '''from roost import Context, fact

from written_doors.opening import DoorOpened


@fact(since="1.0")
def door_opened(ctx: Context, fact: DoorOpened) -> None:
    """Hear that a door was opened."""
'''


@pytest.mark.parametrize(("specified", "subfolder"), [(False, False), (False, True), (True, False)])
def test_a_fact_without_a_specification_is_found_in_a_module_that_the_start_does_not_load(
    tmp_path, specified, subfolder, monkeypatch
):
    monkeypatch.setattr(sys, "path", [*sys.path])
    files = {"README.md": "Doors.\n", "opening.py": FACT} | ({"hookspecs.py": SPECS} if specified else {})
    package, folder = write(tmp_path, "doors", files)
    if subfolder:
        (folder / "rooms").mkdir()
        (folder / "opening.py").rename(folder / "rooms" / "opening.py")
        (folder / "rooms" / "__init__.py").write_text("")
    registry = load({"doors": (package, folder)}, strict=True)
    if specified:
        assert_plugin_conforms(registry, "doors")
        return
    with pytest.raises(ConfigurationError, match=r"doors: the fact DoorOpened of written_doors\.\S+ is not specified"):
        assert_plugin_conforms(registry, "doors")


def test_a_plugin_that_members_can_be_barred_from_has_to_ask(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    package, folder = write(tmp_path, "doors", {"README.md": "Doors.\n"})
    with (folder / "plugin.toml").open("a", encoding="utf-8") as manifest:
        manifest.write('bars = { zh = "进门", en = "Doors" }\n')
    registry = load({"doors": (package, folder)}, strict=True)
    with pytest.raises(AssertionError, match=r"nothing asks members\.require_not_barred"):
        assert_plugin_conforms(registry, "doors")
    asks = (
        "from roost import members\n\n\ndef enter(ctx, member):\n    members.require_not_barred(ctx, member, 'doors')\n"
    )
    (folder / "service.py").write_text(asks)
    assert_plugin_conforms(registry, "doors")
