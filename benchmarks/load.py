"""A small HTTP/1.1 load generator: keep-alive connections, one request in flight on each, latencies kept.

One thread with epoll, so that it takes little of the machine it shares with the server.
"""

import select
import socket
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Result:
    """What a run saw. Latencies are in seconds."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Return successful requests per second."""
        return sum(n for status, n in self.statuses.items() if status < 400) / self.seconds

    def percentile(self, share: float) -> float:
        """Return a latency percentile in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else 0.0


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *(f"{k}: {v}" for k, v in headers.items())]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class _Connection:
    __slots__ = ("buffer", "need", "sent_at", "sock")

    def __init__(self, address: tuple[str, int]) -> None:
        self.sock = socket.create_connection(address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.need = -1
        self.sent_at = 0.0

    def send(self, message: bytes) -> None:
        self.buffer, self.need = b"", -1
        self.sent_at = time.perf_counter()
        self.sock.sendall(message)

    def read(self) -> bytes | None:
        """Return a whole reply, or None while more is to come."""
        chunk = self.sock.recv(65536)
        if not chunk:
            raise ConnectionError("the server closed a connection in the middle of a reply")
        self.buffer += chunk
        if self.need < 0:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return None
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            self.need = end + 4 + length
        return self.buffer if len(self.buffer) >= self.need else None


def run(
    address: tuple[str, int],
    requests: Iterable[bytes],
    *,
    connections: int,
    keep_bodies: bool = False,
    warm_up: int = 0,
) -> Result:
    """Send every request over so many connections and wait for all replies; the first `warm_up` are not counted."""
    waiting: Iterator[bytes] = iter(requests)
    poll = select.epoll()
    live: dict[int, _Connection] = {}
    result = Result()
    started = time.perf_counter()
    seen = 0
    for _ in range(connections):
        message = next(waiting, None)
        if message is None:
            break
        connection = _Connection(address)
        live[connection.sock.fileno()] = connection
        poll.register(connection.sock, select.EPOLLIN)
        connection.send(message)
    while live:
        for number, _event in poll.poll(30):
            connection = live[number]
            reply = connection.read()
            if reply is None:
                continue
            now = time.perf_counter()
            seen += 1
            if seen == warm_up:
                started = now
            elif seen > warm_up:
                result.latencies.append(now - connection.sent_at)
                result.statuses[int(reply[9:12])] += 1
                if keep_bodies:
                    result.bodies.append(reply)
            message = next(waiting, None)
            if message is None:
                poll.unregister(number)
                del live[number]
                connection.sock.close()
            else:
                connection.send(message)
    result.seconds = time.perf_counter() - started
    poll.close()
    return result
