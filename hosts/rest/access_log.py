"""One JSON line a request, its metrics, and its id in the answer. No query string, no body, no personal data."""

import time
from typing import Any

import structlog
from falcon import Request, Response

from hosts.rest.caller import begin, request_id
from hosts.rest.metrics import Metrics

log = structlog.get_logger("roost.access")
_QUIET = frozenset(("/healthz", "/readyz", "/metrics"))  # asked every few seconds by machines


class AccessLog:
    """Falcon middleware."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics

    def process_request(self, req: Request, resp: Response) -> None:
        """Start the clock and give the request its id."""
        begin(req)
        req.context.started = time.perf_counter()

    def process_response(self, req: Request, resp: Response, resource: Any, req_succeeded: bool) -> None:
        """Write the line; falcon calls this whatever happened."""
        seconds = time.perf_counter() - req.context.started
        context = req.context
        resp.set_header("X-Request-Id", request_id(req))
        if resp.get_header("Cache-Control") is None:  # files say themselves how long they may be kept
            resp.set_header("Cache-Control", "no-store")
        resp.set_header("X-Content-Type-Options", "nosniff")
        route = getattr(context, "route", None) or req.uri_template or ""
        status = resp.status_code
        self.metrics.seen(req.method, route, status, seconds)
        if route in _QUIET and status < 400:
            return
        log.info(
            "request",
            request_id=context.request_id,
            tenant=getattr(context, "tenant", ""),
            plugin=getattr(context, "plugin", ""),
            method=req.method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 2),
        )
