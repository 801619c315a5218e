"""Bearer tokens: `rst_` for sessions, `rsk_` for integration keys.

There follow the tenant's number in base 36, for a member's session the member's id, and 256 random bits. The prefix
tells a leaked token from other secrets (scanners look for it); the number lets the right tenant's rows be read in one
statement, under that tenant's wall. The id proves nothing: it lets what the member asks for be read in the same message
that asks whether the session is good. Only the SHA-256 of a token is stored: it is random enough to need no salt.
"""

import base64
import hashlib
import re
import secrets
from typing import Literal
from uuid import UUID

Prefix = Literal["rst", "rsk"]
_TOKEN = re.compile(r"(rst|rsk)_([1-9a-z][0-9a-z]{0,5})_([A-Za-z0-9_-]{22})?[A-Za-z0-9_-]{43}")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
LARGEST_TENANT = 2**31 - 1


def _base36(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text


def new_token(prefix: Prefix, tenant_id: int, member: UUID | None = None) -> str:
    """Return a fresh token of a tenant, and of a member if given."""
    named = "" if member is None else base64.urlsafe_b64encode(member.bytes).decode().rstrip("=")
    return f"{prefix}_{_base36(tenant_id)}_{named}{secrets.token_urlsafe(32)}"


def read_token_text(token: str) -> tuple[Prefix, int, UUID | None] | None:
    """Return (prefix, tenant's number, member's id as claimed) of what looks like a token, or None."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        return None
    tenant_id = int(match[2], 36)
    if tenant_id > LARGEST_TENANT:
        return None
    named = match[3]
    member = UUID(bytes=base64.urlsafe_b64decode(f"{named}==")) if named else None
    return ("rst" if match[1] == "rst" else "rsk"), tenant_id, member


def hash_token(token: str) -> bytes:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).digest()
