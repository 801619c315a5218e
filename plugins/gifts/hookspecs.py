"""The facts that this plugin tells the others."""

from uuid import UUID

from roost import Context, Fact, fact


class GiftOffered(Fact):
    """A gift waits for a member to accept it, or a voucher is ready to be used."""

    member: UUID
    claim: UUID
    kind: str
    moment: str


class GiftShipped(Fact):
    """A physical gift is on its way."""

    member: UUID
    claim: UUID
    carrier: str
    tracking: str


@fact(since="1.0")
def gift_offered(ctx: Context, fact: GiftOffered) -> None:
    """Fires when a claim was made for a member: a moment to tell them."""


@fact(since="1.0")
def gift_shipped(ctx: Context, fact: GiftShipped) -> None:
    """Fires when staff shipped a gift."""
