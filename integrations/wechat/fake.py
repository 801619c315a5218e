"""Speak WeChat's server API on this machine: for tests, for the demo, and for anyone without an app id.

Run it with ``python -m integrations.wechat.fake --port 9101``, or in a test ``with serve() as wechat:
wechat.url``.

Codes say what they stand for, so that a story needs no set-up:

- ``code-alice`` logs Alice in, once; ``code-alice#2`` is the next code of the same person; ``reuse-alice``
  never wears out.
- ``phone-13800001111`` is the quick-phone code of that number, once; ``phone-13800001111#2`` the next one of
  the same number; ``phone-852-91234567`` is one from abroad. `WechatFake.issue_phone_code` makes codes that
  die after five minutes.

What WeChat does and this does not: the frequency limits, the limits of ``force_refresh``, the white list of
addresses.

Beside the API: ``POST /_fake/fail`` makes calls fail (`Failure`), ``POST /_fake/expire_tokens`` ends all
tokens, ``GET /_fake/log`` shows what was asked, ``POST /_fake/reset`` forgets all.
"""

import argparse
import base64
import contextlib
import hashlib
import json
import secrets
import socketserver
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Literal
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import falcon
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

APPID = "wx0123456789abcdef"
SECRET = "fake-wechat-secret"

TOKEN_LIFE = timedelta(seconds=7200)
TOKEN_OVERLAP = timedelta(minutes=5)
PHONE_CODE_LIFE = timedelta(minutes=5)

Answer = dict[str, JsonValue]


class Failure(BaseModel):
    """Say how the next ``times`` calls of ``api`` go wrong.

    They answer ``errcode``, or the HTTP ``status``, or the raw ``body``; ``delay`` seconds (real ones) pass
    first, and a ``delay`` alone only slows them. With ``after`` the call has had its effect before its answer
    is lost.
    """

    model_config = ConfigDict(extra="forbid")

    api: Literal["code2session", "stable_token", "phone_number", "*"] = "*"
    errcode: int | None = None
    errmsg: str = "injected by the fake"
    status: int | None = Field(default=None, ge=300, le=599)
    body: str | None = None
    delay: float = Field(default=0, ge=0, le=60)
    times: int = Field(default=1, ge=1)
    after: bool = False


class _Refusal(Exception):
    def __init__(self, errcode: int, errmsg: str) -> None:
        super().__init__(errcode, errmsg)
        self.answer: Answer = {"errcode": errcode, "errmsg": f"{errmsg} rid: fake"}


@dataclass(frozen=True, slots=True)
class _PhoneCode:
    number: str
    country_code: str | int
    issued_at: datetime | None


