"""What people see of personal data they may not see whole."""

import re

# What people and spreadsheets put between the groups of a number; see `normalise_phone`.
_GAP = r"[\s\-().·\u00ad\u200b-\u200f\u2010-\u2015\u202a-\u202e\u2060\u2212\ufeff]{0,3}"
# Hexadecimal digits and dashes around it would make it a piece of an id.
_PHONE_IN_TEXT = re.compile(
    rf"(?<![0-9A-Fa-f-])(?:\(?[+＋]?(?:86|0086|８６){_GAP})?([1１][3-9３-９]\d){_GAP}(\d{{4}}){_GAP}(\d{{4}})(?![0-9A-Fa-f-])"
)


def mask_phone(phone: str) -> str:
    """Return `138****5678` for a mainland number in any accepted form, `****78` for others."""
    digits = re.sub(r"\D", "", phone)
    if not digits:
        return ""
    national = digits[-11:]
    if len(digits) >= 11 and national[0] == "1":
        return f"{national[:3]}****{national[-4:]}"
    return f"****{digits[-2:]}"


def mask_name(name: str) -> str:
    """Return the first character and a star for each of the others: `王**`."""
    name = name.strip()
    return name[:1] + "*" * max(len(name) - 1, 1) if name else ""


def redact_phones(text: str) -> str:
    """Mask every mainland phone number inside a text: for reasons and notes that people type."""
    return _PHONE_IN_TEXT.sub(r"\1****\3", text)
