"""Speak the protocol of the SaaS on this machine: for tests, for the demo, and without an account.

Run it with ``python -m integrations.qinniao.fake --port 9102 --callback URL``, or in a test
``with serve() as saas: saas.url``.

It checks signatures and nonces, takes leads, matches members by phone and gives out lists by cursor, as
`integrations.qinniao.client` says. Beside the protocol:

- ``POST /_fake/push`` signs an event and delivers it to the callback URL (`Push`); it answers what the
  callback answered. It delivers as often as it is told to; the repetitions of a real SaaS, from 15 s to 6 h,
  are for the caller to play.
- ``POST /_fake/callback {url}`` sets the callback URL; ``POST /_fake/items {kind, items}`` puts items into a
  list without telling anyone, like a push that was lost.
- ``POST /_fake/fail`` makes calls fail (`Failure`), ``GET /_fake/log`` shows what was asked, ``GET
  /_fake/leads`` what was taken, ``POST /_fake/reset`` forgets all.
"""

import argparse
import base64
import contextlib
import json
import socketserver
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Literal
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import WSGIEnvironment

import falcon
import requests
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from integrations.qinniao.client import MAX_PAGE, Code, Signed
from integrations.qinniao.signing import (
    NONCE_SECONDS,
    SIGNATURE,
    BadSignature,
    HmacSigner,
    Reason,
    Signer,
    verify,
)
from integrations.qinniao.wire import KINDS, Kind

APP_ID = "roost-demo"
SECRET = "fake-qinniao-secret"

PUSH_TIMEOUT_SECONDS = 5
OLD = timedelta(hours=1)

Item = dict[str, JsonValue]

KIND_OF_EVENT: Mapping[str, Kind] = {
    "member": "members",
    "card": "cards",
    "booking": "bookings",
    "checkin": "checkins",
    "order": "orders",
}
"""The list in which the data of an event stands, by the first word of its type; a refund has its own."""

DEMO_ITEMS: Mapping[Kind, tuple[Item, ...]] = {
    "stores": (
        {"id": "001", "store_id": "001", "name": "江湾店"},
        {"id": "002", "store_id": "002", "name": "苏河店"},
        {"id": "003", "store_id": "003", "name": "云栖店"},
    ),
    "staff": (
        {"id": "s-101", "store_id": "001", "name": "周岚", "role": "coach"},
        {"id": "s-201", "store_id": "002", "name": "陆远", "role": "sales"},
    ),
    "members": (
        {"id": "m-1", "store_id": "001", "phone": "13900000001", "name": "沈知夏", "status": "active"},
        {"id": "m-2", "store_id": "002", "phone": "13900000002", "name": "何砚", "status": "expired"},
    ),
}
"""What the command line starts with: three stores, two of staff, a member and a lapsed one."""

_CODE_OF_REASON: Mapping[Reason, Code] = {
    "missing_header": Code.BAD_SIGNATURE,
    "malformed_header": Code.BAD_SIGNATURE,
    "wrong_signature": Code.BAD_SIGNATURE,
    "outside_window": Code.OUTSIDE_WINDOW,
    "unknown_app": Code.UNKNOWN_APP,
}


class Failure(BaseModel):
    """Say how the next ``times`` calls of ``api`` (a kind of list, or ``leads``) go wrong.

    They answer an envelope with the code ``errcode``, or the HTTP ``status``, or the raw ``body``; ``delay``
    seconds (real ones) pass first, and a ``delay`` alone only slows them. With ``after`` the call has had its
    effect before its answer is lost. With ``errcode`` and ``status`` the envelope comes with that HTTP
    status.
    """

    model_config = ConfigDict(extra="forbid")

    api: Kind | Literal["leads", "*"] = "*"
    errcode: int | None = None
    msg: str = "injected by the fake"
    status: int | None = Field(default=None, ge=300, le=599)
    body: str | None = None
    delay: float = Field(default=0, ge=0, le=60)
    times: int = Field(default=1, ge=1)
    after: bool = False


