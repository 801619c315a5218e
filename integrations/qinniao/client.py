"""Call the SaaS that holds leads, memberships, cards and gate scans, through an open adapter protocol.

The vendor publishes no API, so the protocol is ours: a vendor, or a brand's own middleware, implements it.

- Every answer is an envelope ``{code, msg, data, request_id}``. Success is code 0 with HTTP 200; HTTP 200
  may carry an error as well. The codes are `Code`.
- ``GET /v1/{kind}?cursor=&limit=&updated_since=`` answers ``{items, next_cursor, has_more}``, for the kinds
  of `Kind`. Items come in the order in which they last changed. ``next_cursor`` stays good after the last
  page: the next visit goes on there.
- ``GET /v1/members?phone=`` is the same list, of those with that phone.
- ``POST /v1/leads {external_id, phone, name?, store_id?, source, referrer?}`` answers ``{lead_id, created,
  member_id?}``. It is idempotent by ``external_id``: the first content stands. ``member_id`` is there when
  the phone is already a member's.
- Every call is signed as `integrations.qinniao.signing` says.
- What a push carries in ``data`` is an item of the list of its kind, so that one model reads both.

No secret and no phone number stands in the text of an error raised here, nor in an exception chained to it.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import TypeVar

import requests
import tenacity
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from requests.auth import AuthBase

from integrations.qinniao.signing import HmacSigner, Signer
from integrations.qinniao.wire import (
    ITEM_MODELS,
    KINDS,
    Kind,
    LeadAccepted,
    SaasItem,
    SaasMember,
    wrong_fields,
)

MAX_PAGE = 200


class Code(IntEnum):
    """Name the codes of the envelope. They are ours; an adapter translates those of its SaaS."""

    OK = 0
    BAD_SIGNATURE = 40100
    OUTSIDE_WINDOW = 40101
    NONCE_USED = 40102
    UNKNOWN_APP = 40103
    SESSION_EXPIRED = 40110  # the adapter's own session with its SaaS; the next call finds it renewed
    NOT_FOUND = 40400
    INVALID = 42200
    TOO_OFTEN = 42900
    FAILED = 50000
    BUSY = 50300


RETRYABLE = frozenset({Code.NONCE_USED, Code.SESSION_EXPIRED, Code.TOO_OFTEN, Code.FAILED, Code.BUSY})


class QinniaoError(Exception):
    """Tell that the SaaS refused a call.

    ``code`` is the envelope's (None when there was no envelope), ``request_id`` is what to quote to whoever
    runs the other side, and ``retryable`` says whether the same call may succeed later.
    """

    def __init__(self, code: int | None, msg: str, request_id: str = "", retryable: bool = False) -> None:
        super().__init__(code, msg, request_id, retryable)
        self.code = code
        self.msg = msg
        self.request_id = request_id
        self.retryable = retryable

    def __str__(self) -> str:
        answered = self.msg if self.code is None else f"the SaaS answered {self.code}: {self.msg}"
        return f"{answered} (request {self.request_id})" if self.request_id else answered


class SessionExpired(QinniaoError):
    """Tell that the session was over, and still is after it was renewed."""


class QinniaoUnavailable(QinniaoError):
    """Tell that there was no usable answer: no connection, too slow, an HTTP error, not JSON."""


@dataclass(frozen=True, slots=True)
class RejectedItem:
    """Name an item that could not be read, and which of its fields are wrong; no values."""

    id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class PullPage:
    """Hold one page of a list.

    One bad item does not hold up the others: it stands in ``rejected``. Keep ``next_cursor`` and go on from
    it, also when ``has_more`` is false and the next visit is tomorrow's.
    """

    items: tuple[SaasItem, ...]
    next_cursor: str | None
    has_more: bool
    rejected: tuple[RejectedItem, ...] = ()


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    code: int
    msg: str | None = None
    data: JsonValue = None
    request_id: str | None = None


class _Page(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    items: list[JsonValue]
    next_cursor: str | None = None
    has_more: bool


class Signed(AuthBase):
    """Sign a request of ``requests`` as it is about to be sent: its final path, query and body."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body or b""
        if isinstance(body, str):
            body = body.encode()
        if not isinstance(body, bytes):
            raise TypeError("only a body that is known in full can be signed, not a stream")
        request.headers.update(self._signer.headers(request.method or "", request.path_url, body))
        return request


_LONG_NUMBER = re.compile(r"[0-9]{7,}", re.ASCII)  # may be a phone number

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


