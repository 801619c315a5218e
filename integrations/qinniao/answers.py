"""What the other side answers, and what of it is believed: envelopes, codes, errors, pages.

Nothing that came from outside is kept as it is: texts lose their control characters, phones and our secret; an item
that cannot be read stands aside with its id and the names of its fields.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from integrations.qinniao.wire import PLAIN, SaasItem, wrong_fields

MAX_PAGE = 200
MAX_CURSOR = 500
MAX_TEXT = 200


class Code(IntEnum):
    """Name the codes of the envelope. They are ours; an adapter translates those of its SaaS."""

    OK = 0
    BAD_SIGNATURE = 40100
    OUTSIDE_WINDOW = 40101
    NONCE_USED = 40102
    UNKNOWN_APP = 40103
    SESSION_EXPIRED = 40110  # the adapter's own session with its SaaS; the next call finds it renewed
    NOT_FOUND = 40400
    INVALID = 42200
    TOO_OFTEN = 42900
    FAILED = 50000
    BUSY = 50300


RETRYABLE = frozenset({Code.NONCE_USED, Code.SESSION_EXPIRED, Code.TOO_OFTEN, Code.FAILED, Code.BUSY})


class QinniaoError(Exception):
    """Tell that the SaaS refused a call.

    ``code`` is the envelope's (None when there was no envelope), ``request_id`` is what to quote to whoever
    runs the other side, and ``retryable`` says whether the same call may succeed later.
    """

    def __init__(self, code: int | None, msg: str, request_id: str = "", retryable: bool = False) -> None:
        super().__init__(code, msg, request_id, retryable)
        self.code = code
        self.msg = msg
        self.request_id = request_id
        self.retryable = retryable

    def __str__(self) -> str:
        answered = self.msg if self.code is None else f"the SaaS answered {self.code}: {self.msg}"
        return f"{answered} (request {self.request_id})" if self.request_id else answered

    @property
    def about_the_cursor(self) -> bool:
        """Tell whether another place in the list may be answered: this one was refused, or leads nowhere."""
        return not self.retryable and self.code in (None, Code.INVALID, Code.NOT_FOUND)


class SessionExpired(QinniaoError):
    """Tell that the session was over, and still is after it was renewed."""


class QinniaoUnavailable(QinniaoError):
    """Tell that there was no usable answer: no connection, too slow, an HTTP error, not JSON."""


Item = TypeVar("Item", bound=SaasItem)


@dataclass(frozen=True, slots=True)
class RejectedItem:
    """Name an item that could not be read, and which of its fields are wrong; no values."""

    id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class PullPage(Generic[Item]):
    """Hold one page of a list.

    One bad item does not hold up the others: it stands in ``rejected``. Keep ``next_cursor`` and go on from
    it, also when ``has_more`` is false and the next visit is tomorrow's.
    """

    items: tuple[Item, ...]
    next_cursor: str | None
    has_more: bool
    rejected: tuple[RejectedItem, ...] = ()


class Envelope(BaseModel):
    """Read what every answer comes in."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    code: int
    msg: str | None = None
    data: JsonValue = None
    request_id: str | None = None


class Page(BaseModel):
    """Read a page, whatever its items are."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    items: list[JsonValue] = Field(max_length=10 * MAX_PAGE)  # some give more than they were asked for
    next_cursor: Annotated[str, Field(max_length=MAX_CURSOR, pattern=PLAIN)] | None = None
    has_more: bool


def read_items(model: type[Item], given: Sequence[JsonValue]) -> tuple[tuple[Item, ...], tuple[RejectedItem, ...]]:
    """Return the items that can be read, and those that cannot."""
    items: list[Item] = []
    rejected: list[RejectedItem] = []
    for each in given:
        try:
            json.dumps(each, ensure_ascii=False).encode()  # half of a surrogate pair can be neither stored nor shown
            items.append(model.model_validate(each))
        except ValidationError as ex:
            rejected.append(RejectedItem(_id_of(each), wrong_fields(ex)))
        except UnicodeEncodeError:
            rejected.append(RejectedItem(_id_of(each), "body: string_unicode"))
    return tuple(items), tuple(rejected)


def plain_id(given: JsonValue) -> str | None:
    """Return an id as it may be kept, None for what is none."""
    if not isinstance(given, str | int) or isinstance(given, bool):
        return None
    text = str(given)
    return text if text.isprintable() and 0 < len(text) <= 100 else None


def _id_of(given: JsonValue) -> str | None:
    return plain_id(given.get("id")) if isinstance(given, dict) else None


_LONG_NUMBER = re.compile(r"[0-9]{7,}", re.ASCII)  # may be a phone number


def harmless(text: str, secret: str) -> str:
    """Return what the other side said, short, without our secret and control characters, phone numbers masked."""
    if secret:
        text = text.replace(secret, "***")
    text = "".join(character if character.isprintable() else " " for character in text[: 10 * MAX_TEXT])
    return _LONG_NUMBER.sub(_mask, text)[:MAX_TEXT]


_REQUEST_ID = re.compile(r"(?=.*[A-Za-z])[0-9A-Za-z._-]{1,64}", re.ASCII)


def request_id_of(envelope: Envelope, secret: str) -> str:
    """Return the id to quote, "" for one that is none: a number might be a phone."""
    given = envelope.request_id or ""
    return given if _REQUEST_ID.fullmatch(given) and not (secret and secret in given) else ""


def _mask(number: re.Match[str]) -> str:
    digits = number.group()
    return f"{digits[:3]}****{digits[-4:]}" if len(digits) == 11 else "****"
