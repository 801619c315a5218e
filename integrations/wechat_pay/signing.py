"""Sign what goes to WeChat Pay, verify what comes from it, and open its resources: API v3, RSA-SHA256 and AES-GCM.

Nothing here knows HTTP or a tenant. Facts of the wire, from the merchant's documentation:

- A request is signed over ``METHOD\\npath?query\\ntimestamp\\nnonce\\nbody\\n``, exactly the bytes that are sent.
- A reply and a callback are signed over ``timestamp\\nnonce\\nbody\\n`` by the key that ``Wechatpay-Serial`` names.
  That is a public key (``PUB_KEY_ID_…``) or a platform certificate's; while a merchant migrates it may be either, so
  the keys are a map by serial.
- A signature that begins ``WECHATPAY/SIGNTEST/`` is a probe: whoever accepts it does not verify.

No key, signature or plain text stands in the text of an error raised here.
"""

import base64
import binascii
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SCHEME = "WECHATPAY2-SHA256-RSA2048"
ALGORITHM = "AEAD_AES_256_GCM"
PROBE = "WECHATPAY/SIGNTEST/"
PUBLIC_KEY_ID = "PUB_KEY_ID_"
WINDOW_SECONDS = 300
"""A timestamp so far from our clock, either way, is refused."""

SERIAL, TIMESTAMP, NONCE, SIGNATURE = (
    "Wechatpay-Serial",
    "Wechatpay-Timestamp",
    "Wechatpay-Nonce",
    "Wechatpay-Signature",
)

Reason = Literal["missing_header", "malformed_header", "outside_window", "probe", "unknown_serial", "wrong_signature"]
PublicKeys = Mapping[str, rsa.RSAPublicKey]

_TIMESTAMP_FORM = re.compile(r"[0-9]{1,12}", re.ASCII)
_BLANKS = re.compile(r"\s+")
_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----(.*?)-----END \1-----", re.DOTALL)


class BadSignature(Exception):
    """Refuse what is not proved to be WeChat Pay's. ``reason`` is stable, for logs and counters."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason: Reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


class BadResource(Exception):
    """Refuse a resource that cannot be opened: another key's, altered, or of another form."""


# --- keys --------------------------------------------------------------------------------------------------------


def _pem(text: str, label: str) -> bytes:
    """Return a PEM whose line breaks may have been lost, as a form's one-line field loses them."""
    found = _PEM.search(text)
    label, inside = (found[1], found[2]) if found else (label, text)
    body = _BLANKS.sub("", inside)
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n".encode()


