"""E-mail, against a mail server by others: what went out, what was refused, what nobody knows."""

import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.clock import ManualClock
from core.contract.context import Context
from core.members import MemberView
from hosts.testkit.plugin import Api
from plugins.notify import allowing, importing, mail, mail_connection
from plugins.notify.content import Content
from plugins.notify.posting import Letter, post
from roost import Channel, Outgoing, Sent, egress
from tests.plugins.notify.conftest import Story

HOST = "127.0.0.1"
FROM = "club@example.com"


class Postman:
    """What the server is told to say, and what it got."""

    def __init__(self) -> None:
        self.got: list[tuple[str, list[str], EmailMessage]] = []
        self.at_mail = self.at_rcpt = self.at_data = ""

    async def handle_MAIL(self, server: Any, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        envelope.mail_from = address
        return self.at_mail or "250 OK"

    async def handle_RCPT(self, server: Any, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        if not self.at_rcpt:
            envelope.rcpt_tos.append(address)
        return self.at_rcpt or "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        parsed: Any = message_from_bytes(content, policy=policy.default)
        self.got.append((str(envelope.mail_from), envelope.rcpt_tos, parsed))
        return self.at_data or "250 queued as 42"


@pytest.fixture
def postman() -> Postman:
    return Postman()


@pytest.fixture
def server(postman: Postman) -> Iterator[Controller]:
    """Run a mail server without encryption or names."""
    controller = Controller(postman, hostname=HOST, port=free_port())
    controller.start()
    yield controller
    controller.stop()


def free_port() -> int:
    with socket.socket() as found:
        found.bind((HOST, 0))
        return int(found.getsockname()[1])


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Write a certificate of the server's own, which nobody signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def mailing(use: Callable[..., None], server: Controller) -> Callable[..., None]:
    """Return a function that points the brand at the server."""

    def point(**more: Any) -> None:
        given = {"smtp_host": HOST, "smtp_port": server.port, "smtp_security": "none", "mail_from": FROM}
        use(**{**given, **more})

    point()
    return point


def outgoing(**more: Any) -> Outgoing:
    """Return a message to somebody."""
    given = {
        "key": "01a20298675b753e801d299e26829d59-email",
        "member": None,
        "address": "ann@example.org",
        "title": "会员日 Members' day",
        "text": "你好，Ann\n.a line that begins with a dot\n",
    }
    return Outgoing(**{**given, **more})


def send(ctx: Context, message: Outgoing) -> Sent:
    """Send it as notify does: prepared in a transaction, called in none."""
    with ctx.transaction():
        prepared = mail.CHANNEL.send.prepare(ctx, message)
    return mail.CHANNEL.send.call(prepared)  # type: ignore[no-any-return]


def test_notify_offers_it_as_a_channel(brand: Context) -> None:
    assert {channel.name: slug for slug, channel in brand.providers(Channel)}["email"] == "notify"


def test_a_mail_arrives_whole(brand: Context, mailing: Callable[..., None], postman: Postman) -> None:
    assert send(brand, outgoing()) == Sent("sent", receipt="queued as 42")
    sender, receivers, got = postman.got[0]
    assert (sender, receivers) == (FROM, ["ann@example.org"])
    assert got["Subject"] == "会员日 Members' day"
    assert got["From"] == "Brand acme <club@example.com>"
    assert got.get_content().replace("\r\n", "\n") == "你好，Ann\n.a line that begins with a dot\n"
    assert got["List-Unsubscribe"] is None
    assert got["Message-ID"] == "<01a20298675b753e801d299e26829d59-email@example.com>"


@pytest.mark.parametrize(
    ("where", "says", "expected"),
    [
        ("at_mail", "451 try later", Sent("later", "451", "the mail server says: later", retry_after=300)),
        ("at_mail", "553 no such sender", Sent("refused", "invalid_address", "the mail server refused it (553)")),
        ("at_rcpt", "450 mailbox busy", Sent("later", "450", "the mail server says: later", retry_after=300)),
        ("at_rcpt", "550 no such user", Sent("refused", "invalid_address", "the mail server refused it (550)")),
        ("at_data", "452 disk full", Sent("later", "452", "the mail server says: later", retry_after=300)),
        ("at_data", "554 looks like spam", Sent("refused", "refused", "the mail server refused it (554)")),
    ],
)
def test_what_the_server_refuses_is_refused_or_tried_later(
    brand: Context, mailing: Callable[..., None], postman: Postman, where: str, says: str, expected: Sent
) -> None:
    setattr(postman, where, says)
    assert send(brand, outgoing()) == expected


def test_without_a_server_it_did_not_go_out(brand: Context, mailing: Callable[..., None]) -> None:
    mailing(smtp_port=free_port())
    sent = send(brand, outgoing())
    assert (sent.state, sent.code) == ("later", "unreachable")


@pytest.mark.parametrize(("lines", "state"), [(0, "later"), (3, "later"), (5, "unknown")])
def test_a_lost_connection_means_what_the_server_had_by_then(
    brand: Context, mailing: Callable[..., None], lines: int, state: str
) -> None:
    """It hangs up after so many answers: the greeting, EHLO, MAIL, RCPT, DATA; the sixth would be to the mail."""
    answers = [b"220 hello\r\n", b"250 hello\r\n", b"250 OK\r\n", b"250 OK\r\n", b"354 go on\r\n"]
    listening = socket.create_server((HOST, 0))

    def serve() -> None:
        talk, _ = listening.accept()
        with talk, talk.makefile("rb") as heard:
            for number, answer in enumerate(answers[:lines]):
                if number:
                    heard.readline()
                talk.sendall(answer)
            if lines == len(answers):
                while heard.readline() not in (b".\r\n", b""):
                    pass

    thread = threading.Thread(target=serve)
    thread.start()
    mailing(smtp_port=listening.getsockname()[1])
    sent = send(brand, outgoing())
    thread.join()
    listening.close()
    assert sent.state == state


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "localhost", "0.0.0.0", "192.168.1.1", "::1"])
def test_a_mail_server_in_our_own_network_is_not_called(
    brand: Context, mailing: Callable[..., None], postman: Postman, server: Controller, host: str
) -> None:
    mailing(smtp_host=host)
    with brand.transaction():
        prepared = replace(mail.CHANNEL.send.prepare(brand, outgoing()), policy=egress.Policy())
    sent = mail.CHANNEL.send.call(prepared)
    assert (sent.state, sent.code) == ("refused", "not_configured")
    assert "address" in sent.detail
    assert postman.got == []


