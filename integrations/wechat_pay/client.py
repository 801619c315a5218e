"""Call WeChat Pay for one merchant: charges of the mini-program (JSAPI), their query and close, refunds.

Every call may be made again with the same numbers, and has then one effect: prepay, query and close go by the
charge's number, a refund by its own. So what may not have arrived is made again here, a few times: HTTP 500 at the
same host, as the documentation asks, and what got no answer at the other host. What is then still not known is raised
as `Unknown`: query, or make the same call later, and never one with a new number.

A successful reply is believed only with a good signature. An error is believed without one (some have none), but not
with a bad one. No key and no open id stands in the text of an error.
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

import requests
import tenacity
from pydantic import JsonValue, ValidationError
from requests.auth import AuthBase

from integrations.wechat_pay import signing
from integrations.wechat_pay.errors import AlreadyClosed, Unknown, refusal
from integrations.wechat_pay.signing import BadSignature, Credentials
from integrations.wechat_pay.wire import RefundState, Transaction, wrong_fields

BASE_URL = "https://api.mch.weixin.qq.com"
BACKUP_URL = "https://api2.mch.weixin.qq.com"
AGENT = "roost"

T = TypeVar("T")
_of_thread = threading.local()


def _session() -> requests.Session:
    """Return this thread's HTTP session: connections stay open between calls, whichever merchant's they are."""
    session: requests.Session | None = getattr(_of_thread, "session", None)
    if session is None:
        session = _of_thread.session = requests.Session()
    return session


class _NoAnswer(Unknown):
    """Tell that a host gave no usable answer: the next attempt goes to the other one."""


class _Signed(AuthBase):
    """Sign a request as it is about to be sent: its final path, query and body."""

    def __init__(self, credentials: Credentials, now: datetime) -> None:
        self._credentials, self._now = credentials, now

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body or b""
        assert isinstance(body, bytes)  # we hand over bytes, or nothing
        request.headers["Authorization"] = signing.authorization(
            self._credentials, request.method or "", request.path_url, body, now=self._now
        )
        return request


@dataclass(frozen=True, slots=True)
class Reply:
    """A verified reply."""

    status: int
    body: JsonValue


class WechatPayClient:
    """Call WeChat Pay for one merchant. Safe to share between threads.

    ``timeout`` is (connect, read) in seconds for one attempt; there are up to ``attempts`` within ``total_seconds``,
    after waits that grow from ``wait_seconds``. ``session`` gives this thread's HTTP session. ``clock`` gives UTC.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        base_url: str = BASE_URL,
        backup_url: str = BACKUP_URL,
        session: Callable[[], requests.Session] = _session,
        clock: signing.Clock = signing.utc_now,
        timeout: tuple[float, float] = (2, 6),
        attempts: int = 3,
        total_seconds: float = 15,
        wait_seconds: float = 0.3,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.credentials = credentials
        self._hosts = tuple(url.rstrip("/") for url in (base_url, backup_url) if url)
        self._session = session
        self._clock = clock
        self._timeout = timeout
        self._attempts = attempts
        self._total_seconds = total_seconds
        self._wait_seconds = wait_seconds
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"WechatPayClient({self._hosts[0]!r}, {self.credentials.mchid!r})"

    # charges

    def prepay(
        self,
        *,
        appid: str,
        number: str,
        description: str,
        total: int,
        openid: str,
        notify_url: str,
        expires_at: datetime | None = None,
        attach: str = "",
    ) -> str:
        """Ask for a charge of the mini-program; return its prepay id, good for two hours. ``total`` is in fen.

        Raises `NumberUsed`, `AlreadyPaid`, `AlreadyClosed`, `Misconfigured`, `TooOften`, `Unknown`.
        """
        body: dict[str, JsonValue] = {
            "appid": appid,
            "mchid": self.credentials.mchid,
            "description": description,
            "out_trade_no": number,
            "notify_url": notify_url,
            "amount": {"total": total, "currency": "CNY"},
            "payer": {"openid": openid},
        }
        if expires_at is not None:
            body["time_expire"] = expires_at.replace(microsecond=0).isoformat()
        if attach:
            body["attach"] = attach
        said = self._call("POST", "/v3/pay/transactions/jsapi", body)
        prepay = said.get("prepay_id") if isinstance(said, dict) else None
        if not isinstance(prepay, str) or not prepay:
            raise Unknown("", "the reply to a prepay has no prepay_id")
        return prepay

    def client_parameters(self, appid: str, prepay: str) -> dict[str, str]:
        """Return what the mini-program hands to `wx.requestPayment`."""
        return signing.client_parameters(self.credentials, appid, prepay, now=self._clock())

    def query(self, number: str) -> Transaction:
        """Return a charge by our number. Raises `NoSuchNumber`, `Misconfigured`, `TooOften`, `Unknown`."""
        return self._transaction(f"/v3/pay/transactions/out-trade-no/{quote(number, safe='')}")

    def query_by_id(self, transaction: str) -> Transaction:
        return self._transaction(f"/v3/pay/transactions/id/{quote(transaction, safe='')}")

    def close(self, number: str) -> None:
        """Close a charge: nobody can pay it from now on. Closing it again changes nothing.

        Raises `AlreadyPaid`, `NoSuchNumber`, `Misconfigured`, `TooOften`, `Unknown`.
        """
        path = f"/v3/pay/transactions/out-trade-no/{quote(number, safe='')}/close"
        with contextlib.suppress(AlreadyClosed):
            self._call("POST", path, {"mchid": self.credentials.mchid})

    # refunds

    def refund(
        self,
        *,
        number: str,
        charge: str,
        amount: int,
        total: int,
        reason: str = "",
        notify_url: str = "",
    ) -> RefundState:
        """Give money of a charge back, in fen. A retry carries the same ``number``: a new one pays twice.

        Raises `NotEnough`, `AccountAbnormal`, `NoSuchNumber`, `Misconfigured`, `TooOften`, `Unknown`.
        """
        body: dict[str, JsonValue] = {
            "out_trade_no": charge,
            "out_refund_no": number,
            "amount": {"refund": amount, "total": total, "currency": "CNY"},
        }
        if reason:
            body["reason"] = reason
        if notify_url:
            body["notify_url"] = notify_url
        return self._refund(self._call("POST", "/v3/refund/domestic/refunds", body))

    def query_refund(self, number: str) -> RefundState:
        """Return a refund by our number. Raises `NoSuchNumber`, `Misconfigured`, `TooOften`, `Unknown`."""
        return self._refund(self._call("GET", f"/v3/refund/domestic/refunds/{quote(number, safe='')}"))

    # the wire

    def _transaction(self, path: str) -> Transaction:
        said = self._call("GET", f"{path}?mchid={quote(self.credentials.mchid, safe='')}")
        return _read(Transaction.model_validate, said)

    @staticmethod
    def _refund(said: JsonValue) -> RefundState:
        return _read(RefundState.read, said)

    def _call(self, method: str, path: str, body: Mapping[str, JsonValue] | None = None) -> JsonValue:
        """Make a call, again where that is right; return the JSON of the reply."""
        content = None if body is None else signing.compact(body)
        ends_at = time.monotonic() + self._total_seconds
        host = 0

        def attempt() -> JsonValue:
            nonlocal host
            try:
                return self._once(self._hosts[host], method, path, content, ends_at - time.monotonic())
            except _NoAnswer:
                host = (host + 1) % len(self._hosts)
                raise

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Unknown),
            stop=tenacity.stop_after_attempt(self._attempts) | tenacity.stop_before_delay(self._total_seconds),
            wait=tenacity.wait_random_exponential(multiplier=self._wait_seconds, max=self._total_seconds),
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(attempt)

    def _once(self, host: str, method: str, path: str, content: bytes | None, seconds: float) -> JsonValue:
        headers = {"Accept": "application/json", "User-Agent": AGENT}
        if content is not None:
            headers["Content-Type"] = "application/json"
        if self.credentials.public_key_id:
            headers[signing.SERIAL] = self.credentials.public_key_id
        connect, read = (max(0.001, min(each, seconds)) for each in self._timeout)
        now = self._clock()
        try:
            response = self._session().request(
                method,
                host + path,
                data=content,
                headers=headers,
                auth=_Signed(self.credentials, now),
                timeout=(connect, read),
                allow_redirects=False,
            )
        except requests.RequestException as ex:
            failure = type(ex).__name__
        else:
            return self._answer(path, response)
        raise _NoAnswer("", f"{_bare(path)} got no answer ({failure})")

    def _answer(self, path: str, response: requests.Response) -> JsonValue:
        status, body = response.status_code, response.content
        headers = {name.lower(): value for name, value in response.headers.items()}
        good = status in range(200, 300)
        if good or signing.SIGNATURE.lower() in headers:
            try:
                signing.verify(self.credentials.platform, headers, body, now=self._clock())
            except BadSignature as ex:
                raise _NoAnswer("", f"{_bare(path)} got HTTP {status} that is not proved ({ex})", status) from None
        try:
            said: JsonValue = json.loads(body) if body else None
        except ValueError:
            raise _NoAnswer("", f"{_bare(path)} got HTTP {status} without JSON", status) from None
        if good:
            return said
        code = said.get("code") if isinstance(said, dict) else None
        if not isinstance(code, str) or not isinstance(said, dict):
            raise _NoAnswer("", f"{_bare(path)} got HTTP {status} without a code", status)
        raise refusal(status, code, str(said.get("message") or ""))


def _bare(path: str) -> str:
    return path.partition("?")[0]


def _read(read: Callable[[Any], T], said: JsonValue) -> T:  # Any: JSON, read by a model
    try:
        return read(said)
    except ValidationError as ex:
        problem = wrong_fields(ex)
    raise Unknown("", f"the reply is not what was promised: {problem}")
