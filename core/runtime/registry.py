"""Which plugins are installed, what they declare, and which of them are broken and why.

Plugins come through the entry point group `roost.plugins`, bundled ones too. `plugins.toml` says which of the installed
are loaded and what a new tenant starts with. A plugin that is put together wrongly is left out, with the error that
names both sides; the others go on.
"""

import difflib
import importlib
import importlib.util
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy
import structlog
from pydantic import BaseModel

from core.context import Origin
from core.errors import ConfigurationError, NotFound
from core.events.facts import Fact
from core.runtime import hookspecs
from core.runtime.declarations import (
    Callback,
    ConditionKind,
    Endpoint,
    Endpoints,
    Job,
    Page,
    Panel,
    Resource,
    RewardKind,
    Schedule,
)
from core.runtime.imports import check_imports
from core.runtime.manifest import Manifest, read_manifest, said
from core.runtime.ports import Channel, ContentCheck, Listener, Notice, PaymentMethod
from core.runtime.specs import Spec, spec_of
from core.tables import TenantModel

log = structlog.get_logger("roost.registry")
GROUP = "roost.plugins"


class NoSettings(BaseModel):
    """The settings of a plugin that has none."""


@dataclass(frozen=True, slots=True)
class Implementation:
    """One plugin's function for one hook."""

    slug: str
    function: Callable[..., Any]
    arguments: tuple[str, ...]
    origins: frozenset[Origin]


@dataclass(slots=True)
class Plugin:
    """One installed plugin and all that it contributes."""

    manifest: Manifest
    package: str
    folder: Path
    hooks: ModuleType | None = None
    settings: type[BaseModel] = NoSettings
    routes: list[Endpoints] = field(default_factory=list)
    callbacks: list[Callback] = field(default_factory=list)
    resources: list[Resource] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    schedules: list[Schedule] = field(default_factory=list)
    rewards: list[RewardKind] = field(default_factory=list)
    conditions: list[ConditionKind] = field(default_factory=list)
    offers: list[Channel | PaymentMethod | ContentCheck | Notice] = field(default_factory=list)
    listener: Listener | None = None
    models: list[type[TenantModel]] = field(default_factory=list)

    @property
    def slug(self) -> str:
        """Return the plugin's slug."""
        return self.manifest.slug


@dataclass(frozen=True, slots=True)
class PluginsFile:
    """`plugins.toml`: `load` (slugs, or "*" for all that are installed), `leave_out`, and `start` for a new tenant."""

    load: tuple[str, ...] = ("*",)
    leave_out: tuple[str, ...] = ()
    start: tuple[str, ...] = ()


def read_plugins_file(path: Path) -> PluginsFile:
    """Read `plugins.toml`; a deployment without one loads all that is installed and starts tenants with nothing."""
    if not path.exists():
        return PluginsFile()
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as ex:
        raise ConfigurationError(f"{path}: {ex}") from None
    unknown = set(values) - {"load", "leave_out", "start"}
    if unknown:
        raise ConfigurationError(f"{path}: unknown {', '.join(sorted(unknown))}; it knows load, leave_out and start")
    return PluginsFile(**{key: tuple(value) for key, value in values.items()})


def find_packages() -> tuple[dict[str, tuple[str, Path]], dict[str, ConfigurationError]]:
    """Return the installed plugins as slug → (package, folder), and what is wrong with others; imports none of them."""
    found: dict[str, tuple[str, Path]] = {}
    wrong: dict[str, ConfigurationError] = {}
    for point in entry_points(group=GROUP):
        spec = importlib.util.find_spec(point.value)
        if spec is None or not spec.submodule_search_locations:
            wrong[point.name] = ConfigurationError(
                f"entry point {GROUP}:{point.name} names {point.value}, which is not a package"
            )
        elif point.name in found and found[point.name][0] != point.value:
            wrong[point.name] = ConfigurationError(
                f"two plugins are called {point.name}: {found[point.name][0]} and {point.value}"
            )
        else:
            found[point.name] = (point.value, Path(spec.submodule_search_locations[0]))
    return {slug: place for slug, place in found.items() if slug not in wrong}, wrong


