"""Single calls, within a time and a size."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, Timeout
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as PoolTimeout

from egress.addresses import Failed, Policy
from egress.connections import CONNECT_SECONDS, Deadline, Lookup, pools_of

Method = Literal["GET", "HEAD", "POST", "PUT", "DELETE"]

MOST_REDIRECTS = 3
CHUNK = 16_384

_REDIRECTS = frozenset((301, 302, 303, 307, 308))


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. The body is as it was sent, not decompressed; `whole` is False where it was cut."""

    status: int
    headers: Mapping[str, str] = field(repr=False)  # lower-case names
    body: bytes = field(repr=False)
    whole: bool = True
    url: str = field(default="", repr=False)  # where it came from, after redirects


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)


class Session:
    """Calls to addresses that others name. Each opens a connection of its own; nothing is kept between two."""

    def __init__(
        self, policy: Policy, *, find: Lookup | None = None, trust: Callable[[], ssl.SSLContext] = _trust
    ) -> None:
        self.policy = policy
        self._pools = pools_of(policy, find)
        self._trust = trust

    def get(self, url: str, **options: Any) -> Reply:
        """Send GET; see `request`."""
        return self.request("GET", url, **options)

    def post(self, url: str, body: bytes, **options: Any) -> Reply:
        """Send POST; see `request`."""
        return self.request("POST", url, body=body, **options)

    def request(
        self, method: Method, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None,
        seconds: float = 10.0, most: int = 1_048_576, cut: bool = False, redirects: int = 0,
    ) -> Reply:  # fmt: skip
        """Call within `seconds` in all; return the answer, whatever its status.

        A body of more than `most` bytes is an error, or is cut there with `cut`. A redirect is not followed but with
        `redirects` (at most 3), by GET and HEAD, from https only to https, each checked as the first, and to another
        host without `headers`. Raises `Refused` before anything is sent, `Failed` when no answer came.
        """
        left, deadline, sent = min(redirects, MOST_REDIRECTS), Deadline(seconds), dict(headers or {})
        with deadline.running():
            while True:
                reply = self._once(method, url, sent, body, deadline, (seconds, most, cut))
                target = reply.headers.get("location")
                if not left or method not in ("GET", "HEAD") or reply.status not in _REDIRECTS or not target:
                    return reply
                left, before, url = left - 1, urlsplit(url), urljoin(url, target)
                self.policy.check_url(url)
                after = urlsplit(url)
                if (before.scheme, after.scheme) == ("https", "http"):
                    raise self.policy.refused(
                        "redirect", "it redirects from https to http", "重定向不得从 https 降级为 http"
                    )
                if before.netloc != after.netloc:
                    sent = {}

    def _once(
        self,
        method: Method,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        deadline: Deadline,
        limits: tuple[float, int, bool],
    ) -> Reply:
        self.policy.check_url(url)
        seconds, most, cut = limits
        parts, (host, port) = urlsplit(url), self.policy.host_and_port(url)
        options: Any = {"maxsize": 1, "timeout": Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds)}
        pool: HTTPConnectionPool = (
            self._pools.https(host, port, ssl_context=self._trust(), **options)
            if parts.scheme == "https"
            else self._pools.http(host, port, **options)
        )
        asked = {"Accept-Encoding": "identity", "User-Agent": "Roost", **headers, "Connection": "close"}
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            answer = pool.urlopen(
                method, target, body=body, headers=asked, redirect=False, retries=False, preload_content=False,
                decode_content=False,
            )  # fmt: skip
            taken, whole = self._read(answer, most, cut)
        except (HTTPError, OSError, ValueError) as ex:
            raise self._failure(ex, late=deadline.passed, seconds=seconds) from ex
        finally:
            pool.close()
        if deadline.passed:  # a cut connection may look like the end of a body
            raise self._failure(TimeoutError(), late=True, seconds=seconds)
        return Reply(answer.status, {k.lower(): v for k, v in answer.headers.items()}, taken, whole, url)

    def _read(self, answer: Any, most: int, cut: bool) -> tuple[bytes, bool]:  # Any: urllib3's response
        taken = bytearray()
        try:
            for piece in answer.stream(CHUNK, decode_content=False):
                taken += piece
                if len(taken) > most:
                    if cut:
                        return bytes(taken[:most]), False
                    raise self.policy.failed(
                        "too_large", f"the answer has more than {most} bytes", f"响应超过 {most} 字节"
                    )
            return bytes(taken), True
        finally:
            answer.close()

    def _failure(self, ex: Exception, *, late: bool, seconds: float) -> Failed:
        """Return what went wrong, without what the other side said: it may have any text in it."""
        if isinstance(ex, NameResolutionError):
            return self.policy.failed("dns", "the host name leads nowhere", "域名无法解析")
        if isinstance(ex, ConnectTimeoutError | NewConnectionError):
            return self.policy.failed("connect", "no connection could be made", "无法建立连接")
        if late or isinstance(ex, PoolTimeout | TimeoutError):
            return self.policy.failed(
                "timeout", f"no whole answer came within {seconds:g} s", f"{seconds:g} 秒内未收到完整响应"
            )
        if isinstance(ex, SSLError | ssl.SSLError):
            return self.policy.failed(
                "tls", "no secure connection: the certificate or the protocol is not good", "TLS 证书或协议无效"
            )
        return self.policy.failed(
            "broken", "what came back is not HTTP, or breaks off", "响应不是有效的 HTTP 或中途断开"
        )
