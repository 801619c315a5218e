"""What happens to a plugin that is put together wrongly: a named error, and the others go on."""

import sys
from dataclasses import replace

import pytest

from core.errors import ConfigurationError, NotFound
from core.registry.imports import check_imports
from tests.core.registry.plugin_writer import load, write

GOOD = {"hooks.py": "from roost import hookimpl\n\n\n@hookimpl\ndef level_up(ctx, fact):\n    pass\n"}
ROUTE = '''
from roost import Context, Endpoints

member = Endpoints("{audience}", prefix="/v1/shared")


@member.get("/thing"{more})
def thing(ctx: Context) -> None:
    """Show the thing."""
'''
ROUTES_HOOK = """
from roost import Contribution, hookimpl

from {package} import api


@hookimpl
def contribute():
    return Contribution(endpoints=(api.member,))
"""


@pytest.fixture(autouse=True)
def _leave_no_path(tmp_path):
    yield
    if str(tmp_path) in sys.path:
        sys.path.remove(str(tmp_path))


def broken(tmp_path, files, *, requires=(), others=None):
    """Load a good plugin and one with `files`; return the registry and the error of the second."""
    packages = {
        "alpha": write(tmp_path, "alpha", others or GOOD),
        "wrong": write(tmp_path, "wrong", files, requires=requires),
    }
    registry = load(packages)
    assert "alpha" in registry.plugins, registry.broken
    assert "wrong" not in registry.plugins
    return registry, registry.broken["wrong"]


def test_a_good_plugin_is_heard(tmp_path):
    registry = load({"alpha": write(tmp_path, "alpha", GOOD)}, strict=True)
    assert [i.slug for i in registry.implementations("level_up")] == ["alpha"]


def test_a_misspelt_hook_is_named_with_the_one_that_was_meant(tmp_path):
    _, error = broken(
        tmp_path, {"hooks.py": "from roost import hookimpl\n\n\n@hookimpl\ndef levle_up(ctx, fact):\n    pass\n"}
    )
    assert "levle_up" in error
    assert "level_up" in error


def test_a_hook_with_an_argument_that_the_specification_lacks_is_refused(tmp_path):
    registry, error = broken(
        tmp_path, {"hooks.py": "from roost import hookimpl\n\n\n@hookimpl\ndef level_up(ctx, fat):\n    pass\n"}
    )
    assert "fat" in error
    assert [i.slug for i in registry.implementations("level_up")] == ["alpha"]


def test_a_wrapper_is_refused(tmp_path):
    code = "import pluggy\n\n\n@pluggy.HookimplMarker('roost')(wrapper=True)\ndef level_up(ctx, fact):\n    yield\n"
    _, error = broken(tmp_path, {"hooks.py": code})
    assert "wrapper" in error


def test_two_plugins_on_one_route_are_both_named(tmp_path):
    def with_route(package):
        return {"api.py": ROUTE.format(audience="member", more=""), "hooks.py": ROUTES_HOOK.format(package=package)}

    _, error = broken(tmp_path, with_route("written_wrong"), others=with_route("written_alpha"))
    assert "GET /v1/shared/thing" in error
    assert "alpha" in error
    assert "wrong" in error


def test_a_permission_that_the_manifest_does_not_declare_is_refused(tmp_path):
    api = ROUTE.format(audience="staff", more=', permission="wrong.secret"')
    _, error = broken(tmp_path, {"api.py": api, "hooks.py": ROUTES_HOOK.format(package="written_wrong")})
    assert "wrong.secret" in error
    assert "plugin.toml" in error


def test_a_staff_endpoint_without_a_permission_is_refused(tmp_path):
    api = ROUTE.format(audience="staff", more="")
    _, error = broken(tmp_path, {"api.py": api, "hooks.py": ROUTES_HOOK.format(package="written_wrong")})
    assert "names the permission" in error


