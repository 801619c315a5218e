"""Connections that are opened to a checked address, whatever the name says a second time."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from egress.addresses import Policy

CONNECT_SECONDS = 3.0

Found = Sequence[tuple[socket.AddressFamily, tuple[Any, ...]]]  # Any: what the family's socket connects to
Lookup = Callable[[str, int, float], Found]


def look_up(host: str, port: int, seconds: float) -> Found:
    """Ask the system where a name leads, for at most so long. Raises OSError."""
    found: list[Any] = []  # Any: an answer, or the error

    def ask() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as ex:
            found.append(ex)

    # A resolver cannot be interrupted, and whoever owns the name may make it slow.
    thread = threading.Thread(target=ask, name="egress-lookup", daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise TimeoutError("the name was not resolved in time")
    if isinstance(found[0], BaseException):
        raise OSError(str(found[0])) from found[0]
    return [(family, place) for family, _, _, _, place in found[0]]


class Deadline:
    """Cuts the sockets of a call when its time is over: a timeout of a socket starts anew with every byte."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def watch(self, opened: socket.socket) -> None:
        """Cut this one too. It is held by another descriptor: TLS takes the first one over."""
        with self._lock:
            self._sockets.append(opened.dup())
            if self.passed:
                _shut(self._sockets[-1])

    def _cut(self) -> None:
        with self._lock:
            self.passed = True
            for opened in self._sockets:
                _shut(opened)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Let the time run."""
        token = _deadline.set(self)
        self._timer.start()
        try:
            yield
        finally:
            self._timer.cancel()
            _deadline.reset(token)
            with self._lock:
                while self._sockets:
                    self._sockets.pop().close()


def _shut(opened: socket.socket) -> None:
    with contextlib.suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)


_deadline: ContextVar[Deadline | None] = ContextVar("egress_deadline", default=None)


def _open(connection: HTTPConnection, policy: Policy, find: Lookup | None) -> socket.socket:
    """Open the socket of a connection: look up once, check all that was found, connect to one of these."""
    host, port = connection.host.strip("[]"), connection.port or connection.default_port
    given = connection.timeout
    seconds = given if isinstance(given, int | float) else CONNECT_SECONDS
    try:
        found = (find or look_up)(host.removesuffix("."), port, seconds)
    except TimeoutError as ex:
        raise ConnectTimeoutError(connection, str(ex)) from ex
    except OSError as ex:
        raise NameResolutionError(host, connection, socket.gaierror(str(ex))) from ex
    for _, place in found:  # all of them: a name that leads both out and in is not to be trusted
        policy.check_address(ip_address(str(place[0])), port)
    error: OSError = OSError("the name has no address")
    end = time.monotonic() + seconds
    for family, place in found:
        opened = socket.socket(family, socket.SOCK_STREAM)
        try:
            opened.settimeout(max(end - time.monotonic(), 0.001))
            opened.connect(place)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as ex:
            opened.close()
            error = ex
            continue
        held = _deadline.get()
        if held is not None:
            held.watch(opened)
        opened.settimeout(seconds)
        return opened
    if isinstance(error, TimeoutError):
        raise ConnectTimeoutError(connection, f"no connection to {host} in {seconds} s") from error
    raise NewConnectionError(connection, str(error)) from error


@dataclass(frozen=True, slots=True)
class Pools:
    """Pools whose connections are opened by `_open`."""

    http: type[HTTPConnectionPool]
    https: type[HTTPSConnectionPool]


def pools_of(policy: Policy, find: Lookup | None) -> Pools:
    """Return classes of pools for a policy; `find` asks where a name leads, the system by default."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _open(self, policy, find)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _open(self, policy, find)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return Pools(PlainPool, SecurePool)


def pool_manager(policy: Policy, *, find: Lookup | None = None, **options: Any) -> PoolManager:
    """Return urllib3's PoolManager (`options` are its own) over checked connections, for libraries that take one."""
    manager = PoolManager(**options)
    pools = pools_of(policy, find)
    manager.pool_classes_by_scheme = {"http": pools.http, "https": pools.https}
    return manager


class Adapter(HTTPAdapter):
    """Send what a `requests.Session` sends over checked connections; its `trust_env` must be False.

    A client that keeps connections to one server named by a tenant mounts it on https:// and http://; for single calls
    there is `Session`, which also limits the whole time and the size.
    """

    def __init__(self, policy: Policy, *, find: Lookup | None = None, **options: Any) -> None:
        self._policy, self._find = policy, find
        super().__init__(**options)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        """Make the pools."""
        self.poolmanager = pool_manager(
            self._policy, find=self._find, num_pools=connections, maxsize=maxsize, block=block, **options
        )

    def send(
        self, request: PreparedRequest, stream: bool = False, timeout: Any = None, verify: Any = True, cert: Any = None,
        proxies: Any = None,
    ) -> Response:  # fmt: skip
        """Send unless the address is refused; a proxy would open the connection in our place, unchecked."""
        self._policy.check_url(request.url or "")
        return super().send(request, stream, timeout, verify, cert, None)
