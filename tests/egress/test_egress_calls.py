"""Calls to addresses that others name, over real sockets."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from egress import Adapter, Failed, Policy, Refused, Session, connections, pool_manager

LOOPBACK = Policy((ip_network("127.0.0.1/32"),))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PACE = threading.Event()  # never set: how a server drips
Answer = Callable[[socket.socket, bytes], None]


class Wire:
    """A server of raw bytes: `answer(connection, head of the request)`; it keeps what came."""

    def __init__(self, answer: Answer, trust: ssl.SSLContext | None = None) -> None:
        self.heads: list[bytes] = []
        self.accepted = 0
        self.ending = threading.Event()
        self._answer, self._trust = answer, trust
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self.ending.is_set():
            try:
                opened, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._speak, args=(opened,), daemon=True).start()

    def _speak(self, opened: socket.socket) -> None:
        try:
            with self._trust.wrap_socket(opened, server_side=True) if self._trust else opened as talk:
                head = b""
                while b"\r\n\r\n" not in head and (piece := talk.recv(65536)):
                    head += piece
                self.heads.append(head)
                self._answer(talk, head)
        except OSError:
            pass

    def close(self) -> None:
        self.ending.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Wire]]:
    made: list[Wire] = []

    def start(answer: Answer | bytes = OK, trust: ssl.SSLContext | None = None) -> Wire:
        made.append(Wire((lambda talk, head: talk.sendall(answer)) if isinstance(answer, bytes) else answer, trust))
        return made[-1]

    yield start
    for wire in made:
        wire.close()


class Names:
    """A resolver of the test's: each time a name is asked for it gives the next of its answers, then the last."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers, self.asked = {name.replace("_", "."): list(given) for name, given in answers.items()}, 0

    def __call__(self, host: str, port: int, seconds: float) -> Any:
        self.asked += 1
        given = self.answers[host]
        addresses = given.pop(0) if len(given) > 1 else given[0]
        return [(socket.AF_INET6 if ":" in a else socket.AF_INET, (a, port)) for a in addresses]


def test_the_connection_goes_to_the_checked_address_and_the_host_header_is_the_names(
    serve: Callable[..., Wire],
) -> None:
    wire, names = serve(), Names(hooks_example=[["127.0.0.1"]])
    reply = Session(LOOPBACK, find=names).post(f"http://hooks.example:{wire.port}/in?a=b", b"hello")
    assert (reply.status, reply.body, reply.whole) == (200, b"ok", True)
    assert names.asked == 1
    assert wire.heads[0].startswith(b"POST /in?a=b HTTP/1.1\r\n")
    assert f"Host: hooks.example:{wire.port}".encode() in wire.heads[0]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "2002:7f00:1::", "0.0.0.0", "fd00::1"],
)
def test_a_name_that_leads_inside_is_refused_and_nothing_is_connected(serve: Callable[..., Wire], address: str) -> None:
    wire = serve()
    session = Session(Policy(ports=frozenset((wire.port,))), find=Names(evil_example=[[address]]))
    with pytest.raises(Refused) as refused:
        session.get(f"http://evil.example:{wire.port}/")
    assert refused.value.reason == "address"
    assert wire.accepted == 0


def test_a_name_with_one_address_outside_and_one_inside_is_refused_as_a_whole(serve: Callable[..., Wire]) -> None:
    wire = serve()
    names = Names(evil_example=[["93.184.216.34", "127.0.0.1"]])
    with pytest.raises(Refused):
        Session(Policy(ports=frozenset((wire.port,))), find=names).get(f"http://evil.example:{wire.port}/")
    assert wire.accepted == 0


