"""The walls of the house: who may import whom, manifests against code, the door against core."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

import roost
from core.registry.imports import check_imports
from core.registry.registry import PluginsFile, Registry
from core.words import said

ROOT = Path(__file__).parents[1]
LONGEST = 450  # lines: past that a file has more than one subject


@pytest.fixture(scope="module")
def strict():
    """Load every installed plugin; one that is put together wrongly fails here, by name."""
    return Registry.load(PluginsFile(), strict=True)


def imported(path):
    """Yield the names of the modules a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_every_bundled_plugin_is_whole(strict):
    folders = {p.parent.name for parent in ("plugins", "integrations") for p in (ROOT / parent).glob("*/plugin.toml")}
    assert folders <= set(strict.plugins)
    assert strict.broken == {}


def test_imports_keep_to_the_manifests(strict):
    for plugin in strict.plugins.values():
        check_imports(plugin, strict.plugins)


def test_the_door_leads_to_core_and_nowhere_else():
    assert {name.split(".")[0] for name in imported(ROOT / "roost.py")} == {"core"}


def test_the_door_exports_what_it_lists_and_lists_what_it_imports():
    names = {
        alias.asname or alias.name
        for node in ast.parse((ROOT / "roost.py").read_text("utf-8")).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(roost.__all__) == names | {"API"}


def test_hooks_only_translate(strict):
    """A hook is one thought: no loop, no query, no arithmetic in hooks.py."""
    for plugin in strict.plugins.values():
        tree = ast.parse((plugin.folder / "hooks.py").read_text("utf-8"))
        loops = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.For | ast.While | ast.Try)]
        assert loops == [], f"{plugin.slug}/hooks.py:{loops}: move it to service.py"


def test_every_plugin_has_a_page_of_its_own(strict):
    for plugin in strict.plugins.values():
        assert (plugin.folder / "README.md").exists(), plugin.slug


def test_files_have_one_subject():
    long = {
        str(path.relative_to(ROOT)): lines
        for top in ("core", "egress", "plugins", "integrations", "hosts")
        for path in (ROOT / top).rglob("*.py")
        if "migrations" not in path.parts
        and path.name not in ("client.py", "fake.py")  # a whole protocol each
        and (lines := len(path.read_text("utf-8").splitlines())) > LONGEST
    }
    assert long == {}


def test_nothing_reads_the_brief_beside_the_project():
    for top in ("core", "egress", "plugins", "integrations", "hosts", "tests", "benchmarks", "scripts"):
        for path in (ROOT / top).rglob("*.py"):
            assert "../" + "shared" not in path.read_text("utf-8"), path


@pytest.mark.parametrize("package", ["integrations.qinniao", "integrations.wechat"])
def test_a_face_whose_names_come_late_gives_what_it_shows_to_type_checkers(package: str) -> None:
    face = import_module(package)
    assert face.__file__ is not None
    shown = {
        (node.module, alias.name)
        for node in ast.walk(ast.parse(Path(face.__file__).read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{package}.")
        for alias in node.names
    }
    given = {(f"{package}.{module}", name) for module, names in face._HOMES.items() for name in names}
    assert shown == given
    assert all(getattr(face, name) is getattr(import_module(module), name) for module, name in given)
    with pytest.raises(AttributeError, match="nothing"):
        _ = face.nothing


STORED = ("reason", "subject", "note", "remark", "why")


def test_no_reason_is_stored_in_two_languages_as_one_text():
    """A `Text` keeps both apart; a text of both would be read by everybody in both."""
    mixed = []
    for folder in ("core", "egress", "plugins", "integrations"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                words = [k.value for k in node.keywords if k.arg in STORED]
                words += node.args if called in ("Note", "revoke", "undo", "set_class", "take_back") else []
                texts = [part.value for word in words for part in ast.walk(word) if isinstance(part, ast.Constant)]
                mixed += [
                    f"{path.relative_to(ROOT)}:{node.lineno}: {text}"
                    for text in texts
                    if isinstance(text, str) and said(text, "zh") != said(text, "en")
                ]
    assert not mixed
