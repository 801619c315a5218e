"""The one place where plugins' hooks are called. It picks by an allow-list per tenant and hook; nothing else does.

A plugin's failure never stops another: a fact's handler fails alone, in its own job; a decision says in its
specification whether a failure means "no" or is logged and passed over. A database error always fails the caller.
"""

from collections.abc import Callable, Mapping
from typing import Any

import peewee
import structlog

from core import db
from core.context import Context, Origin, Tenant
from core.errors import DecisionFailed, RoostError, Vetoed
from core.runtime.registry import Implementation, Registry
from core.runtime.specs import Veto

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
            if plugin.listener is None or plugin.slug not in ctx.tenant.plugins:
                continue
            with db.read_only():
                wanted = plugin.listener.wants(ctx.for_plugin(plugin.slug))
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
        listener = plugin.listener if plugin is not None else None
        return None if listener is None else lambda ctx, fact: listener.hear(ctx.for_plugin(slug), fact)

    def decide(self, ctx: Context, hook: str, *, only: str | None = None, **values: Any) -> Any:
        """Ask a decision in the caller's transaction.

        `all` returns None or raises Vetoed; `first` returns the first answer or None; `collect` returns
        `[(slug, answer), …]`. With `only` just that plugin is asked, whether it is on or not. Raises DecisionFailed
        when a plugin of a fail-closed decision raised.
        """
        spec = self.registry.specs[hook]
        asked = self.registry.implementations(hook) if only else self.allowed(ctx.tenant, hook)
        answers: list[tuple[str, Any]] = []
        for impl in asked:
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
                    hook=hook,
                    error=_say(ex),
                    exc_info=True,
                )
                if spec.on_error == "skip_and_log":
                    continue
                raise DecisionFailed(
                    f"the plugin {impl.slug} could not answer {hook}",
                    "暂时无法处理，请稍后再试",
                    plugin=impl.slug,
                    hook=hook,
                ) from ex
            if answer is None:
                continue
            if isinstance(answer, Veto):
                raise Vetoed(answer.message, answer.message_zh or None, code=answer.code, plugin=impl.slug)
            if spec.combine == "first":
                return answer
            answers.append((impl.slug, answer))
        return answers if spec.combine == "collect" else None

    def oblige(self, ctx: Context, hook: str, **values: Any) -> list[tuple[str, Any]]:
        """Make every installed plugin do a duty, on or off; the first exception fails the caller."""
        return [
            (impl.slug, _call(impl, {"ctx": ctx.for_plugin(impl.slug), **values}))
            for impl in self.registry.implementations(hook)
        ]


def _call(impl: Implementation, values: dict[str, Any]) -> Any:
    return impl.function(*(values[name] for name in impl.arguments))


def _say(ex: Exception) -> str:
    return ex.message if isinstance(ex, RoostError) else type(ex).__name__
