"""Call WeChat for a mini-program: logins, messages, codes, content checks, shipping; hold the access token.

Wire facts (paths, error codes, how tokens live) are those of the official server API of mini-programs at
``https://api.weixin.qq.com``.

No secret, token, code or phone number stands in the text, the ``repr`` or the traceback of an error raised
here. Because WeChat takes the secret in the query, an exception of ``requests`` would carry it; none is ever
chained. For the same reason a host must not log ``urllib3`` at DEBUG.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

import requests
from pydantic import JsonValue, ValidationError
from urllib3.exceptions import NameResolutionError, NewConnectionError

from integrations.wechat.wire import (
    MediaReply,
    MessageReply,
    PhoneReply,
    Reply,
    RiskReply,
    SessionReply,
    Suggestion,
    TextReply,
    TokenReply,
)

BASE_URL = "https://api.weixin.qq.com"

RENEW_BEFORE = timedelta(minutes=4)
"""How long before its end a token counts as used up.

WeChat hands out a new token from five minutes before the end of the old one, and both work until then. Asking
a minute later than that makes sure that what comes back is new, and that nobody is stopped while it is
fetched.
"""


class WechatError(Exception):
    """Tell that WeChat refused a call or could not be asked.

    ``code`` is the ``errcode`` of WeChat, None when there was none. ``retryable`` says whether the same call
    may succeed later; ``unknown`` that it may have had its effect although no answer came.
    """

    def __init__(self, code: int | None, message: str, retryable: bool = False, *, unknown: bool = False) -> None:
        super().__init__(code, message, retryable)
        self.code = code
        self.message = message
        self.retryable = retryable
        self.unknown = unknown

    def __str__(self) -> str:
        return self.message if self.code is None else f"WeChat answered {self.code}: {self.message}"


class InvalidCode(WechatError):
    """Tell that a login or phone code is unknown, used or too old: the mini-program must get a new one."""


class HighRisk(WechatError):
    """Tell that WeChat holds this person to be high-risk and does not log them in (40226)."""


class TooOften(WechatError):
    """Tell that a call was made too often: 45011 for a minute (retryable), 45009 for the day."""


class TokenRejected(WechatError):
    """Tell that an access token was refused, and the one fetched in its place too."""


class WechatUnavailable(WechatError):
    """Tell that there was no usable answer: no connection, too slow, busy (-1), an HTTP error, not JSON."""


_MEANING: Mapping[int, tuple[type[WechatError], bool]] = {
    -1: (WechatUnavailable, True),
    40029: (InvalidCode, False),
    40163: (InvalidCode, False),  # "code been used": not in the list of code2Session, yet seen from it
    40226: (HighRisk, False),
    45009: (TooOften, False),  # the day's quota of the app
    45011: (TooOften, True),
}
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG")
_TOKEN_REFUSED = frozenset({40001, 40014, 42001})


@dataclass(frozen=True, slots=True)
class Session:
    """Hold what a login code was worth. ``session_key`` never leaves the server and is never logged."""

    openid: str
    session_key: str = field(repr=False)
    unionid: str | None = None


@dataclass(frozen=True, slots=True)
class Phone:
    """Hold a phone number that WeChat has verified.

    ``number`` is as WeChat writes it, with the country code when it is not a Chinese one; ``pure_number`` is
    without; ``country_code`` is digits, such as ``"86"``. The numbers are left out of the repr.
    """

    number: str = field(repr=False)
    pure_number: str = field(repr=False)
    country_code: str


@dataclass(frozen=True, slots=True)
class Token:
    """Hold an access token and when it ends (UTC). Storage must take 512 characters or more."""

    value: str = field(repr=False)
    expires_at: datetime

    def is_fresh(self, now: datetime) -> bool:
        """Tell whether the token can still be used without asking for the next."""
        return now < self.expires_at - RENEW_BEFORE


class TokenStore(Protocol):
    """Keep one access token for each app, shared by all processes that call WeChat for it."""

    def get(self, appid: str) -> Token | None:
        """Return the token if it is fresh (`Token.is_fresh`); ask nobody."""
        ...

    def fetch_once(self, appid: str, fetch: Callable[[], Token], stale: str | None) -> Token:
        """Return a fresh token that is not ``stale``, calling ``fetch`` only when there is none.

        Of all callers at one time, in all processes, one calls ``fetch``; the others wait and get its token.
        ``stale`` is a token value that WeChat has refused: when it is still the one kept, it is dropped, and
        when another has already taken its place, that one is returned without fetching. ``fetch`` goes over
        the network (up to the sum of the client's timeouts): hold a lease while it runs, no transaction. What
        it raises passes through, and nothing is kept.
        """
        ...


class MemoryTokenStore:
    """Keep tokens in this process only: for tests and for programs of one process."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._tokens: dict[str, Token] = {}
        self._fetching: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def get(self, appid: str) -> Token | None:
        held = self._tokens.get(appid)
        return held if held is not None and held.is_fresh(self._clock()) else None

    def fetch_once(self, appid: str, fetch: Callable[[], Token], stale: str | None) -> Token:
        """Return a fresh token that is not ``stale``; one thread for each app fetches, the others wait."""
        with self._guard:
            fetching = self._fetching.setdefault(appid, threading.Lock())
        with fetching:
            held = self.get(appid)
            if held is not None and held.value != stale:
                return held
            self._tokens.pop(appid, None)
            token = self._tokens[appid] = fetch()
            return token


R = TypeVar("R", bound=Reply)
T = TypeVar("T")
Body = Mapping[str, JsonValue]


class WechatClient:
    """Call WeChat for one app. Safe to share between threads: each has a session of its own.

    ``base_url`` is `BASE_URL` or a fake's. ``session`` makes a session for a thread. ``timeout`` is (connect,
    read) in seconds. ``clock`` gives UTC and is what tokens are dated by.

    Only a call that was refused for its token is made again, once. Everything else that may succeed later is
    raised with ``retryable`` set: a login code is used up by the first call that reaches WeChat, so that
    trying again blindly would only turn a slow answer into an invalid code.
    """

    def __init__(
        self,
        base_url: str,
        appid: str,
        secret: str,
        tokens: TokenStore,
        session: Callable[[], requests.Session] = requests.Session,
        timeout: tuple[float, float] = (2, 5),
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._appid = appid
        self._secret = secret
        self._tokens = tokens
        self._make_session = session
        self._timeout = timeout
        self._clock = clock
        self._of_thread = threading.local()

    def __repr__(self) -> str:
        return f"WechatClient({self._base_url!r}, {self._appid!r})"

    def code_to_session(self, js_code: str) -> Session:
        """Exchange the code of ``wx.login`` for who it is. Needs no access token.

        Raises `InvalidCode`, `HighRisk`, `TooOften` (100 a minute for one person), `WechatUnavailable`, or
        `WechatError` for the rest (the app id or the secret is wrong, for one).
        """
        reply = self._call(
            SessionReply,
            "GET",
            "/sns/jscode2session",
            params={
                "appid": self._appid,
                "secret": self._secret,
                "js_code": js_code,
                "grant_type": "authorization_code",
            },
            hide=(js_code,),
        )
        return Session(reply.openid, reply.session_key, reply.unionid or None)

    def phone_number(self, code: str, openid: str | None = None) -> Phone:
        """Exchange the code of the quick-phone button (not the login code) for the person's phone number.

        A code lives five minutes and works once. With ``openid`` WeChat also checks that the code is that
        person's. Raises `InvalidCode`, `TooOften`, `TokenRejected`, `WechatUnavailable`, or `WechatError` for
        the rest.
        """
        body: dict[str, JsonValue] = {"code": code}
        if openid is not None:
            body["openid"] = openid
        info = self._call_with_token(PhoneReply, "/wxa/business/getuserphonenumber", body, hide=(code,)).phone_info
        return Phone(info.phoneNumber, info.purePhoneNumber, info.countryCode)

    def send_subscribed(
        self,
        openid: str,
        template: str,
        data: Mapping[str, str],
        *,
        page: str = "",
        state: str = "formal",
        lang: str = "zh_CN",
    ) -> str:
        """Send a subscribe message; return its number, "" where WeChat tells none.

        ``data`` is by keyword of the template (``thing1``), already within its limits; ``state`` is developer,
        trial or formal. A `WechatError` whose ``unknown`` is set may have reached the person.
        """
        body: dict[str, JsonValue] = {
            "touser": openid,
            "template_id": template,
            "data": {name: {"value": value} for name, value in data.items()},
            "miniprogram_state": state,
            "lang": lang,
        }
        if page:
            body["page"] = page
        hide = (openid, *data.values())
        return self._call_with_token(MessageReply, "/cgi-bin/message/subscribe/send", body, hide).msgid

    def mini_code(
        self, scene: str, page: str = "", *, env: str = "release", width: int = 430, transparent: bool = False
    ) -> bytes:
        """Return the picture of a mini-program code of the unlimited kind.

        ``scene`` has at most 32 characters, ``page`` neither a leading slash nor a query; ``env`` is release,
        trial or develop, ``width`` 280 to 1280 pixels. The page is not looked for, so that a code can be made
        before the page is published.
        """
        body: dict[str, JsonValue] = {
            "scene": scene,
            "check_path": False,
            "env_version": env,
            "width": width,
            "is_hyaline": transparent,
        }
        if page:
            body["page"] = page
        path = "/wxa/getwxacodeunlimit"

        def ask(token: str) -> bytes:
            content = self._exchange("POST", path, {"access_token": token}, body)
            if content.startswith(_PICTURES):
                return content
            self._understand(Reply, path, self._read(path, content), (token, scene))
            raise WechatUnavailable(None, f"{path} answered neither a picture nor an error")

        return self._with_token(ask)

    def check_text(self, openid: str, text: str, scene: int) -> Suggestion:
        """Return what WeChat thinks of a text of at most 2,500 characters; ``scene`` is 1 profile, 2 comment,
        3 forum, 4 social log.

        61010 means that the person was not in the mini-program within two hours.
        """
        body: Body = {"version": 2, "openid": openid, "scene": scene, "content": text}
        return self._call_with_token(TextReply, "/wxa/msg_sec_check", body, (openid, text)).result

    def check_media(self, openid: str, url: str, kind: int, scene: int) -> str:
        """Ask for a look at a sound (1) or a picture (2) at ``url``; return the trace of the verdict, which is
        pushed within half an hour.
        """
        body: Body = {"version": 2, "openid": openid, "scene": scene, "media_url": url, "media_type": kind}
        return self._call_with_token(MediaReply, "/wxa/media_check_async", body, (openid, url)).trace_id

    def risk_rank(self, openid: str, client_ip: str, *, scene: int = 1, phone: str = "") -> int:
        """Return how risky a person is, 0 to 4; ``scene`` is 0 at registration, 1 for marketing.

        43104 means that the open id is not this app's.
        """
        body: dict[str, JsonValue] = {
            "appid": self._appid,
            "openid": openid,
            "scene": scene,
            "client_ip": client_ip,
        }
        if phone:
            body["mobile_no"] = phone
        return self._call_with_token(RiskReply, "/wxa/getuserriskrank", body, (openid, client_ip, phone)).risk_rank

    def upload_shipping(self, shipment: Body) -> None:
        """Tell WeChat how what was paid for reaches the payer; the body is laid out by `shipping`.

        What is told again unchanged is refused with 10060023; a second change with 10060003.
        """
        self._call_with_token(Reply, "/wxa/sec/order/upload_shipping_info", shipment)

    def access_token(self, stale: str | None = None) -> str:
        """Return a token that works, fetching one if need be; ``stale`` is one that WeChat has refused."""
        held = self._tokens.get(self._appid)
        if held is not None and held.value != stale:
            return held.value
        return self._tokens.fetch_once(self._appid, self._fetch_token, stale).value

    def _fetch_token(self) -> Token:
        # Never with force_refresh: it ends the token others are using, and there are 20 a day.
        asked_at = self._clock()
        body: Body = {"grant_type": "client_credential", "appid": self._appid, "secret": self._secret}
        reply = self._call(TokenReply, "POST", "/cgi-bin/stable_token", body=body)
        return Token(reply.access_token, asked_at + timedelta(seconds=reply.expires_in))

    def _call_with_token(self, reply: type[R], path: str, body: Body, hide: tuple[str, ...] = ()) -> R:
        return self._with_token(
            lambda token: self._call(
                reply, "POST", path, params={"access_token": token}, body=body, hide=(*hide, token)
            )
        )

    def _with_token(self, call: Callable[[str], T]) -> T:
        """Make a call with the token; when the token is refused make it once more with another."""
        token = self._token_for_call()
        try:
            return _noticing_refusal(call, token)
        except TokenRejected:
            token = self._token_for_call(stale=token)
        return _noticing_refusal(call, token)

    def _token_for_call(self, stale: str | None = None) -> str:
        try:
            return self.access_token(stale)
        except WechatError as ex:
            ex.unknown = False  # whatever became of the token: the call itself was not made
            raise

    def _call(
        self,
        reply: type[R],
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Body | None = None,
        hide: tuple[str, ...] = (),
    ) -> R:
        """Make one call and read its answer; ``hide`` is what must not come back in the text of an error."""
        payload = self._read(path, self._exchange(method, path, params, body))
        return self._understand(reply, path, payload, hide)

    def _understand(self, reply: type[R], path: str, payload: JsonValue, hide: tuple[str, ...]) -> R:
        try:
            head = Reply.model_validate(payload)
        except ValidationError as ex:
            problem = _fields(ex)
        else:
            if head.errcode != 0:
                meaning, retryable = _MEANING.get(head.errcode, (WechatError, False))
                raise meaning(head.errcode, _without(head.errmsg, (self._secret, *hide)), retryable)
            try:
                return reply.model_validate(payload)
            except ValidationError as ex:
                problem = _fields(ex)
        # Raised out here so that the validation error, which quotes the answer, is not its context.
        raise WechatUnavailable(None, f"{path} answered without what was promised: {problem}", unknown=True)

    def _read(self, path: str, content: bytes) -> JsonValue:
        with contextlib.suppress(ValueError):
            payload: JsonValue = json.loads(content)
            return payload
        raise WechatUnavailable(None, f"{path} did not answer JSON", retryable=True, unknown=True)

    def _exchange(self, method: str, path: str, params: Mapping[str, str] | None, body: Body | None) -> bytes:
        """Return what WeChat answers with HTTP 200; raise `WechatUnavailable` when it does not."""
        retryable = unknown = True
        # WeChat shows \u-escapes as they are in some texts: they go out as UTF-8.
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        try:
            response = self._session().request(
                method,
                self._base_url + path,
                params=params,
                data=data,
                headers={} if data is None else {"Content-Type": "application/json"},
                timeout=self._timeout,
                allow_redirects=False,
            )
            if response.status_code == 200:
                return response.content
            failure = f"answered HTTP {response.status_code}"
            retryable = response.status_code >= 500 or response.status_code == 429
            unknown = response.status_code >= 500
        except requests.RequestException as ex:
            failure = f"could not be reached ({type(ex).__name__})"
            unknown = not _never_arrived(ex)
        # Raised out here so that an exception that quotes the URL with the secret is not its context.
        raise WechatUnavailable(None, f"{path} {failure}", retryable, unknown=unknown)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._of_thread, "session", None)
        if session is None:
            session = self._of_thread.session = self._make_session()
        return session


def _noticing_refusal(call: Callable[[str], T], token: str) -> T:
    """Make a call; raise `TokenRejected` when the token was refused."""
    try:
        return call(token)
    except WechatError as ex:
        # Not in `_MEANING`: from the token endpoint 40001 means a wrong secret; no new token cures it.
        if ex.code not in _TOKEN_REFUSED:
            raise
        refused = TokenRejected(ex.code, ex.message, retryable=True)
    raise refused


def _never_arrived(ex: requests.RequestException) -> bool:
    """Tell whether a failure is sure to have come before anything was sent."""
    if isinstance(ex, requests.ConnectTimeout):
        return True
    reason = getattr(ex.args[0], "reason", None) if ex.args else None
    return isinstance(reason, NewConnectionError | NameResolutionError)


def _without(message: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        if secret:
            message = message.replace(secret, "***")
    return message


def _fields(ex: ValidationError) -> str:
    """Name the fields that are wrong and how, without their values."""
    return "; ".join(
        f"{'.'.join(map(str, error['loc'])) or 'body'}: {error['type']}"
        for error in ex.errors(include_url=False, include_context=False, include_input=False)
    )
