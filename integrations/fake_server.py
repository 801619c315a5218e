"""Serve a fake of an outside system: failures on demand, a log of calls, control calls, a threaded server.

Only the ``fake.py`` of an integration stands on this; nothing that runs for a brand imports either. A fake says what
the outside system answers, and has the rest from here::

    class SmsFake(Fake):
        def routes(self) -> Iterator[Route]:
            yield Route("POST", "/send", lambda call: self.send(call.json()), api="send")
            yield Route("GET", "/_fake/sent", lambda call: {"sent": [*self.sent]})

        def forget(self) -> None:
            self.sent: list[JsonValue] = []

        def error(self, errcode: int | str, errmsg: str) -> Answer:
            return Reply({"Code": errcode, "Message": errmsg}, 400)

        def send(self, order: JsonValue) -> Answer:
            if not isinstance(order, dict) or "phone" not in order:
                raise Refusal("MISSING_PHONE", "phone is required")
            with self.lock:
                self.sent.append(order)
            return {"Code": "OK"}

    with Running(SmsFake()) as sms:  # sms.url, sms.fake.sent, sms.fake.calls("send")
        sms.fake.fail(Failure(api="send", status=502, after=True))

Every fake answers ``POST /_fake/fail`` (a `Failure`: calls go wrong), ``GET /_fake/log`` (what was asked, and what was
answered) and ``POST /_fake/reset`` (forget all).
"""

import argparse
import contextlib
import json
import socketserver
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Generic, TypeVar
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import WSGIEnvironment

import falcon
from pydantic import BaseModel, ConfigDict, Field, JsonValue

LOG_LENGTH = 10_000


class Failure(BaseModel):
    """Say how the next ``times`` calls of ``api``, or of any, go wrong.

    They answer the system's own error ``errcode``, or the raw ``body``, each with the HTTP ``status`` if one is given,
    or just the ``status``. ``delay`` seconds (real ones) pass first, and a ``delay`` alone only slows them. With
    ``after`` the call has had its effect before its answer is lost.
    """

    model_config = ConfigDict(extra="forbid")

    api: str = "*"
    errcode: int | str | None = None
    errmsg: str = "injected by the fake"
    status: int | None = Field(default=None, ge=300, le=599)
    body: str | None = None
    delay: float = Field(default=0, ge=0, le=60)
    times: int = Field(default=1, ge=1)
    after: bool = False


class Refusal(Exception):
    """Refuse a call: it is answered what `Fake.error` makes of this."""

    def __init__(self, errcode: int | str, errmsg: str) -> None:
        super().__init__(errcode, errmsg)
        self.errcode = errcode
        self.errmsg = errmsg


@dataclass(frozen=True, slots=True)
class Call:
    """Show a call as it came: ``target`` is still encoded, header names are in capitals, ``params`` are the path's."""

    method: str
    target: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> JsonValue:
        """Return the body if it is JSON, else None."""
        with contextlib.suppress(ValueError):
            value: JsonValue = json.loads(self.body)
            return value
        return None


@dataclass(frozen=True, slots=True)
class Reply:
    """Say more of an answer than its JSON: bytes go out as they are, anything else as JSON."""

    body: JsonValue | bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Reply | JsonValue


@dataclass(frozen=True, slots=True)
class Route:
    """Bind a method and a path (a template of falcon's) to what answers it.

    ``api`` is how failures and the log call it. Without one it is a control call: it neither goes wrong on demand nor
    is logged, a ValueError is HTTP 400, and None is ``{"ok": true}``.
    """

    method: str
    path: str
    answer: Callable[[Call], Answer]
    api: str | None = None


