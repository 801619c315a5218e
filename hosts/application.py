"""The whole application of a deployment: the REST API, what resources add to it, and the console."""

from core.runtime.runtime import Runtime
from hosts.console.app import add_console, admin_endpoints
from hosts.rest.app import Application, make_app


def whole_application(runtime: Runtime) -> Application:
    """Return the WSGI application that a REST process serves."""
    app = make_app(runtime, admin_endpoints(runtime))
    add_console(app, runtime)
    return app
