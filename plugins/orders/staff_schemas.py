"""What staff send and get."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from plugins.orders.schemas import Fen, LineUnits, Why, Word, Words
from roost import Body, Row

Tracking = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9-]{5,40}$")]


class TakeIn(Body):
    """A payment at the counter. What is the member's own needs the code that the member shows."""

    venue: UUID = Field(description="门店 / venue")
    cash_fen: Fen = Field(0, description="现金（分） / cash, in fen")
    card_fen: Fen = Field(0, description="银行卡（分） / bank card, in fen")
    stored_value_fen: Fen = Field(0, description="储值（分） / stored value, in fen")
    points: int = Field(0, ge=0, le=10_000_000, description="抵现积分 / points that pay for money")
    member_code: str = Field("", max_length=30, description="会员码 / member code")


class ShipIn(Body):
    """A parcel: of all that is left to send, or of some units."""

    carrier: Word = Field(description="快递公司 / carrier")
    tracking: Tracking = Field(description="运单号 / tracking number")
    lines: list[LineUnits] = Field([], max_length=100, description="部分发货；空为全部 / some units; empty: all")


class PickupIn(Body):
    """A hand-over against the code that the member shows."""

    code: str = Field(min_length=4, max_length=20, description="自提码 / code")
    venue: UUID = Field(description="门店 / venue")
    lines: list[LineUnits] = Field([], max_length=100, description="部分领取；空为全部 / some units; empty: all")


class CodeQuery(Body):
    """A pick-up code."""

    code: str = Field(min_length=4, max_length=20)


class ExtendIn(Body):
    """More days to pick up."""

    days: int = Field(7, ge=1, le=90, description="延长天数 / days")


class RefundIn(Body):
    """What staff pay back: an amount, and which units it is for."""

    fen: Fen = Field(description="退款金额（分） / amount in fen")
    points: int = Field(0, ge=0, le=10_000_000_000, description="退回积分 / points")
    lines: list[LineUnits] = Field(
        [], max_length=100, description="退款商品；空为仅退金额 / units; empty: an amount only"
    )
    reason: Why = Field(description="原因 / reason")


class ApproveIn(Body):
    """What of a member's request is granted."""

    fen: Fen = Field(description="退款金额（分） / amount in fen")
    points: int = Field(0, ge=0, le=10_000_000_000, description="退回积分 / points")


class RejectIn(Body):
    """Why a member's request is refused; the member reads it."""

    reason: Why = Field(description="回复会员 / what the member is told")


class PayOutIn(Body):
    """Where cash and card are paid back."""

    venue: UUID = Field(description="门店 / venue")


class ShiftClose(Body):
    """What was counted at the end of a shift."""

    venue: UUID = Field(description="门店 / venue")
    counted_fen: int = Field(ge=0, le=1_000_000_000, description="实点现金（分） / cash counted, in fen")
    note: Words = Field("", description="备注 / note")


class IssueIn(Body):
    """An invoice that was written."""

    invoice_number: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{4,40}$")] = Field(
        description="发票号码 / number"
    )
    link: Annotated[str, StringConstraints(max_length=500, pattern=r"^(https://\S+)?$")] = Field(
        "", description="下载地址 / where to download it"
    )


class TrackingIn(Body):
    """A file of tracking numbers, pasted: order number, carrier, tracking number on each line."""

    name: Word = Field("pasted", description="名称 / name")
    text: str = Field(
        min_length=1,
        max_length=500_000,
        description="每行：订单号,快递公司,运单号 / a line each: order number, carrier, tracking number",
    )


class TrackingFile(Body):
    """A file of tracking numbers, CSV or Excel, in base64."""

    name: Annotated[str, StringConstraints(pattern=r"^[^/\\\x00-\x1f]{1,90}\.(csv|xlsx)$")]
    content: Annotated[str, StringConstraints(min_length=4, max_length=900_000, pattern=r"^[A-Za-z0-9+/\s]+=*\s*$")]


class LabelsIn(Body):
    """Labels for what is to be sent; they show addresses in full."""

    most: int = Field(100, ge=1, le=500, description="最多张数 / at most")
    reason: Why = Field(description="用途 / what for")


class RevealIn(Body):
    """Why an address is read in full."""

    reason: Why


# --- rows ------------------------------------------------------------------------------------------------------------


class _Row(Row):
    id: UUID


class ImportRow(_Row):
    """A file of tracking numbers and what became of it."""

    name: str
    shipped: int
    known: int
    rejected: int
    rejections: list[dict[str, Any]]
    imported_at: datetime


class PickupOut(BaseModel):
    """What is to be handed over against a code, or was."""

    order: UUID
    number: str
    state: str
    title: str
    venue: UUID | None
    handover: UUID | None = None
    undo_until: datetime | None = None
    lines: list[dict[str, Any]]
