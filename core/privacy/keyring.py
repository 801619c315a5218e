"""Root keys from the settings, and the keys derived from them for each tenant.

`ROOST_ENCRYPTION_KEYS` and `ROOST_INDEX_KEYS` read `2:BASE64,1:BASE64`: newest first, versions 1 to 255, 32
bytes each. The newest seals and indexes; every listed one still opens and is tried in lookups. To rotate:
add the new key *last* and restart every process (all can read it), move it *first* and restart (all write
it), run the rotation (`core.members.rotation`), wait until the audit trail of every tenant says
`keys.rotated`, and 72 hours more, for as long replies are kept for a repeated request; then drop the old one.
Deleting a root key before that makes its rows unreadable for good.
"""

import base64
import binascii
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from core.config import Settings
from core.errors import ConfigurationError, IntegrityFault
from core.privacy import provider

BLIND_BYTES = 16


@dataclass(frozen=True, slots=True)
class RootKey:
    """One versioned root key; its bytes are never shown."""

    version: int
    secret: bytes = field(repr=False)


def new_key() -> str:
    """Return a fresh root key as the settings want it: 32 random bytes in BASE64."""
    return base64.b64encode(secrets.token_bytes(provider.KEY_BYTES)).decode()


def _decode(name: str, text: str) -> bytes:
    try:
        secret = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ConfigurationError(f"{name}: a key is not BASE64; make one with: openssl rand -base64 32") from None
    if len(secret) != provider.KEY_BYTES:
        raise ConfigurationError(
            f"{name}: a key has {len(secret)} bytes, it needs {provider.KEY_BYTES};"
            " make one with: openssl rand -base64 32"
        )
    return secret


def parse_keys(name: str, text: str) -> tuple[RootKey, ...]:
    """Read `2:BASE64,1:BASE64`, newest first; a ConfigurationError names the variable and what is wrong."""
    if not text.strip():
        raise ConfigurationError(
            f"{name} is not set: personal data cannot be kept without it. Set it to 1:KEY, with KEY from:"
            " openssl rand -base64 32; keep it outside the database and back it up apart from it",
            f"未设置 {name}：没有密钥无法保存个人数据",
        )
    keys: list[RootKey] = []
    for part in text.split(","):
        number, colon, encoded = part.strip().partition(":")
        if not colon or not number.isascii() or not number.isdigit() or not 1 <= int(number) <= 255:
            raise ConfigurationError(f"{name}: each key is written VERSION:BASE64, with a version from 1 to 255")
        keys.append(RootKey(int(number), _decode(name, encoded)))
    if len({k.version for k in keys}) < len(keys):
        raise ConfigurationError(f"{name}: two keys have the same version")
    if len({k.secret for k in keys}) < len(keys):
        raise ConfigurationError(f"{name}: two versions have the same key")
    return tuple(keys)


