"""What the SaaS says: the items of its lists, and the events it pushes. One model reads both."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Literal, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
)

Kind = Literal["members", "cards", "classes", "bookings", "checkins", "orders", "refunds", "staff", "stores"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Unlisted = Literal["leads", "coaches"]
ObjectKind = Kind | Unlisted
"""What is kept of the SaaS: the items of its lists, and what it tells by pushes only."""

LARGEST = 2**62  # versions that a column holds
LARGEST_FEN = 10**12
PLAIN = r"^[^\x00-\x1f\x7f]*$"
EARLIEST, LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _store_id(given: object) -> object:
    # The field writes store ids with three digits; a number has lost its zeros on the way.
    return f"{given:03d}" if isinstance(given, int) else given


def _within_reason(given: datetime) -> datetime:
    # The first and last days of the calendar leave it when they are put into another time zone.
    if not EARLIEST <= given <= LATEST:
        raise ValueError("a time of 1970 to 2199")
    return given


def _day_within_reason(given: date) -> date:
    if not EARLIEST.date() <= given <= LATEST.date():
        raise ValueError("a day of 1970 to 2199")
    return given


Instant = Annotated[AwareDatetime, AfterValidator(_within_reason)]
Day = Annotated[date, AfterValidator(_day_within_reason)]
Fen = Annotated[int, Field(ge=0, le=LARGEST_FEN)]
StoreId = Annotated[str, BeforeValidator(_store_id), Field(max_length=40, pattern=PLAIN)]
Key = Annotated[str, Field(min_length=1, max_length=100, pattern=PLAIN)]
Words = Annotated[str, Field(max_length=100, pattern=PLAIN)]


class SaasItem(BaseModel):
    """Read what an item of every kind has; what else it carries is kept in ``model_extra``.

    Of two states of one ``id`` the one with the higher ``version`` is the later. ``deleted`` items have gone.
    The repr leaves out all that may be personal.
    """

    model_config = ConfigDict(extra="allow", frozen=True, coerce_numbers_to_str=True)

    id: Key
    version: int = Field(ge=0, le=LARGEST)
    updated_at: Instant
    deleted: bool = False
    store_id: StoreId | None = None

    def __repr_args__(self) -> Iterable[tuple[str | None, object]]:
        return (("id", self.id), ("version", self.version), ("deleted", self.deleted))


class SaasMember(SaasItem):
    """Read a person whom the SaaS knows; ``status`` is one of `STATUSES`.

    ``ends_on`` is the last day of the membership, for a SaaS that tells it here and not by cards.
    """

    phone: str
    name: str | None = None
    status: str = "active"
    joined_on: Day | None = None
    ends_on: date | None = None
    birthday: date | None = None
    lead_external_id: str | None = None


class SaasCard(SaasItem):
    """Read a card that a member holds."""

    member_id: Key
    name: str | None = None
    status: str = "active"
    starts_on: date | None = None
    ends_on: date | None = None


class SaasLine(BaseModel):
    """Read one good of an order; ``amount_fen`` is what was paid for all of it."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    code: Key
    name: Words = ""
    category: Words = ""
    quantity: int = Field(1, ge=0, le=1_000_000)
    amount_fen: Fen


class SaasOrder(SaasItem):
    """Read what a member paid, in fen. ``renewal`` is true when it renews a membership (续卡).

    ``lines`` are the goods, where the SaaS tells them; they add up to the amount.
    """

    member_id: Key
    amount_fen: Fen
    paid_at: Instant
    subject: str | None = None
    renewal: bool = False
    lines: tuple[SaasLine, ...] = Field((), max_length=200)


class SaasRefund(SaasItem):
    """Read what was paid back of an order, in fen."""

    order_id: Key
    member_id: Key
    amount_fen: Fen
    refunded_at: Instant


class SaasCheckin(SaasItem):
    """Read a scan at a venue's gate."""

    member_id: Key
    checked_in_at: Instant


class SaasBooking(SaasItem):
    """Read a member's place in a class; ``status`` is booked, cancelled, attended or no_show."""

    member_id: Key
    status: Literal["booked", "cancelled", "attended", "no_show"] = "booked"
    class_id: Key | None = None
    title: Words | None = None
    coach_id: Key | None = None
    starts_at: Instant | None = None


class SaasClass(SaasItem):
    """Read a class of the timetable."""

    title: Words | None = None
    coach_id: Key | None = None
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    places: int | None = Field(None, ge=0, le=100_000)


class SaasStaff(SaasItem):
    """Read one of the staff of a store; ``role`` is theirs there: coach, sales, reception …

    By the ``phone`` they are known among the members: whoever has it is of the class `staff`, or `coach`.
    """

    name: Words = ""
    role: Words = ""
    phone: str = Field("", max_length=64, repr=False)


class SaasStore(SaasItem):
    """Read a store. The venue that has its id as code stands for it."""

    name: Words = ""


class SaasLead(SaasItem):
    """Read a lead that the SaaS has; ``external_id`` is ours when we pushed it. It is told by pushes only."""

    phone: str
    name: str | None = None
    external_id: str | None = None


class SaasCoach(SaasItem):
    """Read the relation of a member and a coach; ``status`` is assigned or released. It is told by pushes only."""

    member_id: Key
    coach_id: Key
    status: Literal["assigned", "released"] = "assigned"
    since: Instant | None = None


ITEM_MODELS: Mapping[ObjectKind, type[SaasItem]] = {
    "members": SaasMember,
    "cards": SaasCard,
    "classes": SaasClass,
    "bookings": SaasBooking,
    "checkins": SaasCheckin,
    "orders": SaasOrder,
    "refunds": SaasRefund,
    "staff": SaasStaff,
    "stores": SaasStore,
    "leads": SaasLead,
    "coaches": SaasCoach,
}
"""How the items of each kind are read."""


class LeadAccepted(BaseModel):
    """Read what became of a lead. ``created`` is false when the SaaS had it already."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    lead_id: Key
    created: bool
    member_id: Key | None = None


class PushedEvent(BaseModel):
    """Read what is pushed: an event and, in ``data``, the item it is about."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    event_id: Key
    event_type: str = Field(min_length=1, max_length=60, pattern=PLAIN)
    occurred_at: Instant
    store_id: StoreId | None = None
    data: dict[str, JsonValue] = Field(default={}, repr=False)


KIND_OF_EVENT: Mapping[str, ObjectKind] = {
    "lead.created": "leads",
    "member.converted": "members",
    "member.updated": "members",
    "card.opened": "cards",
    "card.renewed": "cards",
    "card.frozen": "cards",
    "card.expired": "cards",
    "card.refunded": "cards",
    "order.paid": "orders",
    "order.refunded": "refunds",
    "checkin.created": "checkins",
    "booking.created": "bookings",
    "booking.cancelled": "bookings",
    "booking.attended": "bookings",
    "coach.assigned": "coaches",
    "coach.released": "coaches",
}
"""Every event type of the protocol, with the kind of what it carries; another type is kept and changes nothing."""

STATUS_OF_EVENT: Mapping[str, str] = {
    "card.frozen": "frozen",
    "card.expired": "expired",
    "card.refunded": "refunded",
    "booking.cancelled": "cancelled",
    "booking.attended": "attended",
    "coach.released": "released",
}
"""What an event's type says of the status, for data that do not."""


def wrong_fields(ex: ValidationError) -> str:
    """Name the fields that are wrong and how, without their values."""
    return "; ".join(
        f"{'.'.join(map(str, error['loc'])) or 'body'}: {error['type']}"
        for error in ex.errors(include_url=False, include_context=False, include_input=False)
    )
