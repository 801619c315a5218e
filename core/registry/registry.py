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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import pluggy
import structlog
from pydantic import BaseModel

from core.contract import hookspecs
from core.contract.facts import Fact
from core.contract.manifest import Manifest, read_manifest
from core.contract.plugin import Implementation, NoSettings, Plugin
from core.contract.specs import Spec, spec_of
from core.contract.work import Job
from core.errors import ConfigurationError, NotFound, UndeclaredFact
from core.registry.checking import check_contribution, check_facts, check_table, claims_of
from core.registry.imports import check_imports
from core.tables import TenantModel

log = structlog.get_logger("roost.registry")
GROUP = "roost.plugins"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PluginsFile:
    """`plugins.toml`: `load` (slugs, or "*" for all that are installed), `leave_out`, and `start` for a new tenant."""

    load: tuple[str, ...] = ("*",)
    leave_out: tuple[str, ...] = ()
    start: tuple[str, ...] = ()


def read_plugins_file(path: Path) -> PluginsFile:
    """Read `plugins.toml`; a deployment without one loads all that is installed and starts tenants with nothing."""
    if not path.exists():
        log.warning(
            "plugins_file_missing", path=str(path.absolute()), loads="all that is installed", new_tenants="no plugins"
        )
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
        self.core_settings: type[BaseModel] = NoSettings  # core's own, as its boot says
        self._claims: dict[tuple[str, str], str] = {}  # what a plugin laid hold of → who
        self._implementations: dict[str, tuple[Implementation, ...]] = {}
        self._provided: dict[type, list[tuple[str, Any]]] = {}
        self._tables_of: dict[str, list[type[TenantModel]]] = {}
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
        self._contribution(plugin, hooks)
        if (plugin.folder / "models.py").exists():
            self._tables(plugin, importlib.import_module(f"{plugin.package}.models"))
        check_facts(plugin, self.facts)
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
                if name in self.specs and getattr(function, "__module__", "") == hooks.__name__:
                    raise ConfigurationError(
                        f"{plugin.slug}: {name} in hooks.py has no @hookimpl: nobody would call it"
                    )
                continue
            if options.get("wrapper") or options.get("hookwrapper"):
                raise ConfigurationError(f"{plugin.slug}: hook {name} is a wrapper; wrappers are refused")
            hook = options.get("specname") or name
            if hook not in self.specs:
                near = difflib.get_close_matches(hook, self.specs, 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ConfigurationError(f"{plugin.slug}: there is no hook {hook!r}{hint}")

    def _contribution(self, plugin: Plugin, hooks: ModuleType) -> None:
        contribute = getattr(hooks, "contribute", None)
        if contribute is not None and hasattr(contribute, "roost_impl"):
            plugin.gives = contribute()
        check_contribution(plugin)
        for kind, name in claims_of(plugin):
            self._claim(plugin.slug, kind, name)

    def _tables(self, plugin: Plugin, module: ModuleType) -> None:
        for model in vars(module).values():
            if not (isinstance(model, type) and issubclass(model, TenantModel) and model.__module__ == module.__name__):
                continue
            check_table(plugin, model, self.plugins)
            self._claim(plugin.slug, "table", model._meta.table_name)
            plugin.models.append(model)

    def _claim(self, owner: str, kind: str, name: str) -> None:
        holder = self._claims.get((kind, name))
        if holder is not None:
            raise ConfigurationError(f"{owner} declares the {kind} {name!r}, which {holder} has declared already")
        self._claims[(kind, name)] = owner

    def claim_core_route(self, method: str, path: str) -> None:
        """Let a host lay hold of a route of core's own before or after plugins are loaded."""
        self._claim("core", "route", f"{method} {path}")

    def _resolve(self) -> None:
        self.pm.check_pending()
        self._provided.clear()
        self._tables_of = {slug: plugin.models for slug, plugin in self.plugins.items()}
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

    def require_specified(self, fact: type[Fact], publisher: str) -> str:
        """Return the name of a fact that is about to be published. Raises UndeclaredFact for one nobody can hear."""
        name = fact.fact_name()
        known = self.facts.get(name)
        if known is fact:
            return name
        taken = f"; {name} is {known.__module__}.{known.__name__}" if known is not None else ""
        raise UndeclaredFact(
            f"{publisher} publishes {fact.__module__}.{fact.__name__}, which no plugin specifies{taken}: write it in"
            f" the hookspecs.py of the plugin it is of, with @fact above a function {name}(ctx, fact)"
        )

    def owner_of(self, fact: type[Fact]) -> str:
        """Return the slug of the plugin that a fact is of; "core" for core's own."""
        mine = (slug for slug, plugin in self.plugins.items() if fact.__module__.startswith(f"{plugin.package}."))
        return next(mine, "core")

    def manifest(self, slug: str) -> Manifest:
        """Return a plugin's manifest, or raise NotFound."""
        return self.plugin(slug).manifest

    def offers(self, choices: str) -> list[tuple[str, Callable[..., Any]]]:
        """Return (slug, reader) of the live choices that resources offer under a name."""
        return [
            (slug, resource.offers[choices])
            for slug, plugin in self.plugins.items()
            for resource in plugin.gives.resources
            if choices in resource.offers
        ]

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
        """Return the settings model of a plugin, or of core itself."""
        if slug == "core":
            return self.core_settings
        return self.plugin(slug).gives.settings

    def job(self, kind: str) -> tuple[str, Job] | None:
        """Return (slug, job) for a kind, or None."""
        slug, _, name = kind.partition(".")
        plugin = self.plugins.get(slug)
        return next(((slug, j) for j in plugin.gives.jobs if j.name == name), None) if plugin else None

    def tables(self) -> Mapping[str, Sequence[type[TenantModel]]]:
        """Return the tables of every installed plugin, by slug."""
        return self._tables_of

    def providers(self, kind: type[T]) -> list[tuple[str, T]]:
        """Return (slug, declaration) of what installed plugins provide of a kind, in loading order."""
        if kind not in self._provided:
            self._provided[kind] = [
                (slug, one)
                for slug, plugin in self.plugins.items()
                for one in plugin.gives.provided
                if isinstance(one, kind)
            ]
        return self._provided[kind]


def forget_modules(package: str) -> None:
    """Drop a package from Python's memory; for tests that write a plugin twice."""
    for name in [n for n in sys.modules if n == package or n.startswith(package + ".")]:
        del sys.modules[name]
