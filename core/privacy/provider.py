"""The cryptographic primitives, and the only module that knows which library provides them.

A deployment that must use other algorithms (SM4 and SM3, say) replaces this module and nothing else.
"""

import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16


class CannotOpen(Exception):
    """A sealed value was altered, or belongs to another tenant, purpose or key."""


class Cipher:
    """AES-256-GCM under one key; safe to share between threads."""

    __slots__ = ("_aead",)

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, plain: bytes, bound_to: bytes) -> bytes:
        """Return a random nonce, the ciphertext and its tag; `bound_to` must be given again to open it."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, bound_to)

    def open(self, sealed: bytes, bound_to: bytes) -> bytes:
        """Return what was sealed, or raise CannotOpen."""
        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
        except (InvalidTag, ValueError):
            raise CannotOpen from None


def derive(root: bytes, info: bytes) -> bytes:
    """Return a 32-byte key derived from a root key for one use (HKDF-SHA256, RFC 5869)."""
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=info).derive(root)


def mac(key: bytes, message: bytes) -> bytes:
    """Return the 32-byte HMAC-SHA256 of a message."""
    return hmac.digest(key, message, hashlib.sha256)


def equal(left: bytes, right: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(left, right)
