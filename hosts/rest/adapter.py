"""Turn each declared endpoint into a falcon responder, once, at start.

The order of a call: token or tenant, audience, plugin on, permission, rate, key, input; then the function, in
a transaction (a GET: without one, and unable to write); then the reply as JSON. Nothing here looks at a
signature while a request waits.
"""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, TypeVar

import peewee
from falcon import Request, Response
from pydantic import BaseModel, TypeAdapter

from core import db
from core.contract.context import Context
from core.contract.remote import Remote
from core.contract.rest import Answer, Listing
from core.presuming import Presuming, may_presume
from core.runtime import Runtime
from core.words import PARTED, said_within
from hosts.rest import idempotency, inputs, ratelimit, uploads
from hosts.rest.caller import Callers, address_of
from hosts.rest.cursors import Cursors
from hosts.rest.idempotency import Reply
from hosts.rest.outside import OutsidePlaces
from hosts.rest.problems import not_found
from hosts.rest.routes import Route

T = TypeVar("T")
Responder = Callable[..., None]
Invoke = Callable[[Context, dict[str, Any]], Any]
JSON = "application/json"
_PARTED = json.dumps(PARTED)[1:-1].encode()


class Parts:
    """What responders share in one process."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.renew()

    def renew(self) -> None:
        """Make them anew: nothing is remembered of callers."""
        self.callers = Callers(self.runtime)
        self.limits = ratelimit.RateLimits(self.runtime)
        self.cursors = Cursors(self.runtime)
        self.outside = OutsidePlaces.of(self.runtime.settings)


def with_connection(work: Callable[[], T]) -> T:
    """Run what only reads with a connection; once more when the connection had died while it lay idle."""
    try:
        with db.connection():
            return work()
    except peewee.PeeweeException as ex:
        if not db.is_lost_connection(ex) or db.in_transaction():
            raise
        if not db.database.is_closed():
            db.database.close()
        db.database.close_idle()  # its neighbours in the pool died of the same restart
    with db.connection():
        return work()


class Adapted:
    """One endpoint, read once and ready to serve."""

    def __init__(self, parts: Parts, route: Route) -> None:
        endpoint, shape = route.endpoint, route.shape
        self.parts, self.route = parts, route
        self.public = endpoint.audience == "public"
        self.read_body = inputs.body_reader(shape)
        self.read_query = inputs.query_reader(shape)
        self.rate = ratelimit.parse(endpoint.rate, route.name) if endpoint.rate else None
        self.names = tuple(
            (position, name, kind) for position, (name, kind) in zip(route.positions, shape.path, strict=True)
        )
        brand = (place for place, name, _ in self.names if name == "tenant" and self.public)
        self.brand = next(brand, None)
        self.dump = _dumper(shape.reply)
        self.writes = endpoint.method != "GET"
        self.body_limit = parts.runtime.settings.body_limit
        # A rate is counted by who calls and a session's id is known by the database alone: those endpoints ask first.
        self.presumes = not (self.public or self.rate or route.shape.session)

    # the steps

    def identify(self, req: Request, raw: dict[str, str]) -> Context:
        """Return the context of the call; raise what refuses it before its input is looked at."""
        route, callers = self.route, self.parts.callers
        if self.public:
            ctx = callers.anonymous(req, route.slug, raw[self.brand] if self.brand else None)
        else:
            ctx = callers.signed_in(req, route.slug)
        self.admit(ctx)
        if self.rate is not None:
            address = address_of(req, self.parts.runtime.settings.trusted_proxies)
            self.parts.limits.check(ctx, self.rate, route.name, address)
        return ctx

    def presumed(self, req: Request, work: Callable[[Context], T]) -> T | None:
        """Do the work of a call for whom its token names, the question whether it is good going out with the first
        statement. Returns None where that was not so: then nothing was done, and the database is to be asked first.
        """
        if not (self.presumes and may_presume()):
            return None
        result: T | None = None
        with db.connection(), Presuming() as presuming:
            ctx = self.parts.callers.presumed(req, self.route.slug)
            if ctx is not None:
                self.admit(ctx)
                result = work(ctx)
        return result if presuming.held else None

    def admit(self, ctx: Context) -> None:
        """Raise what refuses a caller this endpoint."""
        route = self.route
        if route.slug != "core" and route.slug not in ctx.tenant.plugins:
            raise not_found()
        if not self.public:
            self.parts.callers.check_audience(ctx, route.endpoint.audience)
            if route.endpoint.permission is not None:
                ctx.require(route.endpoint.permission)

    def arguments(self, ctx: Context, req: Request, data: bytes, raw: dict[str, str]) -> dict[str, Any]:
        """Return what the function takes, each value checked."""
        shape = self.route.shape
        values: dict[str, Any] = {name: inputs.path_value(name, kind, raw[place]) for place, name, kind in self.names}
        query, page = self.read_query(req)
        if query is not None:
            values["query"] = query
        if page is not None:
            if page.cursor:
                inner = self.parts.cursors.open(ctx, self.route.path, page.cursor)
                page = page.model_copy(update={"cursor": inner})
            values["page"] = page
        if shape.data:
            values["data"] = uploads.upload_of(req, self.route.endpoint.upload)
        elif self.writes:
            body = self.read_body(req, data)
            if shape.body is not None:
                values["body"] = body
        if shape.session:
            values["session"] = req.context.session
        return values

    def reply(self, ctx: Context, result: Any) -> Reply:
        """Return the answer to a function's result."""
        if isinstance(result, Listing) and result.next_cursor is not None:
            sealed = self.parts.cursors.seal(ctx, self.route.path, result.next_cursor)
            result = result.model_copy(update={"next_cursor": sealed})
        if self.dump is None:
            return Reply(204, b"")
        return Reply(self.route.status, _in_language(self.dump(result), ctx.locale))

    # the kinds of call

    def read(self, req: Request, resp: Response, raw: dict[str, str]) -> None:
        """Serve a GET."""
        function: Any = self.route.endpoint.function

        def work(ctx: Context) -> tuple[Context, Any]:
            with db.read_only():
                return ctx, function(ctx, **self.arguments(ctx, req, b"", raw))

        ctx, result = self.presumed(req, work) or with_connection(lambda: work(self.identify(req, raw)))
        if isinstance(result, Answer):
            send_answer(resp, result)
        else:
            _send(resp, self.reply(ctx, result))

    def write(self, req: Request, resp: Response, raw: dict[str, str]) -> None:
        """Serve a write in one transaction, once for its Idempotency-Key."""
        endpoint = self.route.endpoint
        function: Any = endpoint.function
        data = inputs.read_bytes(req, self.body_limit)  # before a connection is held: the caller may be slow

        def once(ctx: Context) -> Reply:
            key = idempotency.read_key(req, required=endpoint.idempotent)
            values = self.arguments(ctx, req, data, raw)

            def work() -> Reply:
                return self.reply(ctx, function(ctx, **values))

            if key is None:
                return ctx.run(work)
            asked = idempotency.asked(ctx, self.route.name, key, req, data)
            if self.route.shape.key:
                values["key"] = asked.key
            return idempotency.once(ctx, asked, work)

        reply = self.presumed(req, once)
        if reply is None:
            with db.connection():
                reply = once(with_connection(lambda: self.identify(req, raw)))
        _send(resp, reply)

    def remote(self, req: Request, resp: Response, raw: dict[str, str]) -> None:
        """Serve an endpoint that calls the outside world: no connection is held over the call."""
        endpoint = self.route.endpoint
        assert isinstance(endpoint.function, type)
        steps: Remote = endpoint.function()
        keyed = self.writes and not endpoint.upload  # an upload is read by its own steps, and not compared
        data = inputs.read_bytes(req, self.body_limit) if keyed else b""
        ctx = with_connection(lambda: self.identify(req, raw))
        key = idempotency.read_key(req, required=endpoint.idempotent) if keyed else None
        values = self.arguments(ctx, req, data, raw)
        asked = None if key is None else idempotency.asked(ctx, self.route.name, key, req, data)
        if asked is not None and self.route.shape.key:
            values["key"] = asked.key
        with self.parts.outside.place(self.route.slug, upload=endpoint.upload > 0) as place:
            work = idempotency.RemoteWork(
                lambda: steps.prepare(ctx, **values),
                steps.waits,
                steps.call,
                lambda prepared, answer: self.reply(ctx, steps.complete(ctx, prepared, answer)),
            )
            reply = idempotency.remotely(ctx, asked, place.hold, work)
        _send(resp, reply)