class QinniaoClient:
    """Call the SaaS of one brand. Safe to share between threads: each has an HTTP session of its own.

    ``base_url`` may have a path. ``signer`` replaces our scheme of signing, and then ``secret`` is not used.
    ``timeout`` is (connect, read) in seconds for one attempt. All calls here are idempotent, so what fails
    and may succeed later is tried again, up to ``attempts`` times and within ``total_seconds`` from the
    start, after a growing random wait of about ``backoff_seconds``. ``session_expired_codes`` are the codes
    by which the other side says that a session is over.
    """

    def __init__(
        self,
        base_url: str,
        app_id: str,
        secret: str,
        *,
        signer: Signer | None = None,
        session: Callable[[], requests.Session] = requests.Session,
        timeout: tuple[float, float] = (2, 5),
        attempts: int = 4,
        total_seconds: float = 15,
        backoff_seconds: float = 0.25,
        session_expired_codes: frozenset[int] = frozenset({Code.SESSION_EXPIRED}),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._app_id = app_id
        self._secret = secret
        self._signer: Signer = signer or HmacSigner(app_id, secret)
        self._make_session = session
        self._timeout = timeout
        self._attempts = attempts
        self._total_seconds = total_seconds
        self._backoff_seconds = backoff_seconds
        self._session_expired_codes = session_expired_codes
        self._sleep = sleep
        self._of_thread = threading.local()

    def __repr__(self) -> str:
        return f"QinniaoClient({self._base_url!r}, {self._app_id!r})"

    def find_member(self, phone: str) -> SaasMember | None:
        """Return the member with this phone, None when the SaaS knows none.

        When several share the phone: an active one before others, then the one that changed last.
        Raises `QinniaoError`, `QinniaoUnavailable`.
        """
        page = self._idempotent(lambda left: self._get_page("members", {"phone": phone}, left))
        members = [item for item in page.items if isinstance(item, SaasMember) and not item.deleted]
        if page.rejected and not members:
            # "Unknown" would push a member to the SaaS as a new lead.
            raise QinniaoUnavailable(None, f"the member found cannot be read: {page.rejected[0].reason}")
        return max(members, key=lambda member: (member.status == "active", member.updated_at), default=None)

    def push_lead(
        self,
        external_id: str,
        phone: str,
        name: str | None = None,
        store_id: str | None = None,
        source: str = "roost",
        referrer: str | None = None,
    ) -> LeadAccepted:
        """Give the SaaS a lead; ``external_id`` is ours, and pushing it again changes nothing.

        ``source`` is the channel, ``referrer`` the ``external_id`` of who invited the person. Raises
        `QinniaoError`, `QinniaoUnavailable`.
        """
        optional = {"name": name, "store_id": store_id, "referrer": referrer}
        body = {"external_id": external_id, "phone": phone, "source": source}
        body |= {key: value for key, value in optional.items() if value is not None}
        return self._idempotent(
            lambda left: self._read(LeadAccepted, *self._call("POST", "/v1/leads", left, body=body))
        )

    def pull(
        self,
        kind: Kind,
        cursor: str | None = None,
        limit: int = MAX_PAGE,
        updated_since: datetime | None = None,
    ) -> PullPage:
        """Return one page of a list, from ``cursor`` on, of at most ``limit`` items.

        ``updated_since`` (aware) leaves out what last changed earlier. Raises `ValueError` for a limit
        outside 1–200, a time without zone or an unknown kind; `QinniaoError`, `QinniaoUnavailable`.
        """
        if kind not in KINDS:
            raise ValueError(f"the SaaS has no list of {kind!r}, only of {', '.join(KINDS)}")
        if not 1 <= limit <= MAX_PAGE:
            raise ValueError(f"a page has 1 to {MAX_PAGE} items, not {limit}")
        params = {"limit": str(limit)}
        if cursor is not None:
            params["cursor"] = cursor
        if updated_since is not None:
            if updated_since.tzinfo is None:
                raise ValueError("updated_since needs a time zone")
            params["updated_since"] = updated_since.isoformat()
        return self._idempotent(lambda left: self._get_page(kind, params, left))

    def _get_page(self, kind: Kind, params: Mapping[str, str], seconds: float) -> PullPage:
        data, request_id = self._call("GET", f"/v1/{kind}", seconds, params=params)
        page = self._read(_Page, data, request_id)
        if page.has_more and page.next_cursor in (None, "", params.get("cursor")):
            raise QinniaoUnavailable(None, f"the list of {kind} says there is more, but not where", request_id)
        items, rejected = _read_items(ITEM_MODELS.get(kind, SaasItem), page.items)
        return PullPage(items, page.next_cursor or params.get("cursor"), page.has_more, rejected)

    def _idempotent(self, attempt: Callable[[float], T]) -> T:
        """Make a call that may be repeated; ``attempt`` is told how many seconds are left for all of it."""
        ends_at = time.monotonic() + self._total_seconds
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_retryable),
            stop=tenacity.stop_after_attempt(self._attempts) | tenacity.stop_before_delay(self._total_seconds),
            wait=tenacity.wait_random_exponential(multiplier=self._backoff_seconds, max=self._total_seconds),
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(lambda: attempt(ends_at - time.monotonic()))

    def _call(
        self,
        method: str,
        path: str,
        seconds: float,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, str] | None = None,
    ) -> tuple[JsonValue, str]:
        """Make one attempt; return ``data`` and the request id."""
        status, payload = self._exchange(method, path, seconds, params, body)
        may_pass = status >= 500 or status == 429
        try:
            envelope = _Envelope.model_validate(payload)
        except ValidationError:
            envelope = None
        if envelope is None or (envelope.code == Code.OK and status != 200):
            what = "no envelope" if envelope is None else f"code {envelope.code}"
            # What is not even JSON is a gateway's page, and may be gone next time.
            may_pass = may_pass or (status == 200 and payload is None)
            raise QinniaoUnavailable(None, f"{path} answered HTTP {status} with {what}", retryable=may_pass)
        request_id = envelope.request_id or ""
        if envelope.code == Code.OK:
            return envelope.data, request_id
        msg = self._without_secrets(envelope.msg or "")
        if envelope.code in self._session_expired_codes:
            self._signer.renew()
            raise SessionExpired(envelope.code, msg, request_id, retryable=True)
        raise QinniaoError(envelope.code, msg, request_id, envelope.code in RETRYABLE or may_pass)

    def _exchange(
        self,
        method: str,
        path: str,
        seconds: float,
        params: Mapping[str, str] | None,
        body: Mapping[str, str] | None,
    ) -> tuple[int, JsonValue]:
        """Return the HTTP status and the JSON answered, None when it is not JSON."""
        connect, read = (max(0.001, min(each, seconds)) for each in self._timeout)
        try:
            response = self._session().request(
                method,
                self._base_url + path,
                params=params,
                json=body,
                auth=Signed(self._signer),
                timeout=(connect, read),
                allow_redirects=False,
            )
        except requests.RequestException as ex:
            failure = type(ex).__name__
        else:
            try:
                payload: JsonValue = json.loads(response.content)
            except ValueError:
                payload = None
            return response.status_code, payload
        # Raised out here so that an exception that quotes the URL, and with it a phone, is not its context.
        raise QinniaoUnavailable(None, f"{path} could not be reached ({failure})", retryable=True)

    def _read(self, model: type[M], data: JsonValue, request_id: str) -> M:
        try:
            return model.model_validate(data)
        except ValidationError as ex:
            problem = wrong_fields(ex)
        raise QinniaoUnavailable(None, f"the answer is not what was promised: {problem}", request_id)

    def _without_secrets(self, msg: str) -> str:
        """Return what the other side said, without our secret and with phone numbers masked."""
        if self._secret:
            msg = msg.replace(self._secret, "***")
        return _LONG_NUMBER.sub(_mask, msg)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._of_thread, "session", None)
        if session is None:
            session = self._of_thread.session = self._make_session()
        return session


def _mask(number: re.Match[str]) -> str:
    digits = number.group()
    return f"{digits[:3]}****{digits[-4:]}" if len(digits) == 11 else "****"


def _is_retryable(ex: BaseException) -> bool:
    return isinstance(ex, QinniaoError) and ex.retryable


def _read_items(
    model: type[SaasItem], given: Sequence[JsonValue]
) -> tuple[tuple[SaasItem, ...], tuple[RejectedItem, ...]]:
    items: list[SaasItem] = []
    rejected: list[RejectedItem] = []
    for each in given:
        try:
            items.append(model.model_validate(each))
        except ValidationError as ex:
            key = each.get("id") if isinstance(each, dict) else None
            rejected.append(RejectedItem(None if key is None else str(key), wrong_fields(ex)))
    return tuple(items), tuple(rejected)
