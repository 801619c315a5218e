"""Call WeChat for a mini-program: log a person in, learn their phone number, hold the access token.

Wire facts (paths, error codes, how tokens live) are those of the official server API of mini-programs:
code2Session, getStableAccessToken and getPhoneNumber at ``https://api.weixin.qq.com``.

No secret, token, code or phone number stands in the text, the ``repr`` or the traceback of an error raised
here. Because WeChat takes the secret in the query, an exception of ``requests`` would carry it; none is ever
chained. For the same reason a host must not log ``urllib3`` at DEBUG.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

import requests
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

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
    may succeed later.
    """

    def __init__(self, code: int | None, message: str, retryable: bool = False) -> None:
        super().__init__(code, message, retryable)
        self.code = code
        self.message = message
        self.retryable = retryable

    def __str__(self) -> str:
        return self.message if self.code is None else f"WeChat answered {self.code}: {self.message}"


class InvalidCode(WechatError):
    """Tell that a login or phone code is unknown, used or too old: the mini-program must get a new one."""


class HighRisk(WechatError):
    """Tell that WeChat holds this person to be high-risk and does not log them in (40226)."""


class TooOften(WechatError):
    """Tell that a call was made too often (45011), for a person or for the app: try again in a minute."""


class TokenRejected(WechatError):
    """Tell that an access token was refused, and the one fetched in its place too."""


class WechatUnavailable(WechatError):
    """Tell that there was no usable answer: no connection, too slow, busy (-1), an HTTP error, not JSON."""


_MEANING: Mapping[int, tuple[type[WechatError], bool]] = {
    -1: (WechatUnavailable, True),
    40029: (InvalidCode, False),
    40163: (InvalidCode, False),  # "code been used": not in the list of code2Session, yet seen from it
    40226: (HighRisk, False),
    45011: (TooOften, True),
}
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
        """Return the token if it is fresh."""
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


class _Reply(BaseModel):
    """Read what every answer of WeChat may carry; unknown fields are left alone."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    errcode: int = 0
    errmsg: str = ""


class _SessionReply(_Reply):
    openid: str = Field(min_length=1)
    session_key: str
    unionid: str | None = None


class _TokenReply(_Reply):
    access_token: str = Field(min_length=1)
    expires_in: int = Field(gt=0)


class _PhoneInfo(BaseModel):
    # countryCode comes as a string or as an integer
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    phoneNumber: str = Field(min_length=1)
    purePhoneNumber: str = Field(min_length=1)
    countryCode: str = Field(min_length=1)


class _PhoneReply(_Reply):
    phone_info: _PhoneInfo


R = TypeVar("R", bound=_Reply)


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
            _SessionReply,
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
        body = {"code": code} if openid is None else {"code": code, "openid": openid}
        info = self._call_with_token(_PhoneReply, "/wxa/business/getuserphonenumber", body, hide=(code,)).phone_info
        return Phone(info.phoneNumber, info.purePhoneNumber, info.countryCode)

    def access_token(self, stale: str | None = None) -> str:
        """Return a token that works, fetching one if need be; ``stale`` is one that WeChat has refused."""
        held = self._tokens.get(self._appid)
        if held is not None and held.value != stale:
            return held.value
        return self._tokens.fetch_once(self._appid, self._fetch_token, stale).value

    def _fetch_token(self) -> Token:
        # Never with force_refresh: it ends the token others are using, and there are 20 a day.
        asked_at = self._clock()
        body = {"grant_type": "client_credential", "appid": self._appid, "secret": self._secret}
        reply = self._call(_TokenReply, "POST", "/cgi-bin/stable_token", body=body)
        return Token(reply.access_token, asked_at + timedelta(seconds=reply.expires_in))

    def _call_with_token(self, reply: type[R], path: str, body: Mapping[str, str], hide: tuple[str, ...]) -> R:
        token = self.access_token()
        try:
            return self._call_once_with_token(reply, path, body, token, hide)
        except TokenRejected:
            token = self.access_token(stale=token)
        return self._call_once_with_token(reply, path, body, token, hide)

    def _call_once_with_token(
        self, reply: type[R], path: str, body: Mapping[str, str], token: str, hide: tuple[str, ...]
    ) -> R:
        try:
            return self._call(reply, "POST", path, params={"access_token": token}, body=body, hide=(*hide, token))
        except WechatError as ex:
            # Not in `_MEANING`: from the token endpoint 40001 means a wrong secret; no new token cures it.
            if ex.code not in _TOKEN_REFUSED:
                raise
            refused = TokenRejected(ex.code, ex.message, retryable=True)
        raise refused

    def _call(
        self,
        reply: type[R],
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, str] | None = None,
        hide: tuple[str, ...] = (),
    ) -> R:
        """Make one call and read its answer; ``hide`` is what must not come back in the text of an error."""
        payload = self._exchange(method, path, params, body)
        try:
            head = _Reply.model_validate(payload)
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
        raise WechatUnavailable(None, f"{path} answered without what was promised: {problem}", retryable=False)

    def _exchange(
        self, method: str, path: str, params: Mapping[str, str] | None, body: Mapping[str, str] | None
    ) -> JsonValue:
        """Return the JSON that WeChat answers; raise `WechatUnavailable` when it does not."""
        failure: str
        retryable = True
        try:
            response = self._session().request(
                method,
                self._base_url + path,
                params=params,
                json=body,
                timeout=self._timeout,
                allow_redirects=False,
            )
            if response.status_code == 200:
                payload: JsonValue = json.loads(response.content)
                return payload
            failure = f"answered HTTP {response.status_code}"
            retryable = response.status_code >= 500 or response.status_code == 429
        except requests.RequestException as ex:
            failure = f"could not be reached ({type(ex).__name__})"
        except ValueError:
            failure = "did not answer JSON"
        # Raised out here so that an exception that quotes the URL with the secret is not its context.
        raise WechatUnavailable(None, f"{path} {failure}", retryable)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._of_thread, "session", None)
        if session is None:
            session = self._of_thread.session = self._make_session()
        return session


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
