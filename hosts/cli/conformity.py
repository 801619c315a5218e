"""What `roost plugins check` looks at: can every installed plugin be loaded, and does its code keep the rules."""

import tempfile
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from core import boot, db
from core import migrate as migrations
from core.clock import SystemClock
from core.config import Settings
from core.contract.plugin import Plugin
from core.errors import ConfigurationError
from core.privacy import Keyring, new_key
from core.registry.registry import Registry, read_plugins_file
from hosts.cli.declared import faults_of
from hosts.schema import all_components
from hosts.testkit.conformance import assert_plugin_conforms


def find_faults() -> tuple[Registry, list[str]]:
    """Load what `plugins.toml` asks for and return the registry, and every fault with the plugin it is in."""
    settings = Settings()
    registry = Registry.load(read_plugins_file(settings.plugins_file))
    faults = [_named(slug, why) for slug, why in sorted(registry.broken.items())]
    for plugin in registry.plugins.values():
        faults += _rules(registry, plugin)
        faults += _permissions(plugin)
        faults += faults_of(registry, plugin)
    return registry, [*faults, *_schema(registry)]


def throwaway_settings(**more: Any) -> Settings:
    """Return settings with keys of their own, for what looks at declarations and keeps nothing."""
    return Settings(
        encryption_keys=SecretStr(f"1:{new_key()}"),
        index_keys=SecretStr(f"1:{new_key()}"),
        token_key=SecretStr(new_key()),
        **more,
    )


def _rules(registry: Registry, plugin: Plugin) -> list[str]:
    try:
        assert_plugin_conforms(registry, plugin.slug)
    except (AssertionError, ConfigurationError) as ex:
        return [_named(plugin.slug, str(ex))]
    return []


def _named(slug: str, fault: str) -> str:
    return fault if fault.startswith(f"{slug}:") else f"{slug}: {fault}"


def _permissions(plugin: Plugin) -> list[str]:
    used = {e.permission for group in plugin.gives.endpoints for e in group.items}
    used |= {page.permission for page in plugin.gives.pages} | {panel.permission for panel in plugin.gives.panels}
    for resource in plugin.gives.resources:
        used |= {resource.permission, resource.edit_permission, resource.export_permission}
        used |= {action.permission for action in resource.actions}
    idle = sorted(set(plugin.manifest.permissions) - used)
    return [f"{plugin.slug}: plugin.toml declares the permission {code!r}, which nothing uses" for code in idle]


def _schema(registry: Registry) -> list[str]:
    """Run all migrations on an empty SQLite database and compare what they made with the models."""
    with tempfile.TemporaryDirectory(prefix="roost-check-") as folder:
        settings = throwaway_settings(database_url=f"sqlite:///{folder}/check.db?synchronous=off", var=Path(folder))
        runtime = boot.assemble(settings, SystemClock(), registry, Keyring.from_settings(settings))
        db.open_database(settings.database_url)
        try:
            parts = all_components(runtime)
            bare = [p for p in parts if p.models and not (p.folder / "migrations").is_dir()]
            migrations.migrate(parts)
            drift = migrations.drift([p for p in parts if p not in bare])
        finally:
            db.close_database()
    return [f"{p.slug}: it has tables and no migrations/ folder" for p in bare] + [
        f"migrations and models differ: {d}" for d in drift
    ]
