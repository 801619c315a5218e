"""The facts that this plugin tells the others."""

from uuid import UUID

from roost import Context, Fact, Text, fact


class PurchaseRecorded(Fact):
    """Something was bought, for `amount_fen` (fen). `member` is None for a sale to nobody known."""

    label = Text("消费记录", "Purchase recorded")

    purchase: UUID
    member: UUID | None = None
    venue: UUID | None = None
    source: str
    kind: str  # "sale" or "renewal"
    amount_fen: int
    items: int
    points: int  # what it earned
    growth: int


class PurchaseRefunded(Fact):
    """Money of a purchase was paid back, in part or in whole. `whole` is true once nothing of it is left."""

    label = Text("消费退款", "Purchase refunded")

    purchase: UUID
    refund: UUID
    member: UUID | None = None
    venue: UUID | None = None
    source: str
    kind: str
    amount_fen: int  # of this refund
    refunded_fen: int  # of all refunds of the purchase, this one included
    whole: bool
    points: int  # taken back; what had been spent already is a shortfall that later credits repay
    growth: int


@fact(since="1.0")
def purchase_recorded(ctx: Context, fact: PurchaseRecorded) -> None:
    """Fires once for each purchase that was recorded; its origin is `import` when a file brought it in."""


@fact(since="1.0")
def purchase_refunded(ctx: Context, fact: PurchaseRefunded) -> None:
    """Fires for each refund of a purchase, after what it had earned was taken back."""