class Keyring:
    """Seals, opens and indexes personal data. One per process; safe to share between threads."""

    def __init__(self, encryption: Iterable[RootKey], index: Iterable[RootKey], token_key: bytes) -> None:
        self._encryption = {key.version: key for key in encryption}
        self._index = tuple(index)
        self._token = token_key
        self._newest = next(iter(self._encryption))
        self._ciphers: dict[tuple[int, int], provider.Cipher] = {}
        self._index_keys: dict[tuple[int, int, str], bytes] = {}
        self._signing: dict[tuple[int, str], bytes] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> "Keyring":
        """Read the deployment's keys; a ConfigurationError when one is missing, short, repeated or shared."""
        encryption = parse_keys("ROOST_ENCRYPTION_KEYS", settings.encryption_keys.get_secret_value())
        index = parse_keys("ROOST_INDEX_KEYS", settings.index_keys.get_secret_value())
        token_text = settings.token_key.get_secret_value().strip()
        if not token_text:
            raise ConfigurationError(
                "ROOST_TOKEN_KEY is not set: tokens cannot be signed without it;"
                " make one with: openssl rand -base64 32",
                "未设置 ROOST_TOKEN_KEY",
            )
        token = _decode("ROOST_TOKEN_KEY", token_text)
        held = {
            "ROOST_ENCRYPTION_KEYS": {k.secret for k in encryption},
            "ROOST_INDEX_KEYS": {k.secret for k in index},
        }
        if held["ROOST_ENCRYPTION_KEYS"] & held["ROOST_INDEX_KEYS"]:
            raise ConfigurationError("ROOST_ENCRYPTION_KEYS and ROOST_INDEX_KEYS share a key: they must be independent")
        for name, secrets_ in held.items():
            if token in secrets_:
                raise ConfigurationError(f"{name} and ROOST_TOKEN_KEY share a key: they must be independent")
        return cls(encryption, index, token)

    # sealing

    def _cipher(self, version: int, tenant_id: int) -> provider.Cipher:
        cipher = self._ciphers.get((version, tenant_id))
        if cipher is None:
            key = provider.derive(self._encryption[version].secret, b"roost seal %d" % tenant_id)
            cipher = self._ciphers[(version, tenant_id)] = provider.Cipher(key)
        return cipher

    @staticmethod
    def _bound(tenant_id: int, purpose: str) -> bytes:
        return b"%d:%s" % (tenant_id, purpose.encode())

    def seal(self, tenant_id: int, purpose: str, plaintext: str) -> bytes:
        """Encrypt for one tenant and purpose: version byte, random nonce, ciphertext and tag."""
        body = self._cipher(self._newest, tenant_id).seal(plaintext.encode(), self._bound(tenant_id, purpose))
        return bytes((self._newest,)) + body

    def open(self, tenant_id: int, purpose: str, sealed: bytes | memoryview) -> str:
        """Decrypt what `seal` made for the same tenant and purpose.

        Raises ConfigurationError when the key of its version is not in the settings, IntegrityFault when it
        was altered or was sealed for something else.
        """
        sealed = bytes(sealed)
        version = sealed[0] if sealed else 0
        if version not in self._encryption:
            raise ConfigurationError(
                f"a value is sealed with encryption key {version}, which ROOST_ENCRYPTION_KEYS does not hold"
                f" (it holds {', '.join(map(str, self._encryption))}): put it back until the rotation is done"
            )
        try:
            return self._cipher(version, tenant_id).open(sealed[1:], self._bound(tenant_id, purpose)).decode()
        except provider.CannotOpen:
            raise IntegrityFault(
                f"a sealed value ({purpose}, tenant {tenant_id}) was altered or belongs elsewhere",
                "加密数据已损坏或被篡改",
                purpose=purpose,
            ) from None

    def needs_rotation(self, sealed: bytes | memoryview) -> bool:
        """Tell whether a value is sealed with another key than the newest."""
        return bytes(sealed[:1]) != bytes((self._newest,))

    @property
    def rotating(self) -> bool:
        """Tell whether rows of more than one index key may exist side by side."""
        return len(self._index) > 1

    # blind indexes

    def _index_key(self, root: RootKey, tenant_id: int, purpose: str) -> bytes:
        key = self._index_keys.get((root.version, tenant_id, purpose))
        if key is None:
            key = provider.derive(root.secret, b"roost index %d %s" % (tenant_id, purpose.encode()))
            self._index_keys[(root.version, tenant_id, purpose)] = key
        return key

    def blind(self, tenant_id: int, purpose: str, value: str) -> bytes:
        """Return the 16 bytes under which a value is found, by the newest index key."""
        return provider.mac(self._index_key(self._index[0], tenant_id, purpose), value.encode())[:BLIND_BYTES]

    def blinds(self, tenant_id: int, purpose: str, value: str) -> list[bytes]:
        """Return a value's blind index by every index key, newest first: for rows not yet rotated."""
        encoded = value.encode()
        return [provider.mac(self._index_key(root, tenant_id, purpose), encoded)[:BLIND_BYTES] for root in self._index]

    # signing

    def signature(self, tenant_id: int, purpose: str, message: bytes) -> bytes:
        """Return a 32-byte HMAC under the token key of one tenant and purpose."""
        key = self._signing.get((tenant_id, purpose))
        if key is None:
            key = provider.derive(self._token, b"roost token %d %s" % (tenant_id, purpose.encode()))
            self._signing[(tenant_id, purpose)] = key
        return provider.mac(key, message)
