"""How WeChat's message push is signed, encrypted and written: JSON or XML, plain or in safe mode.

A signature is the SHA-1, in hex, of the texts sorted and joined: token, timestamp and nonce, and in safe mode the
encrypted text too (``msg_signature``). Only that one covers what was said; a plain push proves no more than that its
sender has seen a signed one.

In safe mode the key is the EncodingAESKey in base64, AES-256 in CBC with the key's first half as the IV, padded by
PKCS#7 to blocks of 32. Inside are 16 random bytes, the length of the message in four bytes, the message, the app id.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element, ParseError

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from pydantic import JsonValue

BLOCK = 32
RANDOM = 16
DEEPEST = 6  # levels of XML
Reason = Literal[
    "missing_parameter", "malformed", "wrong_signature", "not_encrypted", "no_key", "wrong_key", "wrong_app"
]


class BadPush(Exception):
    """Refuse a push. ``reason`` is stable and meant for logs; nothing of the content is quoted."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason: Reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a brand and WeChat share for pushes; without ``aes_key`` they come in plain."""

    token: str
    aes_key: str
    appid: str

    def __repr__(self) -> str:
        return f"Secrets({self.appid!r})"


def signature(*texts: str) -> str:
    """Return the signature over texts, in whatever order they are given."""
    return hashlib.sha1("".join(sorted(texts)).encode(), usedforsecurity=False).hexdigest()


def _check(given: str, *texts: str) -> None:
    if not hmac.compare_digest(signature(*texts).encode(), given.lower().encode()):
        raise BadPush("wrong_signature", "the signature is not the token's over this push")


def _needed(query: Mapping[str, str], name: str) -> str:
    value = query.get(name, "")
    if not value:
        raise BadPush("missing_parameter", f"the query has no {name}")
    return value


def handshake(query: Mapping[str, str], token: str) -> str:
    """Return what a handshake is answered: its ``echostr``. Raises BadPush when it is not WeChat's."""
    _check(_needed(query, "signature"), token, _needed(query, "timestamp"), _needed(query, "nonce"))
    return _needed(query, "echostr")


def open_push(query: Mapping[str, str], body: bytes, shared: Secrets) -> tuple[dict[str, JsonValue], str]:
    """Return what a push says and the signature that proves it. Raises BadPush for one that proves nothing.

    A brand with an AES key takes only encrypted pushes: what stands beside the encrypted text is not looked at.
    """
    timestamp, nonce = _needed(query, "timestamp"), _needed(query, "nonce")
    if not shared.aes_key:
        given = _needed(query, "signature")
        _check(given, shared.token, timestamp, nonce)
        content = parse(body)
        if "Encrypt" in content:
            raise BadPush("no_key", "the push is encrypted and no EncodingAESKey is set")
        return content, given
    given = query.get("msg_signature", "")
    sealed = parse(body).get("Encrypt")
    if not given or not isinstance(sealed, str):
        raise BadPush("not_encrypted", "only encrypted pushes are taken: set safe mode at WeChat")
    _check(given, shared.token, timestamp, nonce, sealed)
    return parse(decrypt(sealed, shared.aes_key, shared.appid)), given


# --- encryption ------------------------------------------------------------------------------------------------------


def _cipher(aes_key: str) -> Cipher[modes.CBC]:
    key = base64.b64decode(aes_key + "=")
    return Cipher(algorithms.AES(key), modes.CBC(key[:16]))


def decrypt(sealed: str, aes_key: str, appid: str) -> bytes:
    """Return the message inside an encrypted text. Raises BadPush when it is another key's or another app's."""
    try:
        raw = base64.b64decode(sealed, validate=True)
    except (binascii.Error, ValueError):
        raise BadPush("malformed", "the encrypted text is not base64") from None
    if not raw or len(raw) % 16:
        raise BadPush("malformed", "the encrypted text is cut off")
    decryptor = _cipher(aes_key).decryptor()
    plain = decryptor.update(raw) + decryptor.finalize()
    fill = plain[-1]
    if not 1 <= fill <= BLOCK or plain[-fill:] != bytes([fill]) * fill or len(plain) - fill < RANDOM + 4:
        raise BadPush("wrong_key", "what comes out is not padded: the EncodingAESKey is another one")
    plain = plain[RANDOM:-fill]
    length = int.from_bytes(plain[:4], "big")
    message, sender = plain[4 : 4 + length], plain[4 + length :]
    if len(message) != length:
        raise BadPush("wrong_key", "the message is shorter than it says")
    if not hmac.compare_digest(sender, appid.encode()):
        raise BadPush("wrong_app", "the push is for another app")
    return message


def encrypt(message: bytes, aes_key: str, appid: str, *, random: bytes | None = None) -> str:
    """Return a message as an encrypted text."""
    plain = (random or secrets.token_hex(8).encode()) + len(message).to_bytes(4, "big") + message + appid.encode()
    fill = BLOCK - len(plain) % BLOCK
    encryptor = _cipher(aes_key).encryptor()
    return base64.b64encode(encryptor.update(plain + bytes([fill]) * fill) + encryptor.finalize()).decode()


# --- JSON and XML ----------------------------------------------------------------------------------------------------


def parse(body: bytes) -> dict[str, JsonValue]:
    """Return a push's object, from JSON or from XML. Raises BadPush for anything else."""
    content = _from_xml(body) if body.lstrip()[:1] == b"<" else _from_json(body)
    if not isinstance(content, dict):
        raise BadPush("malformed", "the push is no object")
    return content


def _from_json(body: bytes) -> JsonValue:
    try:
        value: JsonValue = json.loads(body)
    except (ValueError, RecursionError):
        raise BadPush("malformed", "the push is neither JSON nor XML") from None
    return value


def _from_xml(body: bytes) -> JsonValue:
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        raise BadPush("malformed", "the push is XML that cannot be read, or should not be") from None
    return _value(root, 0)


def _value(element: Element, depth: int) -> JsonValue:
    """Return an element as JSON has it: text, or an object in which what repeats is a list."""
    if depth > DEEPEST:
        raise BadPush("malformed", f"the XML is deeper than {DEEPEST} levels")
    if len(element) == 0:
        return element.text or ""
    found: dict[str, JsonValue] = {}
    for child in element:
        value = _value(child, depth + 1)
        held = found.get(child.tag)
        if child.tag not in found:
            found[child.tag] = value
        elif isinstance(held, list):
            held.append(value)
        else:
            found[child.tag] = [held, value]
    return found
