"""Sign and verify the calls between Roost and a SaaS, in both directions.

The text that is signed is ``METHOD\\npath?query\\ntimestamp\\nnonce\\nsha256(body)``; the signature is its
HMAC-SHA256 in hex. Four headers carry it: ``X-App-Id``, ``X-Timestamp`` (whole seconds since 1970),
``X-Nonce`` and ``X-Signature``. The scheme is ours: the vendor publishes none.

Nothing here knows HTTP or the client. Whoever meets a SaaS that signs in another way writes another `Scheme` in a
plugin of their own and answers the decision `signing_scheme` with it; the setting `scheme` picks it by name.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol

WINDOW_SECONDS = 300
"""How far a timestamp may be from our clock, either way."""

NONCE_SECONDS = 600
"""How long a nonce must stay unique: the whole window, from 300 s early to 300 s late."""

APP_ID, TIMESTAMP, NONCE, SIGNATURE = "X-App-Id", "X-Timestamp", "X-Nonce", "X-Signature"

Reason = Literal["missing_header", "malformed_header", "unknown_app", "outside_window", "wrong_signature"]

_TIMESTAMP_FORM = re.compile(r"[0-9]{1,12}", re.ASCII)
_NONCE_FORM = re.compile(r"[0-9A-Za-z._~-]{8,128}", re.ASCII)
_SIGNATURE_FORM = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)


class BadSignature(Exception):
    """Refuse a call whose signature does not prove who sent it.

    ``reason`` is stable and meant for logs and counters; ``detail`` says which header or value, never a
    secret.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason: Reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Verified:
    """Name the sender of a call that was verified, and the nonce, which must be new to the caller.

    A nonce is to be kept for `NONCE_SECONDS`, by app id, in a place that all processes share. ``body`` is the event
    where a scheme wraps it, in a form say; None when it is the body as it came.
    """

    app_id: str
    timestamp: int
    nonce: str
    body: bytes | None = None


class Signer(Protocol):
    """Add to a request what proves that it is ours.

    ``headers`` is asked once for every attempt, so that a repeated call has a nonce of its own. ``renew`` is
    called when the other side says that its session has expired: a scheme with a login logs in again there,
    others do nothing.
    """

    def headers(self, method: str, path_and_query: str, body: bytes) -> Mapping[str, str]: ...

    def renew(self) -> None: ...


class Scheme(Protocol):
    """Know one way to sign, both ways: whom we call and who pushes to us use the same one."""

    def signer(self, app_id: str, secret: str, clock: Callable[[], datetime]) -> Signer:
        """Return what signs our calls; ``clock`` gives UTC."""
        ...

    def verify(
        self,
        app_id: str,
        secret: str,
        method: str,
        path_and_query: str,
        headers: Mapping[str, str],
        body: bytes,
        now: datetime,
    ) -> Verified:
        """Return who pushed. A scheme without nonces names something that no other push has, its signature say.

        Raises `BadSignature` for what ``app_id`` did not send, or not now.
        """
        ...


def sign(secret: str, method: str, path_and_query: str, timestamp: int | str, nonce: str, body: bytes) -> str:
    """Return the signature of a call as 64 lower-case hex digits.

    ``path_and_query`` is the request target exactly as it stands on the wire: percent-encoded, with ``?``
    only when there is a query. ``timestamp`` is in whole seconds. ``body`` is empty bytes when there is none.
    """
    digest = hashlib.sha256(body).hexdigest()
    text = "\n".join((method.upper(), path_and_query, str(timestamp), nonce, digest))
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def verify(
    secret: str,
    method: str,
    path_and_query: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: datetime,
    app_id: str | None = None,
    window_seconds: int = WINDOW_SECONDS,
) -> Verified:
    """Check the headers of an inbound call against the call itself; return who sent it.

    Header names are matched in any case. With ``app_id`` the call must come from that app. Whether the nonce
    was seen before is for the caller to ask (see `Verified`), after this and not before, so that a forger
    cannot use nonces up.

    Raises `BadSignature` for a missing or malformed header, another app, a timestamp outside
    ±``window_seconds``, or a signature of anything else than this call.
    """
    given = {name.lower(): value for name, value in headers.items()}
    for name in (APP_ID, TIMESTAMP, NONCE, SIGNATURE):
        if not given.get(name.lower()):
            raise BadSignature("missing_header", f"{name} is missing or empty")
    sender, timestamp, nonce, signature = (given[name.lower()] for name in (APP_ID, TIMESTAMP, NONCE, SIGNATURE))
    # The forms exclude line breaks, so that no part of the signed text can pose as another.
    for name, value, form in (
        (TIMESTAMP, timestamp, _TIMESTAMP_FORM),
        (NONCE, nonce, _NONCE_FORM),
        (SIGNATURE, signature, _SIGNATURE_FORM),
    ):
        if form.fullmatch(value) is None:
            raise BadSignature("malformed_header", f"{name} does not have the form {form.pattern}")
    if app_id is not None and not hmac.compare_digest(sender.encode(), app_id.encode()):
        raise BadSignature("unknown_app", f"{APP_ID} is not the app of this connection")
    if not hmac.compare_digest(sign(secret, method, path_and_query, timestamp, nonce, body), signature.lower()):
        raise BadSignature("wrong_signature", f"{SIGNATURE} does not belong to this {method.upper()} call")
    drift = int(timestamp) - int(now.timestamp())
    if abs(drift) > window_seconds:
        raise BadSignature("outside_window", f"{TIMESTAMP} is {drift:+d} s from our clock, ±{window_seconds} s allowed")
    return Verified(sender, int(timestamp), nonce)


class HmacSigner:
    """Sign with the shared secret of one app, by the scheme of `sign`. Safe to share between threads."""

    def __init__(
        self,
        app_id: str,
        secret: str,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        nonce: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self.app_id = app_id
        self._secret = secret
        self._clock = clock
        self._nonce = nonce

    def __repr__(self) -> str:
        return f"HmacSigner({self.app_id!r})"

    def headers(self, method: str, path_and_query: str, body: bytes) -> Mapping[str, str]:
        """Return the four headers for one attempt at one call, with the present second and a new nonce."""
        timestamp, nonce = int(self._clock().timestamp()), self._nonce()
        return {
            APP_ID: self.app_id,
            TIMESTAMP: str(timestamp),
            NONCE: nonce,
            SIGNATURE: sign(self._secret, method, path_and_query, timestamp, nonce, body),
        }

    def renew(self) -> None:
        """Do nothing: there is no session behind this scheme."""


class HmacScheme:
    """Sign and verify by `sign` and `verify`: the scheme of the open protocol."""

    def signer(self, app_id: str, secret: str, clock: Callable[[], datetime]) -> Signer:
        return HmacSigner(app_id, secret, clock=clock)

    def verify(
        self,
        app_id: str,
        secret: str,
        method: str,
        path_and_query: str,
        headers: Mapping[str, str],
        body: bytes,
        now: datetime,
    ) -> Verified:
        """Check the four headers. Raises `BadSignature`."""
        return verify(secret, method, path_and_query, headers, body, now=now, app_id=app_id)


HMAC_SHA256 = "hmac-sha256"
