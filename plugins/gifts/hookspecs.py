"""The facts that this plugin tells the others."""

from datetime import date
from uuid import UUID

from roost import Context, Fact, Text, fact


class GiftOffered(Fact):
    """A gift waits for a member to accept it, or a voucher is ready to be used."""

    label = Text("礼品待领取", "Gift offered")

    member: UUID
    claim: UUID
    kind: str
    moment: str


class GiftPickupEnding(Fact):
    """A gift waits in a venue and goes back on the shelf after `ends_on`."""

    label = Text("自提即将到期", "Pick-up ending")

    member: UUID
    claim: UUID
    venue: UUID
    ends_on: date


class GiftShipped(Fact):
    """A physical gift is on its way."""

    label = Text("礼品已发货", "Gift shipped")

    member: UUID
    claim: UUID
    carrier: str
    tracking: str


@fact(since="1.0")
def gift_offered(ctx: Context, fact: GiftOffered) -> None:
    """Fires when a claim was made for a member: a moment to tell them."""


@fact(since="1.0")
def gift_pickup_ending(ctx: Context, fact: GiftPickupEnding) -> None:
    """Fires once, the set number of days before the last day of a pick-up."""


@fact(since="1.0")
def gift_shipped(ctx: Context, fact: GiftShipped) -> None:
    """Fires when staff shipped a gift."""