class Fake:
    """Be an outside system, in memory. Safe to use from several threads; ``clock`` gives UTC.

    A subclass says `routes`, `error` and `forget`; what it keeps is changed under ``self.lock``.
    """

    def __init__(self, clock: Callable[[], datetime] | None = None) -> None:
        self.now = clock or (lambda: datetime.now(UTC))
        self.lock = threading.RLock()
        self.closing = threading.Event()  # wakes calls that are being delayed
        self.reset()

    # What a fake supplies

    def routes(self) -> Iterator[Route]:
        """Yield the calls of the system, and control calls beside those that every fake has."""
        raise NotImplementedError

    def error(self, errcode: int | str, errmsg: str) -> Answer:
        """Return what the system answers when it refuses, here or by a `Failure`."""
        raise NotImplementedError

    def forget(self) -> None:
        """Forget what was kept: `reset` calls it, first when the fake is made."""

    def check(self, call: Call) -> None:
        """Raise `Refusal` for a call that is not signed as it must be, or the like."""

    def wrong_method(self, call: Call, offered: str) -> Answer:
        """Return what a call of a known path with another method than ``offered`` is answered."""
        return _not_offered(call, offered)

    def noted(self, call: Call) -> dict[str, JsonValue]:
        """Return what the log says of a call as it came."""
        return {
            "method": call.method,
            "target": call.target,
            "query": dict(call.query),
            "body": readable(call.body),
        }

    # What a test or a story asks for

    def reset(self) -> None:
        """Forget all: what was kept, failures and the log."""
        with self.lock:
            self._failures: list[Failure] = []
            self._log: deque[dict[str, JsonValue]] = deque(maxlen=LOG_LENGTH)
            self.forget()

    @property
    def log(self) -> list[dict[str, JsonValue]]:
        """Return the calls so far, oldest first: ``api``, what is `noted`, ``status`` and ``answer``."""
        with self.lock:
            return list(self._log)

    def calls(self, api: str) -> list[dict[str, JsonValue]]:
        """Return the calls of one API so far."""
        return [entry for entry in self.log if entry["api"] == api]

    def fail(self, failure: Failure) -> None:
        """Make the next calls go wrong; failures are used up in the order they were given."""
        known = ["*", *sorted({route.api for route in self.routes() if route.api})]
        if failure.api not in known:
            raise ValueError(f"no api {failure.api!r} to fail: it is one of {', '.join(known)}")
        with self.lock:
            self._failures.append(failure.model_copy())  # it is counted down here

    # Between HTTP and the system

    def controls(self) -> Iterator[Route]:
        """Yield the control calls that every fake has."""
        yield Route("POST", "/_fake/fail", lambda call: self.fail(Failure.model_validate_json(call.body)))
        yield Route("POST", "/_fake/reset", lambda call: self.reset())
        yield Route("GET", "/_fake/log", lambda call: {"requests": [*self.log]})

    def answer(self, api: str, call: Call, act: Callable[[Call], Answer]) -> Reply:
        """Answer a call of the system: rightly, or as a failure has it; and log it."""
        failure = self._take_failure(api)
        wrong = None if failure is None or failure.after else self._go_wrong(failure)
        reply = wrong or self._act(call, act)
        if failure is not None and failure.after:
            reply = self._go_wrong(failure) or reply
        said = readable(reply.body) if isinstance(reply.body, bytes) else reply.body
        with self.lock:
            self._log.append({"api": api, **self.noted(call), "status": reply.status, "answer": said})
        return reply

    def _take_failure(self, api: str) -> Failure | None:
        with self.lock:
            for place, failure in enumerate(self._failures):
                if failure.api in (api, "*"):
                    failure.times -= 1
                    if failure.times == 0:
                        del self._failures[place]
                    return failure
        return None

    def _go_wrong(self, failure: Failure) -> Reply | None:
        self.closing.wait(failure.delay)
        if failure.errcode is not None:
            reply = _reply(self.error(failure.errcode, failure.errmsg))
        elif failure.status is not None or failure.body is not None:
            reply = Reply((failure.body or "<html>fake</html>").encode())
        else:
            return None
        status = failure.status or reply.status
        if status in range(300, 400):  # leads to the log, which shows whether the caller went there
            return Reply(reply.body, status, {"Location": "/_fake/log"})
        return Reply(reply.body, status, reply.headers)

    def _act(self, call: Call, act: Callable[[Call], Answer]) -> Reply:
        try:
            self.check(call)
            return _reply(act(call))
        except Refusal as ex:
            return _reply(self.error(ex.errcode, ex.errmsg))


