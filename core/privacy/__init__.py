"""Personal data at rest: sealed with a key per tenant, found through blind indexes, shown masked."""

from core.privacy.keyring import Keyring, RootKey, new_key, parse_keys
from core.privacy.masking import mask_name, mask_phone, redact_phones
from core.privacy.phones import ContactPhone, PhoneText, last_four, normalise_phone

__all__ = [
    "ContactPhone",
    "Keyring",
    "PhoneText",
    "RootKey",
    "last_four",
    "mask_name",
    "mask_phone",
    "new_key",
    "normalise_phone",
    "parse_keys",
    "redact_phones",
]
