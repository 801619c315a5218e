"""What every plugin must hold to; a test of a plugin calls `assert_plugin_conforms(slug)`."""

import importlib
import re

from core.contract.plugin import Plugin
from core.member_rows import declared_rows
from core.registry.checking import check_facts
from core.registry.imports import check_imports
from core.registry.registry import Registry
from hosts.console.resource_endpoints import endpoints_for
from hosts.rest.routes import check_group


def assert_plugin_conforms(registry: Registry, slug: str) -> None:
    """Raise AssertionError, naming what to do, when an installed plugin breaks a rule that can be read from its code.

    Its imports keep to the door; each of its facts is specified, wherever it is written; its operations and resources
    can be served; it has a README; its tables lead their indexes with the tenant; personal data can be erased, merged
    and exported; every setting has a default and a description; its hooks have docstrings. Raises ConfigurationError
    for what could not even be put together.
    """
    plugin = registry.plugin(slug)
    check_imports(plugin, registry.plugins)
    sources = {file.relative_to(plugin.folder): file.read_text("utf-8") for file in plugin.folder.rglob("*.py")}
    for file, text in sorted(sources.items()):
        reached = re.search(r"\bctx\.services\b", text)
        assert reached is None, f"{slug}: {file} uses ctx.services: ask the context itself"
    assert plugin.manifest.bars is None or any("require_not_barred(" in text for text in sources.values()), (
        f"{slug}: plugin.toml says that members can be barred, and nothing asks members.require_not_barred"
    )
    _import_all(plugin)
    check_facts(plugin, registry.facts)  # at start it sees only the modules that are loaded by then
    for group in (*plugin.gives.endpoints, *(endpoints_for(slug, resource) for resource in plugin.gives.resources)):
        check_group(slug, group)
    assert (plugin.folder / "README.md").exists(), f"{slug}: write a README.md: what it does, its settings, its facts"
    for name, field in plugin.gives.settings.model_fields.items():
        assert field.description, f"{slug}: the setting {name} needs a description; staff read it in the console"
    for model in plugin.models:
        for columns, _unique in (i for i in model._meta.indexes if isinstance(i, tuple)):
            assert columns[0] == "tenant", f"{slug}: index {columns} of {model.__name__} must begin with tenant"
    held = [rows for model in plugin.models for rows in declared_rows(model)]
    if plugin.manifest.personal_data and not held:
        for hook in ("erase_member", "export_member", "merge_members"):
            owners = {i.slug for i in registry.implementations(hook)}
            assert slug in owners, (
                f"{slug}: personal_data = true, so a table says member_rows = MemberRows(…), or hooks.py has {hook}"
            )
    assert plugin.manifest.personal_data or not held, f"{slug}: has rows of members, so personal_data = true"
    for code in plugin.manifest.permissions:
        assert re.fullmatch(rf"{slug}\.[a-z_.]+", code), f"{slug}: permission {code!r} is slug.what in lower case"
    if (plugin.folder / "hookspecs.py").exists():
        for name, spec in registry.specs.items():
            if spec.fact is not None and spec.fact.__module__.startswith(plugin.package + "."):
                assert spec.since, f"{slug}: the fact {name} needs since="


def _import_all(plugin: Plugin) -> None:
    for file in sorted(plugin.folder.rglob("*.py")):
        parts = file.relative_to(plugin.folder).with_suffix("").parts
        if not {"migrations", "tests"} & set(parts):
            importlib.import_module(".".join([plugin.package, *parts]).removesuffix(".__init__"))
