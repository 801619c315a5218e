"""What the SaaS says: the items of its lists, and the events it pushes. One model reads both."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Literal, get_args

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError

Kind = Literal["members", "cards", "classes", "bookings", "checkins", "orders", "refunds", "staff", "stores"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LARGEST = 2**62  # versions that a column holds
PLAIN = r"^[^\x00-\x1f\x7f]*$"


def _store_id(given: object) -> object:
    # The field writes store ids with three digits; a number has lost its zeros on the way.
    return f"{given:03d}" if isinstance(given, int) else given


StoreId = Annotated[str, BeforeValidator(_store_id), Field(max_length=40, pattern=PLAIN)]
Key = Annotated[str, Field(min_length=1, max_length=100, pattern=PLAIN)]


class SaasItem(BaseModel):
    """Read what an item of every kind has; what else it carries is kept in ``model_extra``.

    Of two states of one ``id`` the one with the higher ``version`` is the later. ``deleted`` items have gone.
    The repr leaves out all that may be personal.
    """

    model_config = ConfigDict(extra="allow", frozen=True, coerce_numbers_to_str=True)

    id: Key
    version: int = Field(ge=0, le=LARGEST)
    updated_at: AwareDatetime
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
    joined_on: date | None = None
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


class SaasOrder(SaasItem):
    """Read what a member paid, in fen. ``renewal`` is true when it renews a membership (续卡)."""

    member_id: Key
    amount_fen: int = Field(ge=0)
    paid_at: AwareDatetime
    subject: str | None = None
    renewal: bool = False


class SaasRefund(SaasItem):
    """Read what was paid back of an order, in fen."""

    order_id: Key
    member_id: Key
    amount_fen: int = Field(ge=0)
    refunded_at: AwareDatetime


class SaasCheckin(SaasItem):
    """Read a scan at a venue's gate."""

    member_id: Key
    checked_in_at: AwareDatetime


ITEM_MODELS: Mapping[Kind, type[SaasItem]] = {
    "members": SaasMember,
    "cards": SaasCard,
    "orders": SaasOrder,
    "refunds": SaasRefund,
    "checkins": SaasCheckin,
}
"""The kinds whose fields are laid down here; the others are read as `SaasItem`."""


class LeadAccepted(BaseModel):
    """Read what became of a lead. ``created`` is false when the SaaS had it already."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    lead_id: str = Field(min_length=1)
    created: bool
    member_id: str | None = None


class PushedEvent(BaseModel):
    """Read what is pushed: an event and, in ``data``, the item it is about."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    event_id: Key
    event_type: str = Field(min_length=1, max_length=60, pattern=PLAIN)
    occurred_at: AwareDatetime
    store_id: StoreId | None = None
    data: dict[str, JsonValue] = Field(default={}, repr=False)


KIND_OF_EVENT: Mapping[str, Kind] = {
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
}
"""The events that change something here; others (bookings, coaches, leads) are kept and change nothing."""


def wrong_fields(ex: ValidationError) -> str:
    """Name the fields that are wrong and how, without their values."""
    return "; ".join(
        f"{'.'.join(map(str, error['loc'])) or 'body'}: {error['type']}"
        for error in ex.errors(include_url=False, include_context=False, include_input=False)
    )
