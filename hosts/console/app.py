"""Put the console on a Falcon application: every path, from core's pages and the plugins' declarations."""

import re
from collections.abc import Iterator
from typing import Any

import falcon

from core.contract.rest import Endpoints
from core.errors import ConfigurationError, NotFound
from core.runtime import Runtime
from hosts.console.assets import ASSETS
from hosts.console.core_resources import CORE_DESKS
from hosts.console.pages import approving, home, keys, members, merging, plugins, rows, signing
from hosts.console.resource_endpoints import endpoints_for, endpoints_of
from hosts.console.resources import CORE, Desk
from hosts.console.web import Console, Door, Reply, Route, Visit

CORE_ROUTES = (
    *signing.ROUTES, *home.ROUTES, *members.ROUTES, *merging.ROUTES, *plugins.ROUTES, *approving.ROUTES, *keys.ROUTES
)  # fmt: skip


def admin_endpoints(runtime: Runtime) -> list[tuple[str, Endpoints]]:
    """Return the staff endpoints that resources give, as (slug, group), for the REST host.

    Of core's own those that its desks serve; the rest, whose replies are others, is in `hosts.rest.core_api`. A plugin
    with a resource that cannot be interpreted gives none, is logged, and listed as broken.
    """
    groups: list[tuple[str, Endpoints]] = []
    for plugin in runtime.registry.plugins.values():
        try:
            groups += [(plugin.slug, endpoints_for(plugin.slug, resource)) for resource in plugin.gives.resources]
        except ConfigurationError as ex:
            runtime.registry.leave_out(plugin.slug, ex.message)
    return [*((CORE, endpoints_of(desk)) for desk in CORE_DESKS if desk.rest is not None), *groups]


def add_console(app: falcon.App[Any, Any], runtime: Runtime) -> None:
    """Add every page below `/console` to an application; a page on the path of another is left out."""
    console = Console(runtime)
    app.add_sink(_nowhere(console), re.compile(r"^/console(?!/static/)(/|$)"))
    app.add_sink(ASSETS.sink, re.compile(r"^/console/static/"))
    app.add_route("/console/sign-in", signing.SignIn(console))
    app.add_route("/console/locale/{language}", signing.ChooseLanguage(console))
    taken: dict[str, str] = {}
    for route in CORE_ROUTES:
        taken[route.path] = CORE
        app.add_route(route.path, Door(console, route))
    for desk in console.desks.values():
        for route, fixed in _routes_of(desk):
            if route.path not in taken:  # core has pages of its own for some: a member's, a new key's
                taken[route.path] = desk.slug
                app.add_route(route.path, Door(console, route, **fixed))
    for plugin in runtime.registry.plugins.values():
        for page in plugin.gives.pages:
            path = f"/console/{plugin.slug}/{page.path.strip('/')}"
            if path in taken:
                runtime.registry.leave_out(plugin.slug, f"{plugin.slug}: the page {path} is taken by {taken[path]}")
                continue
            taken[path] = plugin.slug
            app.add_route(path, Door(console, Route(path, get=home.own_page), slug=plugin.slug, page=page.path))


def _routes_of(desk: Desk) -> Iterator[tuple[Route, dict[str, str]]]:
    """Yield the paths of a resource; literal ones first, so that `new` is never taken for an id."""
    base, fixed = rows.base(desk), {"slug": desk.slug, "name": desk.resource.name}
    yield Route(base, get=rows.listing), fixed
    yield Route(f"{base}/new", get=rows.new, post=rows.create), fixed
    for kind in ("csv", "xlsx"):
        path = f"{base}/export.{kind}"
        yield Route(path, get=rows.download, post=rows.download_with_reason, records=True), {**fixed, "kind": kind}
    yield Route(base + "/{row_id}", get=rows.detail), fixed
    yield Route(base + "/{row_id}/edit", get=rows.edit, post=rows.save), fixed
    for action in desk.resource.actions:
        path = f"{base}/{{row_id}}/{action.name}"
        yield Route(path, get=rows.confirm, post=rows.perform), {**fixed, "action": action.name}


def _nowhere(console: Console) -> Any:  # Any: a Falcon sink
    def missing(visit: Visit, **params: str) -> Reply:
        raise NotFound(f"there is no page {visit.req.path}", "没有这个页面")

    door = Door(console, Route("", get=missing, post=missing))

    def sink(req: falcon.Request, resp: falcon.Response, **params: Any) -> None:
        (door.on_post if req.method == "POST" else door.on_get)(req, resp)

    return sink