class _Resource:
    """Adapt the calls of one path to falcon."""

    def __init__(self, fake: Fake, routes: list[Route]) -> None:
        self._fake = fake
        self._routes = {route.method: route for route in routes}
        self._api = routes[0].api

    def on_get(self, req: falcon.Request, resp: falcon.Response, **params: str) -> None:
        call = Call(
            method=req.method,
            target=str(req.env.get("REQUEST_URI") or req.relative_uri),
            path=req.path,
            params=params,
            query={name: req.get_param(name) or "" for name in req.params},
            headers=req.headers,
            body=req.bounded_stream.read(),
        )
        route = self._routes.get(req.method)
        offered = ", ".join(self._routes)
        if self._api is None:
            reply = _control(call, route.answer) if route else _not_offered(call, offered)
        elif route:
            reply = self._fake.answer(route.api or self._api, call, route.answer)
        else:
            reply = self._fake.answer(self._api, call, lambda call: self._fake.wrong_method(call, offered))
        resp.status = reply.status
        resp.set_headers(dict(reply.headers))
        if isinstance(reply.body, bytes):
            resp.data = reply.body
        else:
            resp.media = reply.body

    on_head = on_post = on_put = on_patch = on_delete = on_get


def create_app(fake: Fake) -> falcon.App[falcon.Request, falcon.Response]:
    """Return the WSGI application that speaks for ``fake``."""
    paths: dict[str, list[Route]] = {}
    for route in (*fake.routes(), *fake.controls()):
        paths.setdefault(route.path, []).append(route)
    app = falcon.App()
    for path, routes in paths.items():
        app.add_route(path, _Resource(fake, routes))
    return app


def _control(call: Call, act: Callable[[Call], Answer]) -> Reply:
    try:
        answer = act(call)
    except ValueError as ex:  # pydantic's are among them
        return Reply({"title": "Not a control call of the fake", "description": str(ex)}, 400)
    return _reply({"ok": True} if answer is None else answer)


def _not_offered(call: Call, offered: str) -> Reply:
    return Reply({"title": f"{call.method} is not offered here: {offered} is"}, 405, {"Allow": offered})


def _reply(answer: Answer) -> Reply:
    return answer if isinstance(answer, Reply) else Reply(answer)


def readable(body: bytes) -> JsonValue:
    """Return a body as JSON if it is, as text otherwise."""
    try:
        value: JsonValue = json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
    return value


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128

    def server_bind(self) -> None:
        # HTTPServer looks its own name up in DNS here, which takes seconds on a machine that has none.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])
        self.setup_environ()


class _QuietHandler(WSGIRequestHandler):
    def get_environ(self) -> WSGIEnvironment:
        # PATH_INFO is decoded; a signature is over what was sent.
        environ: WSGIEnvironment = super().get_environ()
        environ["REQUEST_URI"] = self.path
        return environ

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the fake keeps a log of its own."""


AnyFake = TypeVar("AnyFake", bound=Fake)


class Running(Generic[AnyFake]):
    """Hold a fake that is served at ``url``, by threads of this process; leaving the context, or `close`, stops it.

    Port 0 takes any that is free.
    """

    def __init__(self, fake: AnyFake, port: int = 0) -> None:
        self.fake = fake
        self._server = _Server(("127.0.0.1", port), _QuietHandler)
        self._server.set_app(create_app(fake))
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.02},
            name=type(fake).__name__,
            daemon=True,
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving, waking calls that are being delayed."""
        self.fake.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def stay(self, notice: str) -> None:
        """Print a notice and serve until the process is interrupted."""
        print(notice, flush=True)  # noqa: T201
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()

    def __enter__(self) -> "Running[AnyFake]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def command_line(module: str, description: str, *, port: int) -> argparse.ArgumentParser:
    """Return a parser of ``--port``, to which a fake adds its own options."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument("--port", type=int, default=port, help=f"0 takes any that is free (default: {port})")
    return parser