@pytest.mark.parametrize(
    "line",
    [
        "import core.db",
        "from core import members",
        "from\tcore import members",
        "from hosts.rest import app",
        "import written_alpha.hooks",
        "import os, core.db",
        "import written_wrong.service, core",
        "import os; import core",
        "if 1: from core import db",
        "from \\\n    core import db",
        "import os, \\\n    core",
        "from plugins import (\n    levels,\n)",
        "import core as plain",
        "import ｃore",
        "from . .written_alpha import hooks",
        "from ..written_alpha import hooks",
    ],
)
def test_an_import_past_the_door_is_refused_with_file_and_line(tmp_path, line):
    _, error = broken(tmp_path, {"service.py": f'"""Service."""\n\n{line}\n'})
    assert "service.py:3" in error


@pytest.mark.parametrize("file", ["fake.py", "service.py"])
def test_the_server_of_the_fakes_is_not_for_a_plugin_from_elsewhere(tmp_path, file):
    _, error = broken(tmp_path, {file: "from integrations import fake_server\n"})
    assert f"{file}:1 imports integrations.fake_server; only the fake.py" in error


@pytest.mark.parametrize("file", ["service.py", "client.py", "played/fake.py"])
def test_of_an_integration_only_its_fake_stands_on_the_server_of_the_fakes(tmp_path, file):
    package, folder = write(tmp_path, "alpha", GOOD)
    plugin = replace(load({"alpha": (package, folder)}).plugins["alpha"], package="integrations.alpha")
    (folder / "fake.py").write_text("from integrations.fake_server import Fake\n")
    check_imports(plugin, {})
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_text("from integrations.fake_server import Fake\n")
    with pytest.raises(ConfigurationError, match=rf"{file}:1 imports integrations.fake_server; only the fake.py"):
        check_imports(plugin, {})


def test_the_face_of_a_required_plugin_may_be_imported(tmp_path):
    packages = {
        "alpha": write(tmp_path, "alpha", GOOD),
        "beta": write(tmp_path, "beta", {"service.py": "import written_alpha\n"}, requires=("alpha",)),
    }
    assert set(load(packages, strict=True).plugins) == {"alpha", "beta"}


def test_the_face_of_a_plugin_that_is_not_required_may_not_be_imported(tmp_path):
    _, error = broken(tmp_path, {"service.py": "import written_alpha\n"})
    assert "requires" in error


def test_a_plugin_that_needs_an_absent_one_is_left_out_by_name(tmp_path):
    _, error = broken(tmp_path, GOOD, requires=("gamma",))
    assert "gamma" in error


def test_a_plugin_that_raises_when_imported_does_not_stop_the_others(tmp_path):
    _, error = broken(tmp_path, {"hooks.py": "raise RuntimeError('no licence')\n"})
    assert "no licence" in error


def test_two_plugins_on_one_table_are_both_named(tmp_path):
    model = (
        "from peewee import CharField\n\nfrom roost import TenantModel\n\n\n"
        "class {name}(TenantModel):\n    title = CharField()\n\n    class Meta:\n        table_name = '{table}'\n"
    )
    files = {"models.py": model.format(name="Thing", table="alpha_thing")}
    _, error = broken(tmp_path, files)
    assert "alpha_thing" in error


def test_settings_without_a_default_are_refused(tmp_path):
    code = (
        "from pydantic import BaseModel\n\nfrom roost import Contribution, hookimpl\n\n\n"
        "class Needs(BaseModel):\n    key: str\n\n\n"
        "@hookimpl\ndef contribute():\n    return Contribution(settings=Needs)\n"
    )
    _, error = broken(tmp_path, {"hooks.py": code})
    assert "default" in error


def test_a_slug_that_differs_from_the_entry_point_is_refused(tmp_path):
    place = write(tmp_path, "alpha", GOOD)
    registry = load({"other": place})
    assert "alpha" in registry.broken["other"]
    with pytest.raises(NotFound, match="could not be loaded"):
        registry.plugin("other")


def test_strict_loading_raises_the_named_error(tmp_path):
    with pytest.raises(ConfigurationError, match="levle_up"):
        load(
            {"wrong": write(tmp_path, "wrong", {"hooks.py": GOOD["hooks.py"].replace("level_up", "levle_up")})},
            strict=True,
        )