class Push(BaseModel):
    """Say what to push, and how badly.

    ``data`` is an item: what it lacks (``id``, ``version``, ``updated_at``, ``deleted``) is filled in, and,
    with ``keep``, the list of its kind takes it, so that a pull agrees. ``times`` deliveries carry the same
    event, each with a timestamp and a nonce of its own, unless ``nonce`` is given. ``old_timestamp`` signs as
    of an hour ago.
    """

    model_config = ConfigDict(extra="forbid")

    event_type: str = Field(min_length=1)
    data: dict[str, JsonValue] = Field(default_factory=dict)
    store_id: str | None = None
    event_id: str | None = None
    occurred_at: AwareDatetime | None = None
    version: int | None = None
    times: int = Field(default=1, ge=1, le=1000)
    bad_signature: bool = False
    old_timestamp: bool = False
    nonce: str | None = None
    keep: bool = True


class Seed(BaseModel):
    """Name items to put into a list."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    items: list[dict[str, JsonValue]]


class Callback(BaseModel):
    """Name where to push events to, None for nowhere."""

    model_config = ConfigDict(extra="forbid")

    url: str | None


class Lead(BaseModel):
    """Read a lead that is pushed to us."""

    model_config = ConfigDict(extra="ignore")

    external_id: str = Field(min_length=1)
    phone: str = Field(pattern=r"^\+?[0-9]{5,20}$")
    name: str | None = None
    store_id: str | None = None
    source: str = Field(min_length=1)
    referrer: str | None = None


class _Refusal(Exception):
    def __init__(self, code: Code, msg: str) -> None:
        super().__init__(code, msg)
        self.code = code
        self.msg = msg


class QinniaoFake:
    """Be one brand's SaaS, in memory. Safe to use from several threads; ``clock`` gives UTC."""

    def __init__(
        self,
        app_id: str = APP_ID,
        secret: str = SECRET,
        *,
        callback_url: str | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.app_id = app_id
        self.callback_url = callback_url
        self.closing = threading.Event()  # wakes calls that are being delayed
        self._secret = secret
        self._clock = clock
        self._lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Forget items, leads, nonces, failures and the log; the callback URL stays."""
        with self._lock:
            self._items: dict[Kind, dict[str, tuple[int, Item]]] = {kind: {} for kind in KINDS}
            self._changes = 0
            self._leads: dict[str, Item] = {}
            self._nonces: dict[str, datetime] = {}
            self._failures: list[Failure] = []
            self._log: deque[Item] = deque(maxlen=10_000)

    # What a test or a story asks for

    @property
    def log(self) -> list[Item]:
        """Return the calls so far, oldest first: ``api, method, target, nonce, body, status, answer``."""
        with self._lock:
            return list(self._log)

    def calls(self, api: str) -> list[Item]:
        """Return the calls of one API (a kind, or ``leads``) so far."""
        return [entry for entry in self.log if entry["api"] == api]

    @property
    def leads(self) -> list[Item]:
        """Return the leads that were taken, oldest first."""
        with self._lock:
            return [dict(lead) for lead in self._leads.values()]

    def items(self, kind: Kind) -> list[Item]:
        """Return a list as it is, in the order in which its items last changed."""
        with self._lock:
            return [dict(item) for _, item in sorted(self._items[kind].values(), key=lambda entry: entry[0])]

    def fail(self, failure: Failure) -> None:
        """Make the next calls go wrong; failures are used up in the order they were given."""
        with self._lock:
            self._failures.append(failure)

    def put(self, kind: Kind, item: Mapping[str, JsonValue], *, keep: bool = True) -> Item:
        """Put an item into a list, over what it was before, and return it whole.

        Without a ``version`` it gets the next one; with one that is lower than that of the item there, the
        list stays as it is.
        """
        with self._lock:
            key = str(item.get("id") or f"{kind}-{uuid.uuid4().hex[:12]}")
            _, before = self._items[kind].get(key, (0, Item()))
            version = before.get("version", 0)
            assert isinstance(version, int)
            fresh: Item = {"deleted": False, "version": version + 1, "updated_at": self._clock().isoformat()}
            after = {**before, **fresh, **item, "id": key}
            later = after["version"]
            if keep and isinstance(later, int) and later >= version:
                self._changes += 1
                self._items[kind][key] = (self._changes, after)
            return dict(after)

    def push(self, push: Push) -> Item:
        """Deliver an event to the callback URL; return its id and what each delivery was answered.

        A delivery is ``{status, body}``, or ``{status: null, error}`` when nobody answered within five
        seconds.
        """
        url = self.callback_url
        if url is None:
            raise ValueError("no callback URL is set: POST /_fake/callback first")
        now = self._clock()
        data: Item = {**push.data}
        if push.version is not None:
            data["version"] = push.version
        if push.store_id is not None:
            data.setdefault("store_id", push.store_id)
        kind = _kind_of(push.event_type)
        if kind is not None:
            data = self.put(kind, data, keep=push.keep)
        event: Item = {
            "event_id": push.event_id or f"evt-{uuid.uuid4().hex}",
            "event_type": push.event_type,
            "occurred_at": (push.occurred_at or now).isoformat(),
            "store_id": push.store_id,
            "data": data,
        }
        body = json.dumps(event, ensure_ascii=False).encode()
        signer = self._signer(push)
        return {
            "event_id": event["event_id"],
            "event": event,
            "deliveries": [self._deliver(url, body, signer) for _ in range(push.times)],
        }

    def _signer(self, push: Push) -> Signer:
        age = OLD if push.old_timestamp else timedelta(0)
        nonce = push.nonce
        signer = HmacSigner(
            self.app_id,
            self._secret,
            clock=lambda: self._clock() - age,
            nonce=lambda: nonce if nonce is not None else uuid.uuid4().hex,
        )
        return _Forger(signer) if push.bad_signature else signer

    def _deliver(self, url: str, body: bytes, signer: Signer) -> Item:
        try:
            response = requests.post(
                url,
                data=body,
                headers={"Content-Type": "application/json"},
                auth=Signed(signer),
                timeout=PUSH_TIMEOUT_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as ex:
            return {"status": None, "error": type(ex).__name__}
        return {"status": response.status_code, "body": _text(response.content)}

    # The protocol

    def check(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> None:
        """Refuse a call that is not signed by our app, or whose nonce was seen within ten minutes."""
        now = self._clock()
        try:
            caller = verify(self._secret, method, target, headers, body, now=now, app_id=self.app_id)
        except BadSignature as ex:
            raise _Refusal(_CODE_OF_REASON[ex.reason], str(ex)) from ex
        with self._lock:
            kept_from = now - timedelta(seconds=NONCE_SECONDS)
            self._nonces = {nonce: at for nonce, at in self._nonces.items() if at > kept_from}
            if caller.nonce in self._nonces:
                raise _Refusal(Code.NONCE_USED, "this nonce was used before")
            self._nonces[caller.nonce] = now

    def take_lead(self, body: bytes) -> Item:
        """Answer a pushed lead: the first of its ``external_id`` stands."""
        try:
            lead = Lead.model_validate_json(body)
        except ValidationError as ex:
            raise _Refusal(Code.INVALID, "; ".join(str(error["loc"]) for error in ex.errors())) from ex
        with self._lock:
            taken = self._leads.get(lead.external_id)
            created = taken is None
            if taken is None:
                member = next((item for item in self.items("members") if _has_phone(item, lead.phone)), None)
                taken = {
                    **lead.model_dump(),
                    "lead_id": f"lead-{len(self._leads) + 1}",
                    "member_id": None if member is None else member["id"],
                }
                self._leads[lead.external_id] = taken
            return {"lead_id": taken["lead_id"], "created": created, "member_id": taken["member_id"]}

    def list_page(self, kind: Kind, query: Mapping[str, str]) -> Item:
        """Answer a page of a list: ``cursor``, ``limit``, ``updated_since``, and ``phone`` for members."""
        limit = query.get("limit", str(MAX_PAGE))
        if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= MAX_PAGE):
            raise _Refusal(Code.INVALID, f"limit is 1 to {MAX_PAGE}")
        after = _read_cursor(kind, query["cursor"]) if query.get("cursor") else 0
        since = _read_time(query["updated_since"]) if query.get("updated_since") else None
        with self._lock:
            entries = sorted(self._items[kind].values(), key=lambda entry: entry[0])
        found = [
            (place, item)
            for place, item in entries
            if place > after
            and (since is None or _read_time(str(item["updated_at"])) >= since)
            and ("phone" not in query or (kind == "members" and _has_phone(item, query["phone"])))
        ]
        page = found[: int(limit)]
        last = page[-1][0] if page else after
        return {
            "items": [dict(item) for _, item in page],
            "next_cursor": _write_cursor(kind, last),
            "has_more": len(found) > len(page),
        }

    # Between HTTP and the protocol

    def take_failure(self, api: str) -> Failure | None:
        """Return how this call of ``api`` is to go wrong, if it is, and count it."""
        with self._lock:
            for place, failure in enumerate(self._failures):
                if failure.api in (api, "*"):
                    failure.times -= 1
                    if failure.times == 0:
                        del self._failures[place]
                    return failure
        return None

    def record(self, api: str, req: falcon.Request, resp: falcon.Response) -> None:
        """Add a call to the log, with what was answered."""
        with self._lock:
            self._log.append(
                {
                    "api": api,
                    "method": req.method,
                    "target": _target(req),
                    "nonce": req.get_header("X-Nonce"),
                    "body": _text(req.context.body),
                    "status": resp.status_code,
                    "answer": resp.text if resp.text is not None else resp.media,
                }
            )


class _Forger:
    """Sign with a signature that is not the right one."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def headers(self, method: str, path_and_query: str, body: bytes) -> Mapping[str, str]:
        honest = self._signer.headers(method, path_and_query, body)
        return {**honest, SIGNATURE: honest[SIGNATURE][::-1]}

    def renew(self) -> None:
        self._signer.renew()


class _Front:
    """Inject failures before or after a call, check its signature, and log it."""

    def __init__(self, fake: QinniaoFake) -> None:
        self._fake = fake

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        req.context.body = req.bounded_stream.read()
        req.context.failure = None

    def process_resource(
        self, req: falcon.Request, resp: falcon.Response, resource: object, params: dict[str, str]
    ) -> None:
        if not isinstance(resource, _Api):
            return
        failure = req.context.failure = self._fake.take_failure(resource.name)
        if failure is not None and not failure.after:
            self._go_wrong(failure, resp)
        if not resp.complete:
            self._fake.check(req.method, _target(req), req.headers, req.context.body)

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        if isinstance(resource, _Api):
            failure: Failure | None = req.context.failure
            if failure is not None and failure.after:
                self._go_wrong(failure, resp)
            self._fake.record(resource.name, req, resp)

    def _go_wrong(self, failure: Failure, resp: falcon.Response) -> None:
        if failure.delay:
            self._fake.closing.wait(failure.delay)
        if failure.errcode is not None:
            resp.media, resp.complete = _envelope(failure.errcode, failure.msg), True
        elif failure.status is not None or failure.body is not None:
            resp.text, resp.complete = failure.body or "<html>fake</html>", True
        if failure.status is not None:
            resp.status = failure.status
            if failure.status in range(300, 400):
                resp.set_header("Location", "/_fake/log")  # shows whether the caller goes there


class _Api:
    """Adapt one call of the protocol to falcon; errors are envelopes inside HTTP 200."""

    def __init__(self, name: str, method: str, answer: Callable[[falcon.Request], Item]) -> None:
        self.name = name
        self._method = method
        self._answer = answer

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        if req.method != self._method:
            raise _Refusal(Code.NOT_FOUND, f"{req.method} is not offered here")
        resp.media = _envelope(Code.OK, "ok", self._answer(req))

    on_post = on_get


class _Control:
    """Adapt one control call to falcon: what it is given is JSON, and so is what it gives."""

    def __init__(self, method: str, act: Callable[[bytes], JsonValue]) -> None:
        self._method = method
        self._act = act

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        if req.method != self._method:
            raise falcon.HTTPMethodNotAllowed([self._method])
        try:
            resp.media = self._act(req.context.body)
        except ValueError as ex:  # pydantic's are among them
            raise falcon.HTTPBadRequest(title="Not a control call of the fake", description=str(ex)) from ex

    on_post = on_get


def create_app(fake: QinniaoFake) -> falcon.App[falcon.Request, falcon.Response]:
    """Return the WSGI application that speaks for ``fake``."""

    def push(body: bytes) -> JsonValue:
        return fake.push(Push.model_validate_json(body))

    def callback(body: bytes) -> JsonValue:
        fake.callback_url = Callback.model_validate_json(body).url
        return {"url": fake.callback_url}

    def items(body: bytes) -> JsonValue:
        seed = Seed.model_validate_json(body)
        return {"items": [fake.put(seed.kind, item) for item in seed.items]}

    def fail(body: bytes) -> JsonValue:
        fake.fail(Failure.model_validate_json(body))
        return {"ok": True}

    def reset(body: bytes) -> JsonValue:
        fake.reset()
        return {"ok": True}

    def log(body: bytes) -> JsonValue:
        return {"requests": [*fake.log]}

    def leads(body: bytes) -> JsonValue:
        return {"leads": [*fake.leads]}

    def lister(kind: Kind) -> Callable[[falcon.Request], Item]:
        return lambda req: fake.list_page(kind, {name: req.get_param(name) or "" for name in req.params})

    def refuse(req: falcon.Request, resp: falcon.Response, ex: _Refusal, params: dict[str, object]) -> None:
        resp.media = _envelope(ex.code, ex.msg)

    app = falcon.App(middleware=[_Front(fake)])
    app.add_error_handler(_Refusal, refuse)
    for kind in KINDS:
        app.add_route(f"/v1/{kind}", _Api(kind, "GET", lister(kind)))
    app.add_route("/v1/leads", _Api("leads", "POST", lambda req: fake.take_lead(req.context.body)))
    app.add_route("/_fake/push", _Control("POST", push))
    app.add_route("/_fake/callback", _Control("POST", callback))
    app.add_route("/_fake/items", _Control("POST", items))
    app.add_route("/_fake/fail", _Control("POST", fail))
    app.add_route("/_fake/reset", _Control("POST", reset))
    app.add_route("/_fake/log", _Control("GET", log))
    app.add_route("/_fake/leads", _Control("GET", leads))
    return app


def _envelope(code: int, msg: str, data: JsonValue = None) -> Item:
    return {"code": int(code), "msg": msg, "data": data, "request_id": uuid.uuid4().hex}


def _target(req: falcon.Request) -> str:
    """Return the request target as it came over the wire: it is what was signed."""
    target = req.env.get("REQUEST_URI")
    return target if isinstance(target, str) else req.relative_uri


def _kind_of(event_type: str) -> Kind | None:
    if event_type == "order.refunded":
        return "refunds"
    return KIND_OF_EVENT.get(event_type.partition(".")[0])


def _has_phone(item: Item, phone: str) -> bool:
    return str(item.get("phone")).removeprefix("+86") == phone.removeprefix("+86")


def _write_cursor(kind: Kind, place: int) -> str:
    return base64.urlsafe_b64encode(f"{kind}:{place}".encode()).decode()


def _read_cursor(kind: Kind, cursor: str) -> int:
    try:
        name, _, place = base64.urlsafe_b64decode(cursor).decode().partition(":")
        if name == kind:
            return int(place)
    except ValueError:
        pass
    raise _Refusal(Code.INVALID, f"not a cursor of {kind}")


def _read_time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise _Refusal(Code.INVALID, "a time is RFC 3339 with its offset")
    return time


def _text(body: bytes) -> JsonValue:
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


class Running:
    """Hold a fake that is being served at ``url``; leaving the context, or `close`, stops it."""

    def __init__(self, fake: QinniaoFake, port: int) -> None:
        self.fake = fake
        self._server = _Server(("127.0.0.1", port), _QuietHandler)
        self._server.set_app(create_app(fake))
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.02},
            name="qinniao-fake",
            daemon=True,
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving, waking calls that are being delayed."""
        self.fake.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> "Running":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve(port: int = 0, *, fake: QinniaoFake | None = None) -> Running:
    """Serve ``fake``, or a new one, on 127.0.0.1 in threads of this process; port 0 takes any free one."""
    return Running(fake or QinniaoFake(), port)


def main(argv: list[str] | None = None) -> None:
    """Serve a fake until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m integrations.qinniao.fake", description="A SaaS of our own.")
    parser.add_argument("--port", type=int, default=9102, help="0 takes any that is free (default: 9102)")
    parser.add_argument("--callback", help="where to push events to; POST /_fake/callback sets it later")
    parser.add_argument("--app-id", default=APP_ID)
    parser.add_argument("--secret", default=SECRET)
    parser.add_argument("--empty", action="store_true", help="start without the stores, staff and members of the demo")
    options = parser.parse_args(argv)
    fake = QinniaoFake(options.app_id, options.secret, callback_url=options.callback)
    if not options.empty:
        for kind, items in DEMO_ITEMS.items():
            for item in items:
                fake.put(kind, item)
    with serve(options.port, fake=fake) as running:
        print(f"SaaS fake at {running.url}, app id {fake.app_id}", flush=True)  # noqa: T201
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
