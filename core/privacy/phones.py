"""Phone numbers as Roost keeps them: E.164, mainland China. Every door reads them here, so each gives one answer.

A general library of phone numbers is no foundation for this. It finds a number inside other text, takes letters and
extensions, and knows the number ranges of its own release date: a member with a newer number could not register.
"""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from core.errors import Invalid

LONGEST = 64  # characters of a phone as written, with the marks that spreadsheets add
_MAINLAND = re.compile(r"(?:\+86|0086|86)?(1[3-9][0-9]{9})")
_LANDLINE = re.compile(r"\+?[0-9-]{6,20}")
_FROM_A_FLOAT = re.compile(r"([0-9]+)\.0")  # a column of numbers, exported
# Beside blanks, dashes and invisible marks, which Unicode knows by category.
_SEPARATORS = frozenset("().·•・−ー~'\u2018\u2019\ufe0e\ufe0f")

PhoneText = Annotated[str, StringConstraints(min_length=4, max_length=LONGEST)]
"""The field of a form or an API that takes a phone as people write it; the door gives it to `normalise_phone`."""


def _plain(text: str) -> str:
    """Return a written number in ASCII, without invisible marks and outer blanks; letters and signs stay."""
    shown = (c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in shown).strip()


def _joined(text: str) -> str:
    """Return a plain number without what people put between its digits."""
    kept = (c for c in text if not c.isspace() and c not in _SEPARATORS and unicodedata.category(c) != "Pd")
    return "".join(kept)


def _mainland(text: str) -> str | None:
    """Return the eleven digits of a mainland mobile number, or None."""
    if len(text) > LONGEST:
        return None
    plain = _plain(text)
    number = _FROM_A_FLOAT.fullmatch(plain)
    found = _MAINLAND.fullmatch(number[1] if number else _joined(plain))
    return found[1] if found else None


def normalise_phone(phone: str) -> str:
    """Return `+8613812345678` for any usual way to write a mainland mobile number.

    Taken are the prefixes +86, 0086 and 86, also in brackets; digits of any script and full width; between them blanks
    (also no-break and ideographic ones), dashes of any kind, dots and brackets; and the invisible marks that
    spreadsheets and chats add. Raises Invalid for anything else; the error does not repeat the number.
    """
    digits = _mainland(phone)
    if digits is None:
        raise Invalid(
            "this is not a mainland mobile number: 11 digits that start with 13 to 19",
            "手机号格式不正确，应为 13 至 19 开头的 11 位号码",
            code="bad_phone",
            fields=[{"path": "phone", "message": "11 digits that start with 13 to 19"}],
        )
    return f"+86{digits}"


def _contact(text: str) -> str:
    mobile = _mainland(text)
    if mobile is not None:
        return mobile
    dashed = (("-" if unicodedata.category(c) == "Pd" or c == "−" else c) for c in _plain(text))
    landline = "".join(c for c in dashed if not c.isspace() and c not in "()")
    if not _LANDLINE.fullmatch(landline):
        raise ValueError("手机号，或 6 至 20 位的座机号码 · a mobile number, or a landline of 6 to 20 digits")
    return landline


ContactPhone = Annotated[PhoneText, AfterValidator(_contact)]
"""The field for who is called about a delivery: a mobile number in any spelling (kept as 11 digits), or a landline."""


def last_four(digits: str) -> str:
    """Return four digits as typed in a search, or raise Invalid."""
    digits = _joined(_plain(digits[:LONGEST]))
    if not (len(digits) == 4 and digits.isascii() and digits.isdigit()):
        raise Invalid("the last four digits of a phone are four digits", "请输入手机号后四位", code="bad_last_four")
    return digits
