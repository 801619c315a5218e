"""The WSGI application: core's endpoints, every plugin's, callbacks, health, metrics and the API's own pages."""

from collections.abc import Iterable, Sequence
from typing import Any

import falcon

from core.contract.rest import Endpoints
from core.errors import ConfigurationError
from core.migrate import pending
from core.runtime import Runtime
from hosts.console.app import add_console, admin_endpoints
from hosts.rest import problems
from hosts.rest.access_log import AccessLog
from hosts.rest.adapter import Parts, Responder, responder_of
from hosts.rest.callbacks import Callbacks
from hosts.rest.docs import DocsPage, OpenApi
from hosts.rest.health import Healthz, MetricsPage, Readyz
from hosts.rest.metrics import Metrics
from hosts.rest.routes import Route, routes_of
from hosts.schema import all_components


class Application(falcon.App[falcon.Request, falcon.Response]):
    """A falcon application that knows its routes, for tests and for OpenAPI."""

    routes: list[Route]
    parts: Parts

    def forget(self) -> None:
        """Forget what was remembered of tenants and callers, as after a start; for tests."""
        self.parts.renew()


def make_app(runtime: Runtime, more: Iterable[tuple[str, Endpoints]] = ()) -> Application:
    """Return the application of a runtime; `more` are groups of a plugin beside its own, as (slug, group)."""
    metrics = Metrics(runtime)
    app = Application(middleware=[AccessLog(metrics)])
    app.req_options.strip_url_path_trailing_slash = False
    problems.install(app)
    app.routes = routes_of(runtime, [*admin_endpoints(runtime), *more])
    app.parts = Parts(runtime)
    _add_endpoints(app)
    app.add_route("/callbacks/{slug}/{tenant}", Callbacks(runtime))
    app.add_route("/healthz", Healthz())
    app.add_route("/readyz", Readyz(runtime, _waiting))
    app.add_route("/metrics", MetricsPage(metrics))
    document = OpenApi(runtime, app.routes)
    app.add_route("/openapi.json", document)
    app.add_route("/docs", DocsPage(document))
    add_console(app, runtime)
    return app


def _waiting(runtime: Runtime) -> Sequence[str]:
    return pending(all_components(runtime))


def _add_endpoints(app: Application) -> None:
    """Give each path one resource object with a responder for each method."""
    responders: dict[str, dict[str, Responder]] = {}
    for route in app.routes:
        method = f"on_{route.endpoint.method.lower()}"
        responders.setdefault(route.template, {})[method] = responder_of(app.parts, route)
    for template, methods in responders.items():
        resource: Any = type("Resource", (), methods)()
        try:
            app.add_route(template, resource)
        except ValueError as ex:
            raise ConfigurationError(f"{template} cannot be routed: {ex}") from None
