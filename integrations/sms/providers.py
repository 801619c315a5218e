"""The port to the companies that deliver text messages: what they are given, what they say, and how a call ends.

A call ends in one of three ways, and they are kept apart because a text message cannot be taken back: it was
*accepted*; it was *refused*, so that certainly nothing was sent; or it is *unknown*, and then it is never sent again.

No secret and no phone number stands in the text of an error raised here, nor in an exception chained to it.
"""

import re
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

import requests
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError, ProxyError

from roost import egress

LONGEST_PAUSE = 20.0  # seconds that a connection may lie idle
TIMEOUT = (3.0, 8.0)  # seconds to connect, and to wait for an answer

Reason = Literal[
    "too_often",  # the provider's limit for one number
    "bad_number",
    "blocked",  # the number is on a black list: its owner asked to be left alone
    "closed_hours",  # marketing outside the hours that it is allowed in
    "bad_content",  # a word that is not let through
    "bad_template",
    "bad_sign",
    "balance",  # no money left, or the account's own quota is used up
    "credentials",
    "busy",  # the provider takes no more calls just now
    "unreachable",  # no connection came about, or we do not try for the moment
    "refused",  # for a reason that we have no word for
]
OF_THE_MESSAGE: frozenset[Reason] = frozenset(("too_often", "bad_number", "blocked", "closed_hours", "bad_content"))
"""What lies in the message or its receiver: asking another company would only get around the rule."""
PASSING: frozenset[Reason] = frozenset(("busy", "unreachable"))
"""What may be over in a minute."""

_LONG_NUMBER = re.compile(r"\+?\d{7,}")

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Order:
    """One text message to one person."""

    key: str  # ours, at most 64 of 0-9 a-z: comes back with receipts where the provider offers it
    phone: str = field(repr=False)  # E.164
    sign: str = ""  # the signature 【…】, as it is registered
    template: str = ""
    params: Mapping[str, str] = field(default_factory=dict, repr=False)  # in the order of the template


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took it over. `receipt` is its number, `segments` how many messages it charges."""

    receipt: str
    segments: int = 1


class SmsError(Exception):
    """Tell that a message was not accepted. `code` is the provider's, "" when it said none."""

    def __init__(self, code: str, message: str) -> None:
        self.code = printable(code)[:80]
        self.message = printable(without_numbers(message))[:200]
        super().__init__(self.code, self.message)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.code else self.message


class Refused(SmsError):
    """Tell that certainly nothing was sent, and why."""

    def __init__(self, reason: Reason, code: str, message: str) -> None:
        super().__init__(code, message)
        self.reason: Reason = reason


class Unknown(SmsError):
    """Tell that nobody can say whether it was sent."""


class Provider(Protocol):
    """A company that delivers text messages."""

    name: str
    base_url: str

    def send(self, order: Order) -> Accepted:
        """Send one message. Raises Refused or Unknown."""
        ...


def without_numbers(text: str) -> str:
    """Return what a provider said without any number that could be somebody's."""
    return _LONG_NUMBER.sub("****", text)


def printable(text: str) -> str:
    """Return what others wrote without characters that no column takes."""
    return "".join(letter for letter in text if letter.isprintable())


def reason_of(code: str, meanings: Sequence[tuple[str, Reason]]) -> Reason:
    """Return what a code means: of the first of `meanings` that it begins with."""
    return next((reason for start, reason in meanings if code.startswith(start)), "refused")


class Told(BaseModel):
    """Read a part of an answer; unknown fields are left alone."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


def read(model: type[M], payload: JsonValue) -> M:
    """Return an answer as its model; Unknown when it is not what was promised: it may still have been sent."""
    try:
        return model.model_validate(payload)
    except ValidationError as ex:
        wrong = ", ".join(sorted({".".join(map(str, e["loc"])) or "body" for e in ex.errors(include_input=False)}))
    raise Unknown("", f"the answer is not what was promised: {wrong}")


_of_thread = threading.local()


def kept_session(policy: egress.Policy | None = None) -> requests.Session:
    """Return this thread's HTTP session, so that connections stay open between messages; a new one after a pause.

    A connection that lay idle may have been dropped on the way without a word. A message sent on it would be lost, and
    look as if its answer was. With a policy only what it allows is reached.
    """
    session: requests.Session | None = getattr(_of_thread, "session", None)
    now = time.monotonic()
    if session is not None and (now - _of_thread.used_at > LONGEST_PAUSE or _of_thread.policy != policy):
        session.close()
        session = None
    if session is None:
        session = _of_thread.session = requests.Session() if policy is None else egress.client(policy)
        _of_thread.policy = policy
    _of_thread.used_at = now
    return session


class Wire:
    """Post to one provider. `session` gives this thread's session, and so its connections."""

    def __init__(
        self,
        base_url: str,
        session: Callable[[], requests.Session] = kept_session,
        timeout: tuple[float, float] = TIMEOUT,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.host = self.base_url.partition("://")[2].partition("/")[0]
        self._session = session
        self._timeout = timeout

    def post(self, target: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, JsonValue]:
        """Return the HTTP status and the JSON of an answer, None where it is not JSON.

        Raises Refused when no connection came about, Unknown when one did and its answer was lost.
        """
        failure: SmsError
        try:
            response = self._session().post(
                self.base_url + target,
                data=body,
                headers=dict(headers),
                auth=_as_it_is,
                timeout=self._timeout,
                allow_redirects=False,
            )
            try:
                payload: JsonValue = response.json()
            except requests.exceptions.JSONDecodeError:
                payload = None
            return response.status_code, payload
        except requests.RequestException as ex:
            name = type(ex).__name__
            if _never_connected(ex):
                failure = Refused("unreachable", "", f"no connection came about ({name})")
            else:
                failure = Unknown("", f"the answer was lost ({name})")
        # Raised out here so that an exception that quotes the URL, and with it a phone, is not its context.
        raise failure


def no_answer(status: int) -> SmsError:
    """Return what an answer without the provider's own words amounts to: a gateway's page, say."""
    if status == 429:
        return Refused("busy", f"HTTP {status}", "too many calls")
    if 300 <= status < 500:
        return Refused("refused", f"HTTP {status}", "the call was turned away before the provider saw it")
    return Unknown(f"HTTP {status}", "there was no usable answer")


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep our own Authorization: without an `auth`, requests would replace it by what a .netrc says."""
    return request


def _never_connected(ex: requests.RequestException) -> bool:
    """Tell whether the call failed before the first byte of the request could go out."""
    if isinstance(ex, requests.ConnectTimeout | requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return True
    cause = ex.args[0] if ex.args else None
    if isinstance(cause, MaxRetryError):
        cause = cause.reason
    # A name that is not found is a NewConnectionError; a ProxyError is one only until the proxy has been reached.
    if isinstance(cause, NewConnectionError | ConnectTimeoutError | ProxyError):
        return True
    inner = cause.args[0] if isinstance(cause, Exception) and cause.args else None
    return isinstance(inner, ssl.SSLCertVerificationError)