def test_a_server_that_drips_its_answers_is_cut_off(
    brand: Context, mailing: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes in time, and the answer never does."""
    monkeypatch.setattr(mail_connection, "LONGEST", 0.3)  # of a second
    listening = socket.create_server((HOST, 0))
    over = threading.Event()

    def drip() -> None:
        talk, _ = listening.accept()
        with talk:
            try:
                while not over.wait(0.02):
                    talk.sendall(b"2")
            except OSError:
                pass

    thread = threading.Thread(target=drip)
    thread.start()
    mailing(smtp_port=listening.getsockname()[1], mail_seconds=1)
    assert send(brand, outgoing()).state == "later"
    over.set()
    thread.join()
    listening.close()


def test_a_brand_without_a_mail_server_sends_none(brand: Context) -> None:
    assert send(brand, outgoing()).code == "not_configured"


@pytest.mark.parametrize("address", ["ann", "ann@example.org\r\nBcc: all@example.org", "a b@example.org", ""])
def test_an_address_that_would_add_a_header_is_refused(
    brand: Context, mailing: Callable[..., None], postman: Postman, address: str
) -> None:
    assert send(brand, outgoing(address=address)).code == "invalid_address"
    assert postman.got == []


def test_a_title_with_a_line_break_adds_no_header(
    brand: Context, mailing: Callable[..., None], postman: Postman
) -> None:
    assert send(brand, outgoing(title="Hi\r\nBcc: all@example.org")).code == "invalid_address"
    assert postman.got == []


# --- encryption and names --------------------------------------------------------------------------------------------


def authenticated(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    assert isinstance(data, LoginPassword)
    right = data.password == b"right"
    return AuthResult(success=right, handled=right)


@pytest.fixture
def guarded(certificate: Path, postman: Postman, monkeypatch: pytest.MonkeyPatch) -> Iterator[Controller]:
    """Run a server that wants STARTTLS, a name and a password; our side trusts its certificate."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    controller = Controller(
        postman, hostname=HOST, port=free_port(), tls_context=tls, require_starttls=True,
        authenticator=authenticated, auth_required=True,
    )  # fmt: skip
    controller.start()
    yield controller
    controller.stop()


