"""The keys of the fake: the merchant's, and those that the other side signs with; made when they are needed."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

MERCHANT_SERIAL = "4F2B7A0C9D3E15864A1C0B2D3E4F5A6B7C8D9E0F"
PUBLIC_KEY_ID = "PUB_KEY_ID_0119000001092026112200000000000001"


@dataclass(frozen=True, slots=True)
class Keys:
    """The merchant's key, and the two that WeChat Pay signs with: the public-key mode's and the certificate's."""

    merchant: rsa.RSAPrivateKey = field(repr=False)
    platform: rsa.RSAPrivateKey = field(repr=False)
    certified: rsa.RSAPrivateKey = field(repr=False)
    certificate: str
    certificate_serial: str

    @property
    def merchant_pem(self) -> str:
        """Return what a merchant finds in apiclient_key.pem."""
        return self.merchant.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    @property
    def public_pem(self) -> str:
        """Return what a merchant finds in pub_key.pem."""
        return (
            self.platform.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )


@cache
def make_keys(name: str = "") -> Keys:
    """Return keys, made once for a name and process: that takes a while."""
    merchant, platform, certified = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(3))
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Tenpay.com sign, of the fake {name}")])
    serial = x509.random_serial_number() | 1 << 158  # 40 digits, as the real ones
    from_then = datetime.fromisoformat("2024-01-01T00:00:00+00:00")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(certified.public_key())
        .serial_number(serial)
        .not_valid_before(from_then)
        .not_valid_after(from_then + timedelta(days=3650))
        .sign(certified, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    return Keys(merchant, platform, certified, pem, f"{serial:X}")
