"""Phone numbers as Roost keeps them: E.164, mainland China."""

import re
import unicodedata

from core.errors import Invalid

_MAINLAND = re.compile(r"1[3-9]\d{9}", re.ASCII)


def normalise_phone(phone: str) -> str:
    """Return `+8613812345678` for any usual way to write a mainland mobile number.

    Raises Invalid for anything else; the error does not repeat the number.
    """
    digits = re.sub(r"[\s\-().]", "", unicodedata.normalize("NFKC", phone[:40]))
    for prefix in ("+86", "0086", "86"):
        if digits.startswith(prefix) and len(digits) == len(prefix) + 11:
            digits = digits[len(prefix) :]
            break
    if not _MAINLAND.fullmatch(digits):
        raise Invalid(
            "this is not a mainland mobile number: 11 digits that start with 13 to 19",
            "手机号格式不正确",
            code="bad_phone",
            fields=[{"path": "phone", "message": "11 digits that start with 13 to 19"}],
        )
    return f"+86{digits}"


def last_four(digits: str) -> str:
    """Return four digits as typed in a search, or raise Invalid."""
    digits = unicodedata.normalize("NFKC", digits).strip()
    if not (len(digits) == 4 and digits.isascii() and digits.isdigit()):
        raise Invalid("the last four digits of a phone are four digits", "请输入手机号后四位", code="bad_last_four")
    return digits