def trusting(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(certificate)
    return context


def test_starttls_and_a_name(
    brand: Context,
    mailing: Callable[..., None],
    guarded: Controller,
    certificate: Path,
    postman: Postman,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = {"smtp_port": guarded.port, "smtp_security": "starttls", "smtp_user": "club", "smtp_password": "right"}
    mailing(**settings)
    assert send(brand, outgoing()).code == "tls", "a certificate that nobody signed is not trusted"
    monkeypatch.setattr(ssl, "create_default_context", lambda: trusting(certificate))
    assert send(brand, outgoing()).state == "sent"
    mailing(**{**settings, "smtp_password": "wrong"})
    assert send(brand, outgoing()).code == "not_configured"
    mailing(**{**settings, "smtp_security": "none", "smtp_user": ""})
    assert send(brand, outgoing()).state == "refused"
    assert len(postman.got) == 1


def test_a_password_is_in_no_repr(brand: Context, mailing: Callable[..., None]) -> None:
    mailing(smtp_user="club", smtp_password="s3cr3t-word")
    with brand.transaction():
        prepared = mail.CHANNEL.send.prepare(brand, outgoing())
    assert prepared.password == "s3cr3t-word"
    assert "s3cr3t-word" not in repr(prepared)
    assert "ann@" not in repr(prepared)


def test_an_answer_that_takes_too_long_after_the_mail_is_unknown(
    brand: Context, mailing: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(self: smtplib.SMTP, message: Any) -> Any:
        raise TimeoutError("timed out")

    monkeypatch.setattr(smtplib.SMTP, "data", never)
    assert send(brand, outgoing()).state == "unknown"


# --- a member's address ----------------------------------------------------------------------------------------------


def code_in(postman: Postman) -> str:
    body: str = postman.got[-1][2].get_content()
    return "".join(c for c in body if c.isdigit())[:6]


@pytest.fixture
def proved(
    mailing: Callable[..., None], postman: Postman, api: Api, story: Story, member: Callable[..., MemberView]
) -> MemberView:
    """Return a member who proved the address ann@example.org."""
    ann = member(name="Ann")
    token = api.as_member(ann)
    asked = api.post("/v1/notify/email", token=token, json={"email": "ann@Example.org"})
    assert (asked.status_code, asked.json) == (200, {"email": "", "asked": "a***@example.org"})
    story.drain()
    done = api.post("/v1/notify/email/confirm", token=token, json={"code": code_in(postman)})
    assert done.json == {"email": "a***@example.org", "asked": ""}, done.text
    return ann


def test_an_address_is_a_members_once_a_code_came_back(
    brand: Context, proved: MemberView, postman: Postman, story: Story
) -> None:
    assert mail.address_of(brand, proved.id) == "ann@example.org"
    assert "ann@" not in repr([row.__data__ for row in story.rows()])


def test_a_wrong_code_proves_nothing(
    mailing: Callable[..., None], api: Api, member: Callable[..., MemberView], story: Story, brand: Context
) -> None:
    ann = member()
    token = api.as_member(ann)
    assert api.post("/v1/notify/email/confirm", token=token, json={"code": "000000"}).status_code == 409
    api.post("/v1/notify/email", token=token, json={"email": "ann@example.org"})
    assert api.post("/v1/notify/email/confirm", token=token, json={"code": "000000"}).status_code in (422, 200)
    assert mail.address_of(brand, ann.id) is None


def test_marketing_by_mail_carries_the_headers_and_the_link_by_which_one_click_ends_it(
    brand: Context, proved: MemberView, story: Story, postman: Postman, api: Api, clock: ManualClock
) -> None:
    story.agree(proved, "email")
    story.letter(proved, channels=("email",))
    story.drain()
    got = postman.got[-1][2]
    assert got["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = str(got["List-Unsubscribe"]).strip("<>")
    assert link in got.get_content()
    assert "ann" not in link
    where = urlsplit(link)
    assert api.post(f"{where.path}?{where.query}", body="List-Unsubscribe=One-Click").status_code == 200
    clock.advance(days=1)
    message = story.letter(proved, channels=("email",))
    story.drain()
    assert story.row(message).code == "no_consent"


def test_the_link_of_an_imported_address_blocks_the_address(
    brand: Context, mailing: Callable[..., None], story: Story, postman: Postman, api: Api
) -> None:
    with brand.transaction():
        letter = Letter(
            key="x", group="campaign", notice="test", content=Content("T", "words"), channels=["email"],
            address=importing.receivable("email", " bob@Example.org "), address_channel="email", marketing=True,
        )  # fmt: skip
        post(brand, letter)
    story.drain()
    where = urlsplit(str(postman.got[-1][2]["List-Unsubscribe"]).strip("<>"))
    assert api.post(f"{where.path}?{where.query}").status_code == 200
    assert allowing.is_blocked(brand, "email", "bob@example.org")
