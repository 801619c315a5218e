"""What orders tell others. `owner` and `reference` say whose order it is: a plugin acts on its own."""

from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel

from roost import Context, Fact, Text, Veto, decision, fact


class Units(BaseModel, frozen=True):
    """Some units of a line; `reference` is the owner's."""

    reference: str
    quantity: int


class OrderFact(Fact):
    """What every fact of an order tells."""

    order: UUID
    member: UUID
    owner: str
    reference: str

    @classmethod
    def of(cls, order: Any, **more: Any) -> Self:  # Any: an order's row, and the fact's own values
        """Return the fact of an order, with what it tells beside."""
        return cls(order=order.id, member=order.member, owner=order.owner, reference=order.reference, **more)


class OrderPlaced(OrderFact):
    """An order exists and waits to be paid."""

    label = Text("下单", "Order placed")

    money_fen: int
    points: int


class OrderPaid(OrderFact):
    """An order is paid in full; its points are spent."""

    label = Text("订单付清", "Order paid")

    money_fen: int
    points: int
    venue: UUID | None = None


class OrderFulfilled(OrderFact):
    """Units went out. `whole`: nothing is left to deliver."""

    label = Text("订单履约完成", "Order fulfilled")

    handover: UUID
    kind: Literal["ship", "pickup", "none"]
    lines: tuple[Units, ...]
    whole: bool
    title: str = ""  # the order's
    carrier: str = ""  # of a parcel
    tracking: str = ""
    charges: tuple[str, ...] = ()  # the numbers of the charges that paid the order: wechat tells their provider


class OrderRefunded(OrderFact):
    """Money and points went back, all that this refund is about. `whole`: of all refunds together, everything."""

    label = Text("订单全额退款", "Order refunded")

    refund: UUID
    fen: int
    points: int
    lines: tuple[Units, ...]  # empty: an amount without goods
    whole: bool


class OrderClosed(OrderFact):
    """An order ended unpaid, and every provider has confirmed that it cannot be paid any more."""

    label = Text("订单关闭", "Order closed")

    why: str  # expired, cancelled, staff


class OrderPaymentReturned(OrderFact):
    """Money that came after the order was closed, or twice, went back by itself."""

    label = Text("订单多付退回", "Payment returned")

    refund: UUID
    fen: int


class OrderRefundFailed(OrderFact):
    """A provider will not pay a refund back by itself: staff must see to it."""

    label = Text("订单退款失败", "Refund failed")

    refund: UUID
    fen: int


@fact(since="1.0")
def order_placed(ctx: Context, fact: OrderPlaced) -> None:
    """Fires once for an order, when it was placed."""


@fact(since="1.0")
def order_paid(ctx: Context, fact: OrderPaid) -> None:
    """Fires once for an order, when it is paid in full."""


@fact(since="1.0")
def order_fulfilled(ctx: Context, fact: OrderFulfilled) -> None:
    """Fires for each parcel and each hand-over; once, at payment, for what is not delivered by hand."""


@fact(since="1.0")
def order_refunded(ctx: Context, fact: OrderRefunded) -> None:
    """Fires for each refund when all of it has gone back: undo here what the order had caused."""


@fact(since="1.0")
def order_closed(ctx: Context, fact: OrderClosed) -> None:
    """Fires once for an order that ends unpaid: release here what it held, and not before."""


@fact(since="1.0")
def order_payment_returned(ctx: Context, fact: OrderPaymentReturned) -> None:
    """Fires when money that came too late or twice has gone back."""


@fact(since="1.0")
def order_refund_failed(ctx: Context, fact: OrderRefundFailed) -> None:
    """Fires when a refund cannot be paid back without staff."""


@decision(since="1.0", combine="all")
def may_return_order(ctx: Context, order: UUID, owner: str, reference: str) -> Veto | None:
    """Ask, when a member cancels a paid order or asks for a refund, whether what was bought may go back.

    The owner answers for its own: a voucher that was used is a Veto. Staff are not asked.
    """


@decision(since="1.1", combine="first")
def order_refundable_until(ctx: Context, order: UUID, owner: str, reference: str) -> datetime | None:
    """Ask, when a member wants a refund of an ended order, until when its owner lets it be asked for.

    It lengthens the days that the settings of orders give and never shortens them: a voucher is delivered by being
    paid, and may be given back as long as it is valid.
    """
