"""Call whoever speaks the open adapter protocol: signed calls, envelopes, pages, another try when it may help.

- Every answer is an envelope ``{code, msg, data, request_id}``. Success is code 0 with HTTP 200; HTTP 200
  may carry an error as well. The codes are `Code`.
- ``GET /v1/{list}?cursor=&limit=&updated_since=`` answers ``{items, next_cursor, has_more}``. Items come in the order
  in which they last changed. ``next_cursor`` stays good after the last page: the next visit goes on there.
- Every call is signed as `integrations.qinniao.signing` says, or by another `Signer`.

The other side may be slow, broken or wrong: an answer has a size and a time that it must keep to.
No secret and no phone number stands in the text of an error raised here, nor in an exception chained to it.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

import requests
import tenacity
from pydantic import BaseModel, JsonValue, ValidationError
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from integrations.qinniao.answers import (
    MAX_PAGE,
    RETRYABLE,
    Code,
    Envelope,
    Item,
    Page,
    PullPage,
    QinniaoError,
    QinniaoUnavailable,
    SessionExpired,
    harmless,
    read_items,
    request_id_of,
)
from integrations.qinniao.signing import HmacSigner, Signer
from integrations.qinniao.wire import wrong_fields

MOST_BYTES = 16 * 2**20
CHUNK = 64 * 2**10

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


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


class ProtocolClient:
    """Call one server of one brand. Safe to share between threads: each has an HTTP session of its own.

    ``base_url`` may have a path. ``signer`` replaces our scheme of signing; ``secret`` is then only kept out of
    errors. ``timeout`` is (connect, read) in seconds for one attempt. All calls here are idempotent, so what fails
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
        return f"{type(self).__name__}({self._base_url!r}, {self._app_id!r})"

    def get_page(self, path: str, model: type[Item], params: Mapping[str, str]) -> PullPage[Item]:
        """Return one page of a list. Raises `QinniaoError`, `QinniaoUnavailable`."""
        return self._idempotent(lambda left: self._get_page(path, model, params, left))

    def post(self, path: str, model: type[M], body: Mapping[str, str]) -> M:
        """Send what may be sent twice; return the answer. Raises `QinniaoError`, `QinniaoUnavailable`."""
        return self._idempotent(lambda left: self._read(model, *self._call("POST", path, left, body=body)))

    def _get_page(self, path: str, model: type[Item], params: Mapping[str, str], seconds: float) -> PullPage[Item]:
        data, request_id = self._call("GET", path, seconds, params=params)
        page = self._read(Page, data, request_id)
        if page.has_more and page.next_cursor in (None, "", params.get("cursor")):
            raise QinniaoUnavailable(None, f"the list {path} says there is more, but not where", request_id)
        items, rejected = read_items(model, page.items)
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
            envelope = Envelope.model_validate(payload)
        except ValidationError:
            envelope = None
        if envelope is None or (envelope.code == Code.OK and status != 200):
            what = "no envelope" if envelope is None else f"code {envelope.code}"
            # What is not even JSON is a gateway's page, and may be gone next time.
            may_pass = may_pass or (status == 200 and payload is None)
            raise QinniaoUnavailable(None, f"{path} answered HTTP {status} with {what}", retryable=may_pass)
        request_id = request_id_of(envelope, self._secret)
        if envelope.code == Code.OK:
            return envelope.data, request_id
        msg = harmless(envelope.msg or "", self._secret)
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
        ends_at = time.monotonic() + connect + read
        try:
            response = self._session().request(
                method,
                self._base_url + path,
                params=params,
                json=body,
                auth=Signed(self._signer),
                timeout=(connect, read),
                allow_redirects=False,
                stream=True,
            )
            with response:
                content, failure = _content(response, ends_at), ""
        except (requests.RequestException, HTTPError, TimeoutError) as ex:
            response, content, failure = None, b"", type(ex).__name__
        # Raised out here so that an exception that quotes the URL, and with it a phone, is not its context.
        if response is None:
            raise QinniaoUnavailable(None, f"{path} could not be reached ({failure})", retryable=True)
        if content is None:
            raise QinniaoUnavailable(None, f"{path} answered more than {MOST_BYTES // 2**20} MB")
        try:
            payload: JsonValue = json.loads(content)
        except (ValueError, RecursionError):
            payload = None
        return response.status_code, payload

    def _read(self, model: type[M], data: JsonValue, request_id: str) -> M:
        try:
            return model.model_validate(data)
        except ValidationError as ex:
            problem = wrong_fields(ex)
        raise QinniaoUnavailable(None, f"the answer is not what was promised: {problem}", request_id)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._of_thread, "session", None)
        if session is None:
            session = self._of_thread.session = self._make_session()
        return session


def list_params(cursor: str | None, limit: int, updated_since: datetime | None) -> dict[str, str]:
    """Return the query of a list. Raises ValueError for a limit outside 1 to 200 or a time without zone."""
    if not 1 <= limit <= MAX_PAGE:
        raise ValueError(f"a page has 1 to {MAX_PAGE} items, not {limit}")
    params = {"limit": str(limit)}
    if cursor is not None:
        params["cursor"] = cursor
    if updated_since is not None:
        if updated_since.tzinfo is None:
            raise ValueError("updated_since needs a time zone")
        params["updated_since"] = updated_since.isoformat()
    return params


def _content(response: requests.Response, ends_at: float) -> bytes | None:
    """Return the body, None for one that is too large. A timeout of sockets is for each packet, this one for all."""
    parts: list[bytes] = []
    size = 0
    while part := response.raw.read1(CHUNK, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            return None
        if time.monotonic() > ends_at:
            raise TimeoutError
    return b"".join(parts)


def _is_retryable(ex: BaseException) -> bool:
    return isinstance(ex, QinniaoError) and ex.retryable
