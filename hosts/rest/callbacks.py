"""Pushes of outside systems: `/callbacks/{slug}/{tenant}` hands them to the plugin's `receive`, in one transaction.

A push reaches every installed plugin, on or off: money that was paid is paid. What `receive` accepts is
committed before the answer goes out.
"""

from urllib.parse import parse_qsl

from falcon import HTTPMethodNotAllowed, Request, Response

from core import db, tenants
from core.contract.context import Actor, Context
from core.contract.rest import Callback, Push
from core.errors import NotFound
from core.runtime import Runtime
from hosts.rest import inputs
from hosts.rest.adapter import send_answer, with_connection
from hosts.rest.caller import request_id
from hosts.rest.problems import not_found


class Callbacks:
    """The one resource behind all callbacks."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._of: dict[str, dict[str, Callback]] = {
            slug: {method: callback for callback in plugin.gives.callbacks for method in callback.methods}
            for slug, plugin in runtime.registry.plugins.items()
            if plugin.gives.callbacks
        }

    def on_get(self, req: Request, resp: Response, slug: str, tenant: str) -> None:
        """Receive a handshake."""
        self._receive(req, resp, slug, tenant)

    def on_post(self, req: Request, resp: Response, slug: str, tenant: str) -> None:
        """Receive a push."""
        self._receive(req, resp, slug, tenant)

    def _receive(self, req: Request, resp: Response, slug: str, tenant_slug: str) -> None:
        req.context.plugin = slug
        declared = self._of.get(slug)
        if declared is None:
            raise not_found()
        if req.method not in declared:
            raise HTTPMethodNotAllowed(sorted(declared))
        callback = declared[req.method]
        body = inputs.read_bytes(req, self.runtime.settings.body_limit)
        push = Push(
            method=req.method,
            path=req.relative_uri,
            query=dict(parse_qsl(req.query_string, keep_blank_values=True)),
            headers={name.lower(): value for name, value in req.headers.items()},
            body=body,
        )
        with db.connection():
            ctx = with_connection(lambda: self._context(req, slug, tenant_slug))
            answer = ctx.run(lambda: callback.receive(ctx, push))
        send_answer(resp, answer)

    def _context(self, req: Request, slug: str, tenant_slug: str) -> Context:
        if len(tenant_slug) > 40 or "\0" in tenant_slug:
            raise not_found()
        try:
            tenant = tenants.by_slug(tenant_slug)
        except NotFound:
            raise not_found() from None
        req.context.tenant = tenant.slug
        asked = request_id(req)
        return Context(
            self.runtime, tenant, Actor("system", reason=f"callback:{slug}"), slug, f"request:{asked}", asked
        )