def test_a_name_that_answers_differently_the_second_time_gains_nothing(
    serve: Callable[..., Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    """First asked it leads outside, then inside: the one who checks and the one who connects ask the same time."""
    wire = serve()
    reached: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, place: reached.append(place))
    names = Names(rebind_example=[["93.184.216.34"], ["127.0.0.1"]])
    session = Session(Policy(ports=frozenset((wire.port,))), find=names)
    with pytest.raises(Failed):  # the socket of the test leads nowhere
        session.get(f"http://rebind.example:{wire.port}/")
    assert reached == [("93.184.216.34", wire.port)]
    assert names.asked == 1
    with pytest.raises(Refused):
        session.get(f"http://rebind.example:{wire.port}/")
    assert reached == [("93.184.216.34", wire.port)]


def test_who_checks_one_answer_and_connects_by_another_is_led_inside(
    serve: Callable[..., Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: without the pinning the same name reaches the server."""
    wire, names = serve(), Names(rebind_example=[["93.184.216.34"], ["127.0.0.1"]])

    def check_and_look_up_again(connection: Any, policy: Policy, find: Any) -> socket.socket:
        for _, place in find(connection.host, connection.port, 1):
            policy.check_address(ip_address(place[0]), connection.port)
        return socket.create_connection(find(connection.host, connection.port, 1)[0][1], timeout=5)

    monkeypatch.setattr(connections, "_open", check_and_look_up_again)
    session = Session(Policy(ports=frozenset((wire.port,))), find=names)
    assert session.get(f"http://rebind.example:{wire.port}/").status == 200


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]", "localhost"])
def test_no_way_to_write_loopback_reaches_it(serve: Callable[..., Wire], host: str) -> None:
    wire = serve()
    session = Session(Policy(ports=frozenset((wire.port,))))
    with pytest.raises(Refused):
        session.get(f"http://{host}:{wire.port}/")
    adapter = Adapter(Policy(ports=frozenset((wire.port,))))
    with requests.Session() as other:
        other.trust_env = False
        other.mount("http://", adapter)
        with pytest.raises(Refused):
            other.get(f"http://{host}:{wire.port}/", timeout=5)
    pool = pool_manager(Policy(ports=frozenset((wire.port,))), retries=False)
    with pytest.raises(Refused):
        pool.request("GET", f"http://{host}:{wire.port}/")
    assert wire.accepted == 0


def moved(url: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Moved\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode()


def test_a_redirect_is_not_followed_unless_asked_and_never_by_a_post(serve: Callable[..., Wire]) -> None:
    target = serve()
    wire = serve(moved(f"http://127.0.0.1:{target.port}/"))
    session = Session(LOOPBACK)
    assert session.get(f"http://127.0.0.1:{wire.port}/").status == 302
    assert session.post(f"http://127.0.0.1:{wire.port}/", b"", redirects=3).status == 302
    assert target.accepted == 0
    reply = session.get(f"http://127.0.0.1:{wire.port}/", redirects=1)
    assert (reply.status, reply.url) == (200, f"http://127.0.0.1:{target.port}/")


def test_each_hop_is_checked_as_the_first_and_a_loop_ends(serve: Callable[..., Wire]) -> None:
    session = Session(LOOPBACK)
    for inside in ("http://127.0.0.2/", "http://169.254.169.254/", "file:///etc/passwd", "http://a@127.0.0.1/"):
        wire = serve(moved(inside))
        with pytest.raises(Refused):
            session.get(f"http://127.0.0.1:{wire.port}/", redirects=3)
    round_and_round = serve(moved("/again"))
    assert session.get(f"http://127.0.0.1:{round_and_round.port}/", redirects=99).status == 302
    assert round_and_round.accepted == 4


def test_another_host_is_not_told_our_headers(serve: Callable[..., Wire]) -> None:
    target = serve()
    wire = serve(moved(f"http://other.example:{target.port}/"))
    session = Session(LOOPBACK, find=Names(first_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]]))
    session.get(f"http://first.example:{wire.port}/", redirects=1, headers={"Authorization": "Bearer x"})
    assert b"Bearer" in wire.heads[0]
    assert b"Bearer" not in target.heads[0]


def test_a_body_beyond_its_limit_is_an_error_or_cut(serve: Callable[..., Wire]) -> None:
    endless = threading.Event()

    def flood(talk: socket.socket, head: bytes) -> None:
        talk.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not endless.is_set():
            talk.sendall(b"x" * 65536)

    wire = serve(flood)
    with pytest.raises(Failed) as failed:
        Session(LOOPBACK).get(f"http://127.0.0.1:{wire.port}/", most=100_000)
    assert failed.value.reason == "too_large"
    reply = Session(LOOPBACK).get(f"http://127.0.0.1:{wire.port}/", most=10, cut=True)
    assert (reply.body, reply.whole) == (b"x" * 10, False)
    endless.set()


def drip(what: bytes) -> Answer:
    """Answer with one byte after another, for ever: each comes long before a socket's own timeout."""

    def answer(talk: socket.socket, head: bytes) -> None:
        talk.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            talk.sendall(what)
            PACE.wait(0.05)

    return answer


@pytest.mark.parametrize("what", [b"X-A: b\r\n", b"x", b""])
def test_a_server_that_drips_is_left_when_the_whole_time_is_over(serve: Callable[..., Wire], what: bytes) -> None:
    def answer(talk: socket.socket, head: bytes) -> None:
        if what == b"x":
            talk.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        drip(what)(talk, head)

    wire = serve(answer)
    with pytest.raises(Failed) as failed:
        Session(LOOPBACK).get(f"http://127.0.0.1:{wire.port}/", seconds=0.5)
    assert failed.value.reason in ("timeout", "broken")  # a hundred header lines are too many as well
    if what != b"X-A: b\r\n":
        assert failed.value.reason == "timeout"


@pytest.mark.parametrize(
    "answer", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", b"\x00" * 99]
)
def test_what_is_no_http_is_said_to_be_broken(serve: Callable[..., Wire], answer: bytes) -> None:
    wire = serve(answer)
    with pytest.raises(Failed) as failed:
        Session(LOOPBACK).get(f"http://127.0.0.1:{wire.port}/")
    assert failed.value.reason == "broken"
    assert "garbage" not in failed.value.message


def test_nobody_there_and_no_such_name_are_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Failed) as failed:
        Session(LOOPBACK).get(f"http://127.0.0.1:{port}/")
    assert failed.value.reason == "connect"

    def nowhere(host: str, port: int, seconds: float) -> Any:
        raise OSError("Name or service not known")

    with pytest.raises(Failed) as failed:
        Session(LOOPBACK, find=nowhere).get("http://nowhere.example/")
    assert failed.value.reason == "dns"


def test_the_environments_proxy_is_not_asked(serve: Callable[..., Wire], monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, wire = serve(), serve()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    assert Session(LOOPBACK).get(f"http://127.0.0.1:{wire.port}/").status == 200
    assert (wire.accepted, proxy.accepted) == (1, 0)


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def certified(tmp_path: Path) -> Callable[[str], tuple[ssl.SSLContext, ssl.SSLContext, list[str | None]]]:
    """Return a maker of certificates for a name: the server's context, one that trusts it, names asked for."""

    def make(name: str) -> tuple[ssl.SSLContext, ssl.SSLContext, list[str | None]]:
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(key, hashes.SHA256())
        )
        file = tmp_path / f"{name}.pem"
        file.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(file)
        asked: list[str | None] = []
        server.sni_callback = lambda talk, wanted, context: asked.append(wanted)
        return server, ssl.create_default_context(cafile=str(file)), asked

    return make


def test_tls_is_spoken_with_the_name_though_the_address_is_pinned(serve: Callable[..., Wire], certified: Any) -> None:
    server, trust, asked = certified("hooks.example")
    wire = serve(OK, server)
    session = Session(LOOPBACK, find=Names(hooks_example=[["127.0.0.1"]]), trust=lambda: trust)
    assert session.get(f"https://hooks.example:{wire.port}/").status == 200
    assert asked == ["hooks.example"]


def test_a_certificate_for_another_name_or_of_nobody_we_trust_is_refused(
    serve: Callable[..., Wire], certified: Any
) -> None:
    server, trust, _ = certified("other.example")
    wire = serve(OK, server)
    names = Names(hooks_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
    for session, host in (
        (Session(LOOPBACK, find=names, trust=lambda: trust), "hooks.example"),
        (Session(LOOPBACK, find=names), "other.example"),
    ):
        with pytest.raises(Failed) as failed:
            session.get(f"https://{host}:{wire.port}/")
        assert failed.value.reason == "tls"
    assert wire.heads == []


def test_a_drip_within_tls_ends_too(serve: Callable[..., Wire], certified: Any) -> None:
    server, trust, _ = certified("hooks.example")
    wire = serve(lambda talk, head: (talk.sendall(b"HTTP/1.1 200 OK\r\n\r\n"), drip(b"x")(talk, head)), server)
    session = Session(LOOPBACK, find=Names(hooks_example=[["127.0.0.1"]]), trust=lambda: trust)
    with pytest.raises(Failed) as failed:
        session.get(f"https://hooks.example:{wire.port}/", seconds=0.5)
    assert failed.value.reason == "timeout"


def test_from_https_no_redirect_leads_to_http(serve: Callable[..., Wire], certified: Any) -> None:
    server, trust, _ = certified("hooks.example")
    plain = serve()
    wire = serve(moved(f"http://127.0.0.1:{plain.port}/"), server)
    session = Session(LOOPBACK, find=Names(hooks_example=[["127.0.0.1"]]), trust=lambda: trust)
    with pytest.raises(Refused):
        session.get(f"https://hooks.example:{wire.port}/", redirects=1)
    assert plain.accepted == 0
