"""Send one message to one address, and say what came of it."""

import re
import time
from dataclasses import dataclass, field
from typing import Literal

from integrations.webhooks import signing
from roost import egress

SECONDS = 10.0  # for all of it
MOST_BYTES = 4096  # of a reply that are read
SHOWN = 300  # characters of it that are kept
LONGEST_PAUSE = 6 * 3600  # seconds that a receiver may ask us to wait

# What no log should have, should a receiver send it back: phone and card numbers, signatures, keys.
_PRIVATE = re.compile(
    r"v1,[\w+/=]+|whsec_[\w+/=]+|[\w.+-]+@[\w-]+\.[\w.]+|\+?\d[\d -]{5,}\d|bearer\s+\S+", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent, signed by each of `keys`."""

    url: str = field(repr=False)
    id: str
    timestamp: int
    body: bytes = field(repr=False)
    keys: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt: a status, or why there is none (`refused:…`, `timeout`, `connect`, `dns`, `tls`, …)."""

    status: int | None
    milliseconds: int
    error: str = ""
    reply: str = field(default="", repr=False)
    retry_after: int = 0  # seconds, as the receiver asks

    @property
    def verdict(self) -> Literal["delivered", "gone", "failed"]:
        """Return what it means: only 2xx is delivered, and 410 says never again."""
        if self.status is not None and 200 <= self.status < 300:
            return "delivered"
        return "gone" if self.status == 410 else "failed"


def deliver(session: egress.Session, message: Message) -> Outcome:
    """Send a message; return what came of it, never raise for what the receiver does. A redirect is not followed."""
    began = time.monotonic()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Roost-Webhooks/1",
        **signing.headers(message.keys, message.id, message.timestamp, message.body),
    }
    try:
        reply = session.post(message.url, message.body, headers=headers, seconds=SECONDS, most=MOST_BYTES, cut=True)
    except egress.Refused as ex:
        return Outcome(None, _since(began), f"refused:{ex.reason}")
    except egress.Failed as ex:
        return Outcome(None, _since(began), ex.reason)
    return Outcome(
        reply.status, _since(began), reply=presentable(reply.body), retry_after=_pause(reply.headers.get("retry-after"))
    )


def presentable(body: bytes) -> str:
    """Return the beginning of a reply as staff may read it."""
    text = _PRIVATE.sub("…", body.decode("utf-8", "replace"))
    return "".join(letter if letter.isprintable() else " " for letter in text)[:SHOWN]


def _since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)


def _pause(header: str | None) -> int:
    text = header or ""
    return min(int(text[:9]), LONGEST_PAUSE) if text.isascii() and text.isdigit() else 0
