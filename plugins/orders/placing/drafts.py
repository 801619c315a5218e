"""What a plugin hands in to have an order placed, and what it gets back: frozen values. Money is fen."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from plugins.orders.models import OrdersLine, OrdersOrder
from plugins.orders.schemas import AddressIn, Fulfilment, LineView
from plugins.orders.states import State
from roost import Context


@dataclass(frozen=True, slots=True)
class Line:
    """Something to buy. `reference` is the placing plugin's own name of it: facts give it back."""

    reference: str
    title: str
    quantity: int = 1
    unit_fen: int = 0
    unit_points: int = 0
    fulfilment: Fulfilment = "none"
    picture: str = ""


@dataclass(frozen=True, slots=True)
class Discount:
    """Fen taken off the goods. `source` says by what right: the plugin and the row that stand behind the code."""

    code: str
    title: str
    fen: int
    source: str


@dataclass(frozen=True, slots=True)
class Draft:
    """An order to be placed. `reference` names it once for the placing plugin.

    `address` is an id from the member's book, or an address as it was typed in; `venue` is where it is picked up.
    `deadline` None: the tenant's minutes to pay. `tenders` empty: all that the tenant has.
    """

    member: UUID
    reference: str
    lines: tuple[Line, ...]
    title: str = ""
    discounts: tuple[Discount, ...] = ()
    address: UUID | AddressIn | None = field(default=None, repr=False)
    venue: UUID | None = None
    deadline: datetime | None = None
    tenders: tuple[str, ...] = ()
    cancellable: bool = True
    note: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as it stands. `refunded_fen` counts what is on its way back too."""

    id: UUID
    number: str
    owner: str
    reference: str
    member: UUID
    state: State
    title: str
    goods_fen: int
    discount_fen: int
    postage_fen: int
    money_fen: int
    points: int
    paid_fen: int
    refunded_fen: int
    refunded_points: int
    venue: UUID | None
    pickup_code: str | None
    closed_why: str
    deadline: datetime
    created_at: datetime
    paid_at: datetime | None
    delivered_at: datetime | None
    ended_at: datetime | None
    lines: tuple[LineView, ...] = ()

    @property
    def paid(self) -> bool:
        """Tell whether it was paid and nothing goes or went back."""
        return self.paid_at is not None and self.state not in ("refunding", "refunded", "part_refunded")


def lines_of(ctx: Context, order: UUID) -> list[OrdersLine]:
    return list(OrdersLine.scoped(ctx).select().where(OrdersLine.order == order).order_by(OrdersLine.position))


def left(line: OrdersLine) -> int:
    """Return how many units of a line are still to go out."""
    return int(line.quantity - line.delivered - line.dropped)


def view(ctx: Context, row: OrdersOrder) -> OrderView:
    """Return an order with its lines as a frozen value."""
    lines = tuple(_from(LineView, line) for line in lines_of(ctx, row.id))
    return _from(OrderView, row, lines=lines)  # type: ignore[no-any-return]  # as `_from` was told


def _from(kind: Any, row: Any, **more: Any) -> Any:  # Any: one of the views, and its row
    return kind(**{name: getattr(row, name) for name in kind.__slots__ if name not in more}, **more)
