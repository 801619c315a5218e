"""Signed tokens that carry a little data: invitations, QR scenes, links.

Nothing is stored, so they cannot be revoked. The payload `{"member": UUID}`, or a single key with a short
text (16 bytes, the key and a sign between included), valid for a day or more, makes at most 32 characters of
A-Z, a-z, 0-9, - and _, which fits the `scene` of a WeChat mini-program code. It carries 40 bits of signature:
enough for an invitation, too few for a credential. All others carry 128.
"""

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from core.contract.context import Context
from core.errors import Invalid
from core.privacy.provider import equal

# Byte 0..2: a form in the top 2 bits, the expiry in 22 bits of ten minutes since 2025 (79 years). The forms:
LONG, ID, TEXT = 0, 1, 2
EPOCH = datetime(2025, 1, 1, tzinfo=UTC)
UNIT = 600  # seconds
LATEST = 2**22 - 1
SHORT_MAC, LONG_MAC = 5, 16
SHORT_FROM = 86_400  # seconds: ten minutes more or less do not matter then
BODY = 16
MOST_BYTES = 1500


def _mac(ctx: Context, purpose: str, signed: bytes) -> bytes:
    return ctx.services.keyring.signature(ctx.tenant.id, f"sign {purpose}", signed)


def _short_body(payload: dict[str, Any]) -> tuple[int, bytes] | None:
    if len(payload) != 1:
        return None
    ((key, value),) = payload.items()
    if key == "member" and isinstance(value, UUID):
        return ID, value.bytes
    text = f"{key}={value}".encode()
    if isinstance(value, str) and key.isidentifier() and len(text) <= BODY and b"\x00" not in text:
        return TEXT, text
    return None


def sign_token(ctx: Context, purpose: str, payload: dict[str, Any], *, ttl: int) -> str:
    """Return a token that carries `payload`: JSON values and ids.

    It is readable for the same brand and purpose for `ttl` seconds. The payload can be read by anyone who
    holds the token: no personal data. Raises Invalid above 1,500 bytes.
    """
    now = ctx.now()
    short = _short_body(payload) if ttl >= SHORT_FROM else None
    if short is not None:
        form, body = short
        units = -(-int((now + timedelta(seconds=ttl) - EPOCH).total_seconds()) // UNIT)
        head = (form << 22 | min(units, LATEST)).to_bytes(3, "big") + body
        return _encode(head + _mac(ctx, purpose, head)[:SHORT_MAC])
    values = {key: {"id": str(value)} if isinstance(value, UUID) else value for key, value in payload.items()}
    until = int((now + timedelta(seconds=ttl)).timestamp())
    head = bytes(1) + json.dumps([until, values], ensure_ascii=False, separators=(",", ":")).encode()
    if len(head) > MOST_BYTES:
        raise Invalid(f"a signed token carries at most {MOST_BYTES} bytes, not {len(head)}")
    return _encode(head + _mac(ctx, purpose, head)[:LONG_MAC])


def read_token(ctx: Context, purpose: str, token: str) -> dict[str, Any]:
    """Return the payload of a token as it was signed.

    Raises Invalid with the code `bad_token` for one that was altered or is of another brand or purpose, and
    `token_expired` for one whose time is over.
    """
    raw = _decode(token)
    if raw is None or len(raw) < 1 + SHORT_MAC:
        raise _bad()
    form = raw[0] >> 6
    size = LONG_MAC if form == LONG else SHORT_MAC
    head, mac = raw[:-size], raw[-size:]
    if len(head) < 4 or not equal(mac, _mac(ctx, purpose, head)[:size]):
        raise _bad()
    if form == LONG:
        seconds, values = json.loads(head[1:])
        until = datetime.fromtimestamp(seconds, UTC)
        payload = {k: UUID(v["id"]) if isinstance(v, dict) and list(v) == ["id"] else v for k, v in values.items()}
    else:
        until = EPOCH + timedelta(seconds=(int.from_bytes(head[:3], "big") & LATEST) * UNIT)
        payload = _short_payload(form, head[3:])
    if ctx.now() >= until:
        raise Invalid("this link or code has expired", "链接或二维码已过期", code="token_expired")
    return payload


def _short_payload(form: int, body: bytes) -> dict[str, Any]:
    if form == ID:
        return {"member": UUID(bytes=body)}
    key, _, value = body.decode().partition("=")
    return {key: value}


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(token: str) -> bytes | None:
    if not token.isascii() or len(token) > 2 * MOST_BYTES:
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if _encode(raw) == token else None  # one spelling: a token is compared as text elsewhere


def _bad() -> Invalid:
    return Invalid("this link or code is not valid here", "链接或二维码无效", code="bad_token")
