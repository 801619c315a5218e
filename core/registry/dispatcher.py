"""The one place where plugins' hooks are called. It picks by an allow-list per tenant and hook; nothing else does.

A plugin's failure never stops another: a fact's handler fails alone, in its own job; a decision says in its
specification whether a failure means "no" or is logged and passed over. A database error always fails the caller.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import peewee
import structlog

from core import db
from core.contract.context import Context, Tenant
from core.contract.facts import Origin
from core.contract.plugin import Implementation
from core.contract.specs import Spec, Veto, require_spec
from core.errors import ConfigurationError, DecisionFailed, RoostError, Vetoed
from core.registry.registry import Registry

log = structlog.get_logger("roost.dispatcher")


class Dispatcher:
    """Calls the hooks of the plugins that are on for a tenant."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._allowed: dict[tuple[int, str], tuple[int, tuple[Implementation, ...]]] = {}
        self._heard: dict[int, tuple[int, Mapping[str, tuple[str, ...]]]] = {}

    def allowed(self, tenant: Tenant, hook: str) -> tuple[Implementation, ...]:
        """Return the implementations of a hook that are on for a tenant, from memory while its version stays."""
        held = self._allowed.get((tenant.id, hook))
        if held is not None and held[0] == tenant.version:
            return held[1]
        found = tuple(i for i in self.registry.implementations(hook) if i.slug in tenant.plugins)
        self._allowed[(tenant.id, hook)] = (tenant.version, found)
        return found

    def subscribers(self, ctx: Context, fact_name: str, origin: Origin) -> tuple[str, ...]:
        """Return the slugs that hear a fact of that origin, by a hook or as listeners (which hear only live ones)."""
        heard = tuple(i.slug for i in self.allowed(ctx.tenant, fact_name) if origin in i.origins)
        if origin != "live":
            return heard
        return heard + tuple(slug for slug in self._listeners(ctx).get(fact_name, ()) if slug not in heard)

    def _listeners(self, ctx: Context) -> Mapping[str, tuple[str, ...]]:
        """Return who listens to which fact at a tenant, from memory while its version stays."""
        held = self._heard.get(ctx.tenant.id)
        if held is not None and held[0] == ctx.tenant.version:
            return held[1]
        found: dict[str, tuple[str, ...]] = {}
        for plugin in self.registry.plugins.values():
            if plugin.gives.listener is None or plugin.slug not in ctx.tenant.plugins:
                continue
            with db.read_only():
                wanted = plugin.gives.listener.wants(ctx.for_plugin(plugin.slug))
            for name in self.registry.facts.keys() & set(wanted):
                found[name] = (*found.get(name, ()), plugin.slug)
        self._heard[ctx.tenant.id] = (ctx.tenant.version, found)
        return found

    def handler(self, slug: str, fact_name: str) -> Callable[..., Any] | None:
        """Return one plugin's function for a fact, bound to take `ctx` and `fact`; None when it has none."""
        for impl in self.registry.implementations(fact_name):
            if impl.slug == slug:
                return lambda ctx, fact: _call(impl, {"ctx": ctx.for_plugin(slug), "fact": fact})
        plugin = self.registry.plugins.get(slug)
        listener = plugin.gives.listener if plugin is not None else None
        return None if listener is None else lambda ctx, fact: listener.hear(ctx.for_plugin(slug), fact)

    # Each takes the specification itself, so that a misspelt hook or a wrong argument fails in the type checker.

    def check(self, ctx: Context, hook: Callable[..., Any], values: Mapping[str, Any], only: str | None = None) -> None:
        """Ask a decision that combines `all`; raise Vetoed for a Veto. With `only` ask one plugin, on or off."""
        for _ in self._answers(ctx, _combining(hook, "all"), values, only):
            pass

    def first(self, ctx: Context, hook: Callable[..., Any], values: Mapping[str, Any]) -> Any:
        """Return the first answer to a decision that combines `first`, or None."""
        return next((answer for _, answer in self._answers(ctx, _combining(hook, "first"), values)), None)

    def collect(self, ctx: Context, hook: Callable[..., Any], values: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """Return (slug, answer) of each plugin for a decision that combines `collect`."""
        return list(self._answers(ctx, _combining(hook, "collect"), values))

    def lifecycle(
        self, ctx: Context, hook: Callable[..., Any], values: Mapping[str, Any], only: str | None = None
    ) -> list[tuple[str, Any]]:
        """Run a hook of every installed plugin, on or off; the first exception fails the caller."""
        return [
            (impl.slug, _call(impl, {"ctx": ctx.for_plugin(impl.slug), **values}))
            for impl in self.registry.implementations(require_spec(hook).name)
            if only is None or impl.slug == only
        ]

    def _answers(
        self, ctx: Context, spec: Spec, values: Mapping[str, Any], only: str | None = None
    ) -> Iterator[tuple[str, Any]]:
        """Ask one plugin after the other in the caller's transaction. Raises Vetoed, DecisionFailed when one fails."""
        for impl in self.registry.implementations(spec.name) if only else self.allowed(ctx.tenant, spec.name):
            if only is not None and impl.slug != only:
                continue
            try:
                with db.read_only():
                    answer = _call(impl, {"ctx": ctx.for_plugin(impl.slug), **values})
            except peewee.PeeweeException:
                raise
            except Exception as ex:
                log.error(
                    "decision_failed",
                    tenant=ctx.tenant.slug,
                    plugin=impl.slug,
                    hook=spec.name,
                    error=_say(ex),
                    exc_info=True,
                )
                if spec.on_error == "skip_and_log":
                    continue
                raise DecisionFailed(
                    f"the plugin {impl.slug} could not answer {spec.name}",
                    "暂时无法处理，请稍后再试",
                    plugin=impl.slug,
                    hook=spec.name,
                ) from ex
            if isinstance(answer, Veto):
                raise Vetoed(answer.message, answer.message_zh or None, code=answer.code, plugin=impl.slug)
            if answer is not None:
                yield impl.slug, answer


def _combining(hook: Callable[..., Any], combine: str) -> Spec:
    spec = require_spec(hook)
    if spec.combine != combine:
        raise ConfigurationError(f"{spec.name} combines {spec.combine!r}: it is not asked as {combine!r}")
    return spec


def _call(impl: Implementation, values: dict[str, Any]) -> Any:
    return impl.function(*(values[name] for name in impl.arguments))


def _say(ex: Exception) -> str:
    return ex.message if isinstance(ex, RoostError) else type(ex).__name__
