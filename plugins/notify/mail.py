"""The channel `email`: a tenant's own mail server, by SMTP.

What the server refused did not go out; a connection lost before it had the whole message neither. One lost after that
leaves it unknown, and nobody sends such a message again by itself.
"""

import re
import smtplib
import ssl
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from uuid import UUID

from plugins.notify import unsubscribing
from plugins.notify.mail_connection import Plain, Tls, policy_of
from plugins.notify.models import NotifyMember
from plugins.notify.schemas import EMAIL
from plugins.notify.settings import NotifySettings
from roost import Channel, Context, Outgoing, Sent, Steps, Text, egress, unseal

NAME = "email"
LATER = 300  # seconds
FOOTER = {
    "zh": "\n\n--\n不想再收到此类邮件？点此退订：{link}\n",
    "en": "\n\n--\nTo unsubscribe from such messages: {link}\n",
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A mail ready to go, or what became of it already."""

    host: str = ""
    port: int = 0
    security: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    seconds: int = 20
    sender: str = ""
    receiver: str = field(default="", repr=False)
    message: bytes = field(default=b"", repr=False)
    policy: egress.Policy = field(default_factory=egress.Policy)
    settled: Sent | None = None


def address_of(ctx: Context, member: UUID) -> str | None:
    """Return the e-mail address that a member proved, or None."""
    row = NotifyMember.scoped(ctx).first(NotifyMember.member == member)
    return unseal(ctx, "email", row.email) if row is not None and row.email is not None else None


def prepare(ctx: Context, outgoing: Outgoing) -> Prepared:
    """Write the mail; marketing carries a link, and the headers, by which one click ends it."""
    settings = ctx.settings(NotifySettings)
    if not (settings.smtp_host and settings.mail_from):
        return Prepared(settled=Sent("refused", "not_configured", "the mail server or the sender is not set"))
    if not re.fullmatch(EMAIL, outgoing.address):
        return Prepared(settled=Sent("refused", "invalid_address", "this is no e-mail address"))
    try:
        written = _write(ctx, settings, outgoing)
    except (ValueError, MessageError):  # a header or an address that the library refuses
        return Prepared(settled=Sent("refused", "invalid_address", "this cannot be written as a mail"))
    return Prepared(
        settings.smtp_host, settings.smtp_port, settings.smtp_security, settings.smtp_user,
        settings.smtp_password.get_secret_value(), settings.mail_seconds, settings.mail_from, outgoing.address, written,
        policy_of(ctx),
    )  # fmt: skip


def _write(ctx: Context, settings: NotifySettings, outgoing: Outgoing) -> bytes:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(settings.mail_name or ctx.tenant.name, addr_spec=settings.mail_from)
    mail["To"] = Address(addr_spec=outgoing.address)
    mail["Subject"] = outgoing.title or ctx.tenant.name
    mail["Date"] = format_datetime(ctx.now())
    mail["Message-ID"] = f"<{outgoing.key}@{settings.mail_from.rpartition('@')[2]}>"
    text = outgoing.text
    if outgoing.marketing:
        link = unsubscribing.link(ctx, UUID(outgoing.key[:32]), outgoing.member, NAME)
        mail["List-Unsubscribe"] = f"<{link}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        text += FOOTER[outgoing.locale].format(link=link)
    mail.set_content(text)
    return mail.as_bytes()


def call(prepared: Prepared) -> Sent:
    if prepared.settled is not None:
        return prepared.settled
    try:
        with _connected(prepared) as server:
            return _hand_over(server, prepared)
    except egress.Refused:
        return Sent("refused", "not_configured", "the mail server's address may not be reached from here")
    except smtplib.SMTPAuthenticationError as ex:
        return Sent("refused", "not_configured", f"the mail server refused our name and password ({ex.smtp_code})")
    except smtplib.SMTPNotSupportedError:
        return Sent("refused", "not_configured", "the mail server does not speak what the settings ask for")
    except smtplib.SMTPResponseException as ex:
        return _refused(ex.smtp_code, "")
    except ssl.SSLError:
        return Sent("later", "tls", "no secure connection to the mail server", retry_after=LATER)
    except (smtplib.SMTPException, OSError):
        return Sent("later", "unreachable", "the mail server does not answer", retry_after=LATER)


def _connected(prepared: Prepared) -> smtplib.SMTP:
    """Return a connection, encrypted as the settings say, signed in where there is a name."""
    where = (prepared.policy, prepared.host, prepared.port)
    if prepared.security == "tls":
        server: smtplib.SMTP = Tls(*where, timeout=prepared.seconds, context=ssl.create_default_context())
    else:
        server = Plain(*where, timeout=prepared.seconds)
    try:
        if prepared.security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if prepared.user:
            server.login(prepared.user, prepared.password)
        server.ehlo_or_helo_if_needed()
    except BaseException:
        server.close()
        raise
    return server


def _hand_over(server: smtplib.SMTP, prepared: Prepared) -> Sent:
    options = ["SMTPUTF8"] if not prepared.receiver.isascii() else []
    for code, _ in (server.mail(prepared.sender, options), server.rcpt(prepared.receiver)):
        if code >= 400:
            return _refused(code, "invalid_address")
    try:
        code, answer = server.data(prepared.message)
    except smtplib.SMTPDataError as ex:
        return _refused(ex.smtp_code, "refused")
    except (smtplib.SMTPServerDisconnected, OSError):
        return Sent("unknown", "unknown", "the connection was lost after the mail was handed over")
    if code >= 400:
        return _refused(code, "refused")
    return Sent("sent", receipt=answer.decode("ascii", "replace")[:100])


def _refused(code: int, what: str) -> Sent:
    """Return what a refusal means: 4xx try again, 5xx never."""
    if code < 500:
        return Sent("later", str(code), "the mail server says: later", retry_after=LATER)
    return Sent("refused", what or str(code), f"the mail server refused it ({code})")


def complete(ctx: Context, prepared: Prepared, sent: Sent) -> Sent:
    """Keep nothing: the message keeps what came of it."""
    return sent


CHANNEL = Channel(NAME, Text("邮件", "E-mail"), address_of, Steps(prepare, call, complete))
