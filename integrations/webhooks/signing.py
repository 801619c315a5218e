"""The signature of Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`.

A secret is `whsec_` and the base64 of its bytes. Signed is `{id}.{timestamp}.{body}` by HMAC-SHA256; the header has one
`v1,BASE64` for each secret that is good, with blanks between. The timestamp is in seconds since 1970.
Source: the specification of Standard Webhooks, 1.0.
"""

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping, Sequence

PREFIX = "whsec_"
TOLERANCE = 300  # seconds that a receiver lets a timestamp differ
_BYTES = 32


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return `v1,BASE64` of a message."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def headers(keys: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the three headers, signed with each of the secrets."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(key, message_id, timestamp, body) for key in keys),
    }


def verify(secret: str, given: Mapping[str, str], body: bytes, *, now: int) -> str:
    """Return the id of a message that is signed; `given` are headers in lower case. Raises ValueError otherwise."""
    message_id, timestamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not message_id or not (timestamp.isascii() and timestamp.isdigit()):
        raise ValueError("the id or the timestamp is missing")
    if abs(now - int(timestamp)) > TOLERANCE:
        raise ValueError("the timestamp is too far from now")
    try:
        wanted = sign(secret, message_id, int(timestamp), body)
    except binascii.Error:
        raise ValueError("the secret is not base64") from None
    if not any(hmac.compare_digest(wanted.encode(), one.encode()) for one in given["webhook-signature"].split(" ")):
        raise ValueError("no signature fits")
    return message_id
