"""The tenant's settings, and what members send and get."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from roost import Body, Choice, ContactPhone, Row

MOST_FEN = 10_000_000_000
Fen = Annotated[int, Field(ge=0, le=MOST_FEN)]
Word = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Why = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Kind = Annotated[str, StringConstraints(pattern=r"^([a-z][a-z0-9_]{0,23})?$")]
REMOTE = ["新疆", "西藏", "内蒙古", "青海", "宁夏", "甘肃", "海南"]


class OrdersSettings(Body):
    """How orders are paid, sent, picked up and taken back."""

    pay_minutes: int = Field(30, ge=1, le=1440, description="下单后多少分钟内付款 / minutes to pay")
    points_per_yuan: int = Field(
        100,
        ge=0,
        le=100_000,
        description="多少积分抵 1 元，0 为不可抵 / points that pay one yuan; 0: points pay no money",
    )
    points_share: int = Field(
        100, ge=0, le=100, description="积分最多抵扣金额的百分比 / percent of the money that points may pay"
    )
    stored_value: bool = Field(True, description="可用储值支付 / stored value may pay")
    postage: Literal["free", "flat"] = Field(
        "free",
        description="邮费：包邮或固定 / postage: free or flat",
        json_schema_extra={"choices": {"free": "包邮", "flat": "固定"}},
    )
    postage_fen: Fen = Field(1000, description="固定邮费（分） / flat postage in fen")
    remote_fen: Fen = Field(1000, description="偏远地区加收（分） / more for remote provinces, in fen")
    remote_provinces: list[Word] = Field(
        REMOTE, max_length=40, description="偏远省份 / remote provinces, as addresses begin"
    )
    ship_days: int = Field(7, ge=1, le=60, description="发货时限（工作日） / working days to ship")
    received_days: int = Field(15, ge=1, le=90, description="发货后自动确认收货（天） / days until received by itself")
    pickup_days: int = Field(15, ge=1, le=365, description="自提期限（天） / days to pick up")
    undo_minutes: int = Field(10, ge=0, le=120, description="核销后可撤销（分钟） / minutes to undo a hand-over")
    faulty_days: int = Field(
        7, ge=0, le=90, description="收货后可申请售后（天） / days after receipt to ask for a refund"
    )
    points_grace_days: int = Field(
        7, ge=0, le=365, description="退回积分至少有效（天） / days that returned points live at least"
    )
    refund_limit_fen: Fen = Field(
        100_000, description="超过此金额的退款须第二人审批（分） / a refund above it needs a second approver, in fen"
    )
    addresses_most: int = Field(20, ge=1, le=100, description="每人最多地址数 / addresses a member")
    address_days: int = Field(
        90, ge=1, le=3650, description="订单完成后保留收货地址（天） / days an ended order keeps its address"
    )
    earns: bool = Field(True, description="已付金额计入消费 / money paid counts as a purchase, which earns")


# --- addresses -------------------------------------------------------------------------------------------------------


class AddressIn(Body):
    """Where something is sent. Sealed in the database."""

    name: Word = Field(description="收货人")
    phone: ContactPhone = Field(description="联系电话")
    province: Word = Field(description="省")
    city: Word = Field(description="市")
    district: Annotated[str, StringConstraints(strip_whitespace=True, max_length=40)] = Field("", description="区县")
    detail: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
    ] = Field(description="详细地址")


class NewAddress(AddressIn):
    """An address for the book; the first is the default by itself."""

    is_default: bool = False


class AddressOut(NewAddress):
    """An address of mine."""

    id: UUID


class AddressList(BaseModel):
    """My address book, the default first."""

    items: list[AddressOut]


# --- orders ----------------------------------------------------------------------------------------------------------


Fulfilment = Literal["ship", "pickup", "none"]


@dataclass(frozen=True, slots=True)
class LineView:
    """A line as it stands. `net_fen` is for all its units, discounts taken off."""

    id: UUID
    reference: str
    title: str
    picture: str
    quantity: int
    unit_fen: int
    unit_points: int
    net_fen: int
    fulfilment: Fulfilment
    delivered: int
    refunded: int


class OrderBrief(Row):
    """An order in a list."""

    id: UUID
    number: str
    owner: str = Field(description="the feature it was placed in")
    reference: str
    state: str
    title: str
    money_fen: int
    points: int
    refunded_fen: int
    refunded_points: int
    deadline: datetime = Field(description="to pay")
    created_at: datetime
    paid_at: datetime | None


class TenderOut(Row):
    """What pays an order: held until it is paid in full, or paid."""

    kind: str
    state: str
    fen: int
    points: int


class ParcelOut(Row):
    """What went out."""

    id: UUID
    kind: str
    carrier: str
    tracking: str
    venue: UUID | None
    handed_at: datetime


class RefundOut(Row):
    """A refund of mine."""

    id: UUID
    order: UUID
    state: str = Field(description="requested, rejected, running, failed or done")
    fen: int
    points: int
    reason: str
    reply: str
    created_at: datetime
    ended_at: datetime | None


class OrderOut(OrderBrief):
    """An order with all that belongs to it. `due_fen` is what is still to be paid."""

    goods_fen: int
    discount_fen: int
    postage_fen: int
    paid_fen: int
    due_fen: int
    venue: UUID | None
    pickup_code: str | None
    pickup_until: datetime | None
    ship_by: date | None
    note: str
    closed_why: str
    delivered_at: datetime | None
    ended_at: datetime | None
    address: AddressIn | None
    lines: list[LineView]
    tenders: list[TenderOut]
    parcels: list[ParcelOut]
    refunds: list[RefundOut]


class OrderQuery(Body):
    """Which of my orders."""

    state: Literal["", "unpaid", "to_deliver", "delivered", "completed", "closed", "refunds"] = ""


class PayIn(Body):
    """What is to pay: own means first, the rest from outside by `method`.

    `points` are those that pay for money; the part of a price that is in points is held already.
    """

    method: Kind = ""
    stored_value_fen: Fen = 0
    points: int = Field(0, ge=0, le=MOST_FEN)


class PayOut(BaseModel):
    """`params` is what the mini-program needs to show the payment; empty when nothing is left to pay."""

    order: OrderOut
    charge: str | None = Field(description="the number of this attempt")
    params: dict[str, str]


class MethodOut(BaseModel):
    """A way to pay."""

    name: str
    title: str


class MethodsOut(BaseModel):
    """What may pay an order of mine, and how much of it."""

    methods: list[MethodOut]
    stored_value_fen: int
    points: int = Field(description="points that may pay for money")
    points_fen: int = Field(description="what those would pay")


class LineUnits(Body, frozen=True):
    """Some units of one line."""

    line: Annotated[UUID, Choice("order_lines", of_row=True)] = Field(json_schema_extra={"zh": "商品", "en": "Good"})
    quantity: int = Field(ge=1, le=9999)


class RefundAsk(Body):
    """Ask for a refund: of some units, or of all that is left."""

    reason: Why
    lines: list[LineUnits] = Field([], max_length=100)


class InvoiceIn(Body):
    """An invoice to be written: for a company its tax number too."""

    kind: Literal["personal", "company"] = "personal"
    title: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")
    ]
    tax_number: Annotated[str, StringConstraints(pattern=r"^([0-9A-Z]{15}|[0-9A-Z]{18}|[0-9A-Z]{20})?$")] = ""
    email: Annotated[str, StringConstraints(pattern=r"^([^@\s]{1,64}@[^@\s]{1,190})?$")] = ""


class InvoiceOut(Row):
    """An invoice of mine."""

    id: UUID
    order: UUID
    kind: str
    tax_number: str
    fen: int
    state: str = Field(description="requested, issued, rejected, withdrawn, void_due or voided")
    invoice_number: str
    link: str
    remark: str
    requested_at: datetime
