"""Clients of one server that a tenant's settings name: connections are kept, and none leads inside."""

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import Any

import pytest
import requests

from egress import AddressRefused, Policy, client, clients

LOOPBACK = Policy((ip_network("127.0.0.1/32"),))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.ports.append(self.client_address[1])  # type: ignore[attr-defined]  # the test's own
        self.server.cookies.append(self.headers.get("Cookie"))  # type: ignore[attr-defined]  # the test's own
        body = self.path.encode()
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/")
            body = b""
        else:
            self.send_response(200)
        self.send_header("Set-Cookie", "brand=one; Path=/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as running:
        running.ports, running.cookies = [], []  # type: ignore[attr-defined]  # the test's own
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield running
        running.shutdown()


def url(server: Any, path: str = "/") -> str:
    return f"http://127.0.0.1:{server.server_port}{path}"


def test_an_allowed_server_is_reached_and_its_connection_is_kept(server: Any) -> None:
    with client(LOOPBACK) as session:
        assert [session.get(url(server, "/a")).text, session.get(url(server, "/b")).text] == ["/a", "/b"]
    assert len(set(server.ports)) == 1


def test_a_server_inside_is_refused_as_what_certainly_was_not_sent(server: Any) -> None:
    with client(Policy(ports=frozenset((server.server_port,)))) as session, pytest.raises(AddressRefused) as refused:
        session.get(url(server))
    assert isinstance(refused.value, requests.ConnectionError)
    assert server.ports == []


def test_a_name_that_leads_inside_is_refused_too(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.server_port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **options: inside)
    with client(Policy(ports=frozenset((server.server_port,)))) as session, pytest.raises(AddressRefused):
        session.get(f"http://api.example:{server.server_port}/")
    assert server.ports == []


def test_a_cookie_of_one_call_does_not_come_with_the_next(server: Any) -> None:
    with client(LOOPBACK) as session:
        for path in ("/a", "/b"):
            session.get(url(server, path))
    assert server.cookies == [None, None]


def test_a_redirect_inside_is_refused(server: Any) -> None:
    with client(LOOPBACK) as session, pytest.raises(AddressRefused):
        session.get(url(server, "/moved"))


def test_a_proxy_of_the_environment_is_not_asked(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with client(LOOPBACK) as session:
        assert session.get(url(server, "/a")).text == "/a"


def test_an_answer_without_end_is_cut(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "MOST_BYTES", 10)
    with client(LOOPBACK) as session:
        assert session.get(url(server, "/short")).text == "/short"
        with pytest.raises(requests.ConnectionError):
            session.get(url(server, "/much-longer-than-ten"))


def test_threads_keep_sessions_of_their_own(tenant: Any) -> None:
    make: Callable[[], requests.Session] = clients.kept(tenant)
    mine, others = make(), []
    thread = threading.Thread(target=lambda: others.append(make()))
    thread.start()
    thread.join()
    assert make() is mine
    assert others[0] is not mine