@lru_cache(maxsize=256)  # parsing a private key costs as much as ten signatures
def private_key_of(text: str) -> rsa.RSAPrivateKey:
    """Return the merchant's private key from its PEM, with or without its first and last line. Raises ValueError."""
    try:
        key = serialization.load_pem_private_key(_pem(text, "PRIVATE KEY"), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("this is not an RSA private key in PEM (apiclient_key.pem)")
    return key


@lru_cache(maxsize=256)
def public_key_of(text: str) -> rsa.RSAPublicKey:
    """Return WeChat Pay's public key from its PEM. Raises ValueError."""
    try:
        key = serialization.load_pem_public_key(_pem(text, "PUBLIC KEY"))
    except ValueError:
        key = None
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("this is not an RSA public key in PEM (pub_key.pem)")
    return key


@lru_cache(maxsize=256)
def certificate_keys_of(text: str) -> PublicKeys:
    """Return the keys of platform certificates, one or more PEMs in a row, by serial. Raises ValueError."""
    keys: dict[str, rsa.RSAPublicKey] = {}
    for found in _PEM.finditer(text):
        try:
            certificate = x509.load_pem_x509_certificate(_pem(found[0], "CERTIFICATE"))
            key = certificate.public_key()
        except ValueError:
            raise ValueError("this is not a certificate in PEM") from None
        if not isinstance(key, rsa.RSAPublicKey):
            raise ValueError("a platform certificate has an RSA key")
        keys[f"{certificate.serial_number:X}"] = key
    if text.strip() and not keys:
        raise ValueError("no certificate in PEM is here")
    return keys


@dataclass(frozen=True, slots=True)
class Credentials:
    """Hold what a merchant signs with, and the keys that WeChat Pay signs with. Nothing secret is in the repr.

    ``public_key_id`` is "" in certificate mode; otherwise it is one of the serials of ``platform`` and is sent along,
    so that the reply is signed with that key.
    """

    mchid: str
    serial: str
    private_key: rsa.RSAPrivateKey = field(repr=False)
    api_v3_key: bytes = field(repr=False)
    platform: PublicKeys = field(repr=False)
    public_key_id: str = ""


# --- signing -------------------------------------------------------------------------------------------------------


def sign(key: rsa.RSAPrivateKey, *parts: str | bytes) -> str:
    """Return the base64 of the RSA-SHA256 signature over the parts, each closed by a line feed."""
    return base64.b64encode(key.sign(_message(parts), padding.PKCS1v15(), hashes.SHA256())).decode()


def _message(parts: tuple[str | bytes, ...]) -> bytes:
    return b"".join((part.encode() if isinstance(part, str) else part) + b"\n" for part in parts)


def authorization(
    credentials: Credentials, method: str, path_and_query: str, body: bytes, *, now: datetime, nonce: str | None = None
) -> str:
    """Return the header Authorization of a request."""
    nonce, timestamp = nonce or secrets.token_hex(16), str(int(now.timestamp()))
    signature = sign(credentials.private_key, method, path_and_query, timestamp, nonce, body)
    return (
        f'{SCHEME} mchid="{credentials.mchid}",nonce_str="{nonce}",signature="{signature}",'
        f'timestamp="{timestamp}",serial_no="{credentials.serial}"'
    )


def client_parameters(
    credentials: Credentials, appid: str, prepay: str, *, now: datetime, nonce: str | None = None
) -> dict[str, str]:
    """Return what the mini-program hands to `wx.requestPayment`."""
    nonce, timestamp, package = nonce or secrets.token_hex(16), str(int(now.timestamp())), f"prepay_id={prepay}"
    return {
        "timeStamp": timestamp,
        "nonceStr": nonce,
        "package": package,
        "signType": "RSA",
        "paySign": sign(credentials.private_key, appid, timestamp, nonce, package),
    }


# --- verifying -----------------------------------------------------------------------------------------------------


def verify(keys: PublicKeys, headers: Mapping[str, str], body: bytes, *, now: datetime) -> str:
    """Return the serial that signed a reply or a callback; ``headers`` have lower-case names. Raises BadSignature."""
    given: dict[str, str] = {}
    for name in (SERIAL, TIMESTAMP, NONCE, SIGNATURE):
        value = headers.get(name.lower(), "")
        if not value:
            raise BadSignature("missing_header", name)
        given[name] = value
    if given[SIGNATURE].startswith(PROBE):
        raise BadSignature("probe", "a signature made to be refused")
    if not _TIMESTAMP_FORM.fullmatch(given[TIMESTAMP]):
        raise BadSignature("malformed_header", TIMESTAMP)
    if abs(now.timestamp() - int(given[TIMESTAMP])) >= WINDOW_SECONDS:
        raise BadSignature("outside_window", f"{TIMESTAMP} is {WINDOW_SECONDS} s or more from our clock")
    key = key_of(keys, given[SERIAL])
    try:
        signature = base64.b64decode(given[SIGNATURE], validate=True)
        message = _message((given[TIMESTAMP], given[NONCE], body))
        key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        raise BadSignature("wrong_signature", "the signature is not over these bytes by that key") from None
    return given[SERIAL]


def key_of(keys: PublicKeys, serial: str) -> rsa.RSAPublicKey:
    """Return the key of a serial; hexadecimal ones may differ in case and leading noughts. Raises BadSignature."""
    key = keys.get(serial)
    if key is None and not serial.startswith(PUBLIC_KEY_ID):
        wanted = serial.lstrip("0").upper()
        key = next((k for name, k in keys.items() if name.lstrip("0").upper() == wanted), None)
    if key is None:
        raise BadSignature("unknown_serial", f"no key of ours has the serial {serial[:60]!r}")
    return key


# --- resources -----------------------------------------------------------------------------------------------------


def open_resource(api_v3_key: bytes, resource: Mapping[str, object]) -> bytes:
    """Return the plain text of an encrypted resource. Raises BadResource."""
    if resource.get("algorithm") != ALGORITHM:
        raise BadResource(f"the algorithm is not {ALGORITHM}")
    nonce, text, more = (resource.get(name) or "" for name in ("nonce", "ciphertext", "associated_data"))
    if not (isinstance(nonce, str) and isinstance(text, str) and isinstance(more, str)):
        raise BadResource("nonce, ciphertext and associated_data are texts")
    try:
        return AESGCM(api_v3_key).decrypt(nonce.encode(), base64.b64decode(text, validate=True), more.encode())
    except (InvalidTag, ValueError, binascii.Error):
        raise BadResource("it was not sealed with our APIv3 key, or was altered") from None


def seal_resource(api_v3_key: bytes, plain: bytes, *, original_type: str, associated_data: str) -> dict[str, str]:
    """Return a resource as WeChat Pay encrypts it: for the fake."""
    nonce = secrets.token_hex(6)
    sealed = AESGCM(api_v3_key).encrypt(nonce.encode(), plain, associated_data.encode())
    return {
        "algorithm": ALGORITHM,
        "ciphertext": base64.b64encode(sealed).decode(),
        "nonce": nonce,
        "associated_data": associated_data,
        "original_type": original_type,
    }


def compact(value: object) -> bytes:
    """Return JSON as it is sent and signed: once, as bytes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def utc_now() -> datetime:
    """Return the present instant in UTC: the default clock."""
    return datetime.now(UTC)


Clock = Callable[[], datetime]