def responder_of(parts: Parts, route: Route) -> Responder:
    """Return the function falcon calls for one route."""
    adapted = Adapted(parts, route)
    serve = adapted.remote if route.endpoint.remote else adapted.write if adapted.writes else adapted.read

    def respond(resource: object, req: Request, resp: Response, **raw: str) -> None:
        req.context.route, req.context.plugin = route.path, route.slug
        serve(req, resp, raw)

    respond.__doc__ = route.endpoint.function.__doc__
    return respond


def _send(resp: Response, reply: Reply) -> None:
    resp.status = reply.status
    if reply.status != 204:
        resp.content_type = JSON
        resp.data = reply.body


def send_answer(resp: Response, answer: Answer) -> None:
    """Send an answer as a plugin made it; raise NotFound when its file has gone."""
    resp.set_headers(dict(answer.headers))
    resp.status = answer.status
    if answer.status != 204:  # that has no content, and so no type
        resp.content_type = answer.content_type
    if answer.file is None:
        resp.data = answer.body.encode() if isinstance(answer.body, str) else answer.body
        return
    try:
        file = answer.file.open("rb")
    except FileNotFoundError:
        raise not_found() from None
    resp.content_length = os.fstat(file.fileno()).st_size
    resp.stream = _pieces(file)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file to its end and close it; also when whoever asked goes away."""
    with file:
        while piece := file.read(uploads.CHUNK):
            yield piece


def _in_language(data: bytes, locale: str) -> bytes:
    """Put words that are kept in two languages into the reader's; few replies have any."""
    if _PARTED not in data:
        return data
    return json.dumps(said_within(json.loads(data), locale), ensure_ascii=False, separators=(",", ":")).encode()


def _dumper(reply: Any) -> Callable[[Any], bytes] | None:
    """Return a function that writes a reply as JSON, or None where there is nothing to write."""
    if reply is None or reply is Answer:
        return None
    if isinstance(reply, type) and issubclass(reply, BaseModel):
        write = reply.__pydantic_serializer__.to_json
        model = reply

        def dump_model(result: Any) -> bytes:
            if not isinstance(result, model):
                result = model.model_validate(result, from_attributes=True)
            return write(result, by_alias=True)

        return dump_model
    adapter: TypeAdapter[Any] = TypeAdapter(reply)
    return lambda result: adapter.dump_json(adapter.validate_python(result, from_attributes=True), by_alias=True)