class WechatFake:
    """Be one mini-program's WeChat, in memory. Safe to use from several threads; ``clock`` gives UTC."""

    def __init__(
        self,
        appid: str = APPID,
        secret: str = SECRET,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        unionids: bool = True,
    ) -> None:
        self.appid = appid
        self.secret = secret
        self.closing = threading.Event()  # wakes calls that are being delayed
        self._clock = clock
        self._unionids = unionids
        self._lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Forget used codes, tokens, failures and the log."""
        with self._lock:
            self._used: set[str] = set()
            self._phone_codes: dict[str, _PhoneCode] = {}
            self._tokens: dict[str, datetime] = {}
            self._current: str | None = None
            self._failures: list[Failure] = []
            self._log: deque[Answer] = deque(maxlen=10_000)

    # What a test or a story asks for

    @property
    def log(self) -> list[Answer]:
        """Return the calls so far, oldest first: ``api, method, path, query, body, status, answer``."""
        with self._lock:
            return list(self._log)

    def calls(self, api: str) -> list[Answer]:
        """Return the calls of one API so far."""
        return [entry for entry in self.log if entry["api"] == api]

    def fail(self, failure: Failure) -> None:
        """Make the next calls go wrong; failures are used up in the order they were given."""
        with self._lock:
            self._failures.append(failure)

    def expire_tokens(self) -> None:
        """End every token now: using one answers 42001, and asking gives a new one."""
        with self._lock:
            self._current = None
            self._tokens = dict.fromkeys(self._tokens, self._clock())

    def issue_phone_code(self, number: str, country_code: str | int = "86") -> str:
        """Return a new phone code for ``number`` (without country code) that lives five minutes from now."""
        with self._lock:
            code = secrets.token_hex(16)
            self._phone_codes[code] = _PhoneCode(number, country_code, self._clock())
            return code

    def openid(self, person: str) -> str:
        """Return the openid, 28 characters, by which this app always knows ``person`` (``"alice"``)."""
        return "o" + _stable(f"openid/{self.appid}/{person}", 27)

    # The API

    def code_to_session(self, query: Mapping[str, str]) -> Answer:
        """Answer code2Session."""
        self._check_app(query)
        if query.get("grant_type") != "authorization_code":
            raise _Refusal(40002, "invalid grant_type")
        code = query.get("js_code", "")
        kind, dash, rest = code.partition("-")
        person = rest.removeprefix("code-").partition("#")[0]
        if kind not in ("code", "reuse") or not dash or not person:
            raise _Refusal(40029, "invalid code")
        with self._lock:
            if kind == "code":
                self._use(code)
        answer: Answer = {
            "openid": self.openid(person),
            "session_key": base64.b64encode(secrets.token_bytes(16)).decode(),
        }
        if self._unionids:
            answer["unionid"] = "u" + _stable(f"unionid/{person}", 27)
        return answer

    def stable_token(self, body: Mapping[str, JsonValue]) -> Answer:
        """Answer getStableAccessToken: the next token comes five minutes early, and both are valid then."""
        self._check_app(body)
        if body.get("grant_type") != "client_credential":
            raise _Refusal(40002, "invalid grant_type")
        with self._lock:
            now = self._clock()
            if body.get("force_refresh") is True:
                self.expire_tokens()
            if self._current is None or now >= self._tokens[self._current] - TOKEN_OVERLAP:
                self._current = secrets.token_urlsafe(384)  # 512 characters
                self._tokens[self._current] = now + TOKEN_LIFE
            left = self._tokens[self._current] - now
            return {"access_token": self._current, "expires_in": int(left.total_seconds())}

    def phone_number(self, token: str, body: Mapping[str, JsonValue]) -> Answer:
        """Answer getPhoneNumber."""
        with self._lock:
            now = self._clock()
            self._check_token(token, now)
            phone = self._take_phone_code(str(body.get("code") or ""), now)
        abroad = str(phone.country_code) != "86"
        return {
            "errcode": 0,
            "errmsg": "ok",
            "phone_info": {
                "phoneNumber": f"+{phone.country_code}{phone.number}" if abroad else phone.number,
                "purePhoneNumber": phone.number,
                "countryCode": phone.country_code,
                "watermark": {"timestamp": int(now.timestamp()), "appid": self.appid},
            },
        }

    def _check_app(self, given: Mapping[str, object]) -> None:
        if not given.get("appid"):
            raise _Refusal(41002, "appid missing")
        if given["appid"] != self.appid:
            raise _Refusal(40013, "invalid appid")
        if not given.get("secret"):
            raise _Refusal(41004, "appsecret missing")
        if given["secret"] != self.secret:
            raise _Refusal(40125, "invalid appsecret")

    def _check_token(self, token: str, now: datetime) -> None:
        if not token:
            raise _Refusal(41001, "access_token missing")
        expires_at = self._tokens.get(token)
        if expires_at is None:
            raise _Refusal(40001, "invalid credential, access_token is invalid or not latest")
        if now >= expires_at:
            raise _Refusal(42001, "access_token expired")

    def _take_phone_code(self, code: str, now: datetime) -> _PhoneCode:
        phone = self._phone_codes.get(code)
        if phone is None and code.startswith("phone-"):
            prefix, _, number = code.partition("#")[0].removeprefix("phone-").rpartition("-")
            if number.isdigit() and (not prefix or prefix.isdigit()):
                # WeChat gives the country code as a string or an integer; the fake does both.
                phone = _PhoneCode(number, int(prefix) if prefix else "86", None)
        if phone is None or (phone.issued_at is not None and now >= phone.issued_at + PHONE_CODE_LIFE):
            raise _Refusal(40029, "invalid code")
        self._use(code)
        return phone

    def _use(self, code: str) -> None:
        if code in self._used:
            raise _Refusal(40029, "invalid code")
        self._used.add(code)

    # Between HTTP and the API

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
                    "path": req.path,
                    "query": {name: req.get_param(name) for name in req.params},
                    "body": _text(req.context.body),
                    "status": resp.status_code,
                    "answer": resp.text if resp.text is not None else resp.media,
                }
            )


class _Front:
    """Inject failures before or after a call, and log it."""

    def __init__(self, fake: WechatFake) -> None:
        self._fake = fake

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        req.context.body = req.bounded_stream.read()
        req.context.failure = None

    def process_resource(
        self, req: falcon.Request, resp: falcon.Response, resource: object, params: dict[str, str]
    ) -> None:
        if isinstance(resource, _Api):
            failure = req.context.failure = self._fake.take_failure(resource.name)
            if failure is not None and not failure.after:
                self._go_wrong(failure, resp)

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
            resp.media, resp.complete = {"errcode": failure.errcode, "errmsg": failure.errmsg}, True
        elif failure.status is not None or failure.body is not None:
            resp.status = failure.status or 200
            resp.text, resp.complete = failure.body or "<html>fake</html>", True
            if resp.status_code in range(300, 400):
                resp.set_header("Location", "/_fake/log")  # shows whether the caller goes there


class _Api:
    """Adapt one call of WeChat's API to falcon; a wrong method is refused inside HTTP 200, as WeChat does."""

    def __init__(self, name: str, method: str, answer: Callable[[falcon.Request], Answer]) -> None:
        self.name = name
        self._method = method
        self._answer = answer

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        if req.method != self._method:
            raise _Refusal(43002 if self._method == "POST" else 43001, f"require {self._method} method")
        resp.media = self._answer(req)

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
        except ValidationError as ex:
            raise falcon.HTTPBadRequest(title="Not a control call of the fake", description=str(ex)) from ex

    on_post = on_get