class Registry:
    """The plugins of this process, their hooks and their declarations. Built once, at start."""

    def __init__(self) -> None:
        self.pm = pluggy.PluginManager("roost")
        self.specs: dict[str, Spec] = {}
        self.facts: dict[str, type[Fact]] = {}
        self.plugins: dict[str, Plugin] = {}
        self.broken: dict[str, str] = {}
        self.starts_with: tuple[str, ...] = ()
        self._claims: dict[tuple[str, str], str] = {}  # what a plugin laid hold of → who
        self._implementations: dict[str, tuple[Implementation, ...]] = {}
        self._add_specs("core", hookspecs)

    # loading

    @classmethod
    def load(cls, plugins_file: PluginsFile, *, strict: bool = False) -> "Registry":
        """Load every plugin that `plugins_file` asks for; with `strict` raise for the first that is broken."""
        packages, wrong = find_packages()
        wanted = set(packages) if "*" in plugins_file.load else set(plugins_file.load)
        named = set(plugins_file.load) - {"*"} | set(plugins_file.start)
        absent = named - set(packages) - set(wrong)
        if absent:
            raise ConfigurationError(
                f"plugins.toml names {', '.join(sorted(absent))}, which no installed package provides"
                f" (entry point group {GROUP}); installed: {', '.join(sorted(packages)) or 'none'}"
            )
        registry = cls()
        registry.starts_with = plugins_file.start
        for slug, ex in wrong.items():
            registry._break(slug, ex, strict)
        registry.add(
            {slug: place for slug, place in packages.items() if slug in wanted - set(plugins_file.leave_out)},
            strict=strict,
        )
        return registry

    def add(self, packages: Mapping[str, tuple[str, Path]], *, strict: bool = False) -> None:
        """Load packages in the order that they require each other, then by slug."""
        manifests: dict[str, Plugin] = {}
        for slug, (package, folder) in sorted(packages.items()):
            try:
                manifest = read_manifest(folder / "plugin.toml")
                if manifest.slug != slug:
                    raise ConfigurationError(f"{package}: plugin.toml says {manifest.slug!r}, its entry point {slug!r}")
                manifests[slug] = Plugin(manifest, package, folder)
            except ConfigurationError as ex:
                self._break(slug, ex, strict)
        for plugin in self._ordered(manifests, strict):
            try:
                self._load_one(plugin)
            except Exception as ex:  # a plugin's import may raise anything; the others go on
                self._undo(plugin)
                self._break(plugin.slug, ex, strict)
        self._resolve()

    def _ordered(self, manifests: dict[str, Plugin], strict: bool) -> Iterator[Plugin]:
        waiting = dict(manifests)
        done = set(self.plugins)
        while waiting:
            ready = sorted(slug for slug, p in waiting.items() if set(p.manifest.requires) <= done)
            if not ready:
                for slug, plugin in sorted(waiting.items()):
                    missing = sorted(set(plugin.manifest.requires) - done)
                    why = "is not installed, is broken, or requires it in turn"
                    self._break(slug, ConfigurationError(f"{slug} requires {', '.join(missing)}, which {why}"), strict)
                return
            for slug in ready:
                plugin = waiting.pop(slug)
                yield plugin
                if slug in self.plugins:
                    done.add(slug)

    def _break(self, slug: str, ex: Exception, strict: bool) -> None:
        if strict:
            raise ex if isinstance(ex, ConfigurationError) else ConfigurationError(f"{slug}: {ex!r}") from ex
        self.leave_out(slug, str(ex) if isinstance(ex, ConfigurationError) else repr(ex))

    def leave_out(self, slug: str, why: str) -> None:
        """Name a plugin as broken, in the log and at `/readyz`: what cannot be served of it is left out."""
        self.broken[slug] = why
        log.error("plugin_broken", plugin=slug, error=why)

    def _undo(self, plugin: Plugin) -> None:
        self.plugins.pop(plugin.slug, None)
        self._claims = {claim: who for claim, who in self._claims.items() if who != plugin.slug}
        if plugin.hooks is not None and self.pm.has_plugin(plugin.slug):
            self.pm.unregister(name=plugin.slug)
        self.facts = {n: f for n, f in self.facts.items() if not f.__module__.startswith(plugin.package + ".")}

    def _load_one(self, plugin: Plugin) -> None:
        check_imports(plugin, self.plugins)
        if (plugin.folder / "hookspecs.py").exists():
            self._add_specs(plugin.slug, importlib.import_module(f"{plugin.package}.hookspecs"))
        hooks = importlib.import_module(f"{plugin.package}.hooks")
        plugin.hooks = hooks
        self._check_hooks(plugin, hooks)
        self.pm.register(hooks, name=plugin.slug)
        self._contributions(plugin, hooks)
        if (plugin.folder / "models.py").exists():
            self._tables(plugin, importlib.import_module(f"{plugin.package}.models"))
        self.plugins[plugin.slug] = plugin

    def _add_specs(self, owner: str, module: ModuleType) -> None:
        for name, function in vars(module).items():
            spec = spec_of(function) if callable(function) else None
            if spec is None or function.__module__ != module.__name__:
                continue
            self._claim(owner, "hook", name)
            self.specs[name] = spec
            if spec.fact is not None:
                self.facts[name] = spec.fact
        self.pm.add_hookspecs(module)

    def _check_hooks(self, plugin: Plugin, hooks: ModuleType) -> None:
        for name, function in vars(hooks).items():
            options = getattr(function, "roost_impl", None)
            if options is None:
                continue
            if options.get("wrapper") or options.get("hookwrapper"):
                raise ConfigurationError(f"{plugin.slug}: hook {name} is a wrapper; wrappers are refused")
            hook = options.get("specname") or name
            if hook not in self.specs:
                near = difflib.get_close_matches(hook, self.specs, 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ConfigurationError(f"{plugin.slug}: there is no hook {hook!r}{hint}")

    def _contributions(self, plugin: Plugin, hooks: ModuleType) -> None:
        def ask(name: str) -> Any:
            function = getattr(hooks, name, None)
            return function() if function is not None and hasattr(function, "roost_impl") else None

        plugin.settings = ask("register_settings") or NoSettings
        try:
            plugin.settings()
        except Exception:  # a model without defaults raises its own kind of error
            raise ConfigurationError(
                f"{plugin.slug}: every field of {plugin.settings.__name__} needs a default"
            ) from None
        for name, info in plugin.settings.model_fields.items():
            words = info.description or ""
            extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
            if words and said(words, "zh") == said(words, "en") and not (extra.get("zh") and extra.get("en")):
                raise ConfigurationError(
                    f"{plugin.slug}: the setting {name} is described in one language: write both, as"
                    f' description="days it lasts · 有效天数"',
                    f'{plugin.slug}：设置 {name} 只有一种语言的说明，请写成 description="days it lasts · 有效天数"',
                )
        plugin.routes = list(ask("register_routes") or ())
        plugin.callbacks = list(ask("register_callbacks") or ())
        plugin.resources = list(ask("register_resources") or ())
        plugin.pages = list(ask("register_pages") or ())
        plugin.panels = list(ask("register_panels") or ())
        plugin.jobs = list(ask("register_jobs") or ())
        plugin.schedules = list(ask("register_schedules") or ())
        plugin.rewards = list(ask("register_rewards") or ())
        plugin.conditions = list(ask("register_conditions") or ())
        for ports in ("channels", "payments", "checks", "notices"):
            plugin.offers += ask(f"register_{ports}") or ()
        plugin.listener = ask("register_listener")
        slug = plugin.slug
        for endpoint, path in self._paths(plugin):
            self._claim(slug, "route", f"{endpoint.method} {path}")
            self._permission(plugin, endpoint.permission, f"route {endpoint.method} {path}")
        for notice in (offered for offered in plugin.offers if isinstance(offered, Notice)):
            self._permission(plugin, notice.permission or None, f"notice {notice.fact}")
        for kind, names in (
            ("reward kind", [r.name for r in plugin.rewards]),
            ("condition kind", [c.name for c in plugin.conditions]),
            *((type(o).__name__, [o.fact if isinstance(o, Notice) else o.name]) for o in plugin.offers),
            ("job", [f"{slug}.{j.name}" for j in plugin.jobs]),
            ("schedule", [f"{slug}.{s.name}" for s in plugin.schedules]),
            ("resource", [f"{slug}/{r.name}" for r in plugin.resources]),
            ("console page", [f"{slug}/{p.path}" for p in plugin.pages]),
        ):
            for name in names:
                self._claim(slug, kind, name)
        for resource in plugin.resources:
            wanted = {resource.permission, resource.edit_permission, resource.export_permission}
            for permission in wanted | {a.permission for a in resource.actions}:
                self._permission(plugin, permission, f"resource {resource.name}")
            if resource.venue is None and not resource.venue_free:
                raise ConfigurationError(
                    f"{slug}: resource {resource.name} must name its venue column, or say venue_free=True"
                )
        seen: list[Page | Panel] = [*plugin.pages, *plugin.panels]
        for shown in seen:
            self._permission(plugin, shown.permission, f"{type(shown).__name__} {shown.title.en}")
        for schedule in plugin.schedules:
            if (schedule.daily is None) == (schedule.every is None):
                raise ConfigurationError(f"{slug}: schedule {schedule.name} is either daily or every so often")

    def _permission(self, plugin: Plugin, permission: str | None, where: str) -> None:
        if permission is not None and permission not in plugin.manifest.permissions:
            raise ConfigurationError(
                f"{plugin.slug}: {where} uses the permission {permission!r}, which its plugin.toml does not declare"
            )

    def _tables(self, plugin: Plugin, module: ModuleType) -> None:
        for model in vars(module).values():
            if not (isinstance(model, type) and issubclass(model, TenantModel) and model.__module__ == module.__name__):
                continue
            table = model._meta.table_name
            if not (table == plugin.slug or table.startswith(f"{plugin.slug}_")):
                raise ConfigurationError(f"{plugin.slug}: table {table!r} must be named {plugin.slug}_…")
            for other in self.plugins:
                if other != plugin.slug and table.startswith(f"{other}_") and len(other) > len(plugin.slug):
                    raise ConfigurationError(f"{plugin.slug}: table {table!r} is under the prefix of {other}")
            self._claim(plugin.slug, "table", table)
            plugin.models.append(model)

    def _claim(self, owner: str, kind: str, name: str) -> None:
        holder = self._claims.get((kind, name))
        if holder is not None:
            raise ConfigurationError(f"{owner} declares the {kind} {name!r}, which {holder} has declared already")
        self._claims[(kind, name)] = owner

    def claim_core_route(self, method: str, path: str) -> None:
        """Let a host lay hold of a route of core's own before or after plugins are loaded."""
        self._claim("core", "route", f"{method} {path}")

    @staticmethod
    def _paths(plugin: Plugin) -> Iterator[tuple[Endpoint, str]]:
        for group in plugin.routes:
            for endpoint in group.items:
                yield endpoint, prefix_of(plugin.slug, group) + endpoint.path

    def _resolve(self) -> None:
        self.pm.check_pending()
        order = {slug: place for place, slug in enumerate(self.plugins)}
        for name in self.specs:
            caller = getattr(self.pm.hook, name)
            found = [
                Implementation(
                    impl.plugin_name,
                    impl.function,
                    tuple(impl.argnames),
                    getattr(impl.function, "roost_origins", frozenset(("live",))),
                )
                for impl in caller.get_hookimpls()
            ]
            self._implementations[name] = tuple(sorted(found, key=lambda i: order.get(i.slug, -1)))

    # reading

    def implementations(self, hook: str) -> tuple[Implementation, ...]:
        """Return every plugin's function for a hook: requires first, then by slug."""
        return self._implementations[hook]

    def manifest(self, slug: str) -> Manifest:
        """Return a plugin's manifest, or raise NotFound."""
        return self.plugin(slug).manifest

    def manifests(self) -> list[Manifest]:
        """Return all manifests, in loading order."""
        return [plugin.manifest for plugin in self.plugins.values()]

    def plugin(self, slug: str) -> Plugin:
        """Return an installed plugin, or raise NotFound, with the reason when it is broken."""
        if slug in self.plugins:
            return self.plugins[slug]
        if slug in self.broken:
            raise NotFound(f"the plugin {slug} could not be loaded: {self.broken[slug]}")
        raise NotFound(f"no plugin {slug!r} is installed", f"没有安装插件 {slug}")

    def settings_model(self, slug: str) -> type[BaseModel]:
        """Return the settings model of a plugin."""
        return self.plugin(slug).settings

    def job(self, kind: str) -> tuple[str, Job] | None:
        """Return (slug, job) for a kind, or None."""
        slug, _, name = kind.partition(".")
        plugin = self.plugins.get(slug)
        return next(((slug, j) for j in plugin.jobs if j.name == name), None) if plugin else None

    def reward(self, name: str) -> tuple[str, RewardKind] | None:
        """Return (slug, kind) of a reward, or None."""
        return next(((p.slug, r) for p in self.plugins.values() for r in p.rewards if r.name == name), None)

    def condition(self, name: str) -> tuple[str, ConditionKind] | None:
        """Return (slug, kind) of a condition, or None."""
        return next(((p.slug, c) for p in self.plugins.values() for c in p.conditions if c.name == name), None)


def prefix_of(slug: str, group: Endpoints) -> str:
    """Return the path below which a group's endpoints live."""
    if group.prefix is not None:
        return group.prefix
    return f"/admin/v1/{slug}" if group.audience == "staff" else f"/v1/{slug}"


def forget_modules(package: str) -> None:
    """Drop a package from Python's memory; for tests that write a plugin twice."""
    for name in [n for n in sys.modules if n == package or n.startswith(package + ".")]:
        del sys.modules[name]