def create_app(fake: WechatFake) -> falcon.App[falcon.Request, falcon.Response]:
    """Return the WSGI application that speaks for ``fake``."""

    def fail(body: bytes) -> JsonValue:
        fake.fail(Failure.model_validate_json(body))
        return {"ok": True}

    def expire_tokens(body: bytes) -> JsonValue:
        fake.expire_tokens()
        return {"ok": True}

    def reset(body: bytes) -> JsonValue:
        fake.reset()
        return {"ok": True}

    def log(body: bytes) -> JsonValue:
        return {"requests": [*fake.log]}

    def code_to_session(req: falcon.Request) -> Answer:
        return fake.code_to_session({name: req.get_param(name) or "" for name in req.params})

    def stable_token(req: falcon.Request) -> Answer:
        return fake.stable_token(_object(req.context.body))

    def phone_number(req: falcon.Request) -> Answer:
        return fake.phone_number(req.get_param("access_token") or "", _object(req.context.body))

    def refuse(req: falcon.Request, resp: falcon.Response, ex: _Refusal, params: dict[str, object]) -> None:
        resp.media = ex.answer

    app = falcon.App(middleware=[_Front(fake)])
    app.add_error_handler(_Refusal, refuse)
    app.add_route("/sns/jscode2session", _Api("code2session", "GET", code_to_session))
    app.add_route("/cgi-bin/stable_token", _Api("stable_token", "POST", stable_token))
    app.add_route("/wxa/business/getuserphonenumber", _Api("phone_number", "POST", phone_number))
    app.add_route("/_fake/fail", _Control("POST", fail))
    app.add_route("/_fake/expire_tokens", _Control("POST", expire_tokens))
    app.add_route("/_fake/reset", _Control("POST", reset))
    app.add_route("/_fake/log", _Control("GET", log))
    return app


def _object(body: bytes) -> dict[str, JsonValue]:
    try:
        given: JsonValue = json.loads(body)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise _Refusal(47001, "data format error")
    return given


def _text(body: bytes) -> JsonValue:
    """Return a body as JSON if it is, as text otherwise."""
    try:
        value: JsonValue = json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
    return value


def _stable(text: str, length: int) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()[:length]


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128

    def server_bind(self) -> None:
        # HTTPServer looks its own name up in DNS here, which takes seconds on a machine that has none.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])
        self.setup_environ()


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the fake keeps a log of its own."""


class Running:
    """Hold a fake that is being served at ``url``; leaving the context, or `close`, stops it."""

    def __init__(self, fake: WechatFake, port: int) -> None:
        self.fake = fake
        self._server = _Server(("127.0.0.1", port), _QuietHandler)
        self._server.set_app(create_app(fake))
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="wechat-fake", daemon=True
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


def serve(port: int = 0, *, fake: WechatFake | None = None) -> Running:
    """Serve ``fake``, or a new one, on 127.0.0.1 in threads of this process; port 0 takes any free one."""
    return Running(fake or WechatFake(), port)


def main(argv: list[str] | None = None) -> None:
    """Serve a fake until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m integrations.wechat.fake", description="A WeChat on this machine.")
    parser.add_argument("--port", type=int, default=9101, help="0 takes any that is free (default: 9101)")
    parser.add_argument("--appid", default=APPID)
    parser.add_argument("--secret", default=SECRET)
    options = parser.parse_args(argv)
    with serve(options.port, fake=WechatFake(options.appid, options.secret)) as running:
        print(f"WeChat fake at {running.url}, app id {running.fake.appid}", flush=True)  # noqa: T201
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
