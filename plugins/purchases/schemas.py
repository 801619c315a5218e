"""What goes in and out: purchases and refunds, and this plugin's settings."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from roost import Body, KeyReused, NumberScope, Row

MOST_FEN = 10_000_000_000  # 100 million yuan: above it a figure is a mistake, not a purchase
MOST_ITEMS = 1_000_000
Kind = Literal["sale", "renewal"]
Word = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$"),
]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Fen = Annotated[int, Field(ge=0, le=MOST_FEN, description="amount, in fen · 金额（分）")]
Percent = Annotated[int, Field(ge=0, le=10_000)]


class EarningRules(Body):
    """How purchases earn. Points are rounded down once, over the whole purchase."""

    fen_per_point: int = Field(100, ge=1, le=MOST_FEN, description="how many fen earn one point · 多少分钱得 1 积分")
    fen_per_growth: int = Field(
        100,
        ge=0,
        le=MOST_FEN,
        description="how many fen earn one growth; 0: purchases earn none · 多少分钱得 1 成长值",
    )
    minimum_fen: Fen = Field(0, description="a purchase below this many fen earns nothing · 低于此金额不积分（分）")
    most_points: int = Field(
        0,
        ge=0,
        le=MOST_FEN,
        description="at most so many points, and so much growth, a purchase; 0: no limit · 单笔上限",
    )
    excluded_goods: list[Word] = Field(
        [], max_length=1000, description="codes of goods that earn nothing · 不积分商品编码"
    )
    good_percents: dict[Word, Percent] = Field(
        {},
        max_length=1000,
        description="goods that earn more or less, by code: 200 is double · 商品积分倍率（%）",
    )
    category_percents: dict[Word, Percent] = Field(
        {},
        max_length=1000,
        description="categories that earn more or less, where the good has no rate; 0: nothing · 品类积分倍率（%）",
    )
    renewal_percent: Percent = Field(
        100, description="how a renewal of a membership earns: 150 is half more · 续卡倍率（%）"
    )
    frequency_from: int = Field(
        0,
        ge=0,
        le=1000,
        description="from which purchase of a calendar month on the next rate holds; 0: never · 当月第几笔起",
    )
    frequency_percent: Percent = Field(100, description="how those purchases earn: 200 is double · 频次倍率（%）")


class PurchaseSettings(EarningRules):
    """How purchases earn, and what their numbers name."""

    number_scope: NumberScope = Field(
        "venue_day",
        description="within what a receipt's number is unique: a venue's day, a venue, or the whole brand"
        " · 小票号在何范围内唯一",
    )
    number_scopes: dict[Word, NumberScope] = Field(
        {},
        max_length=100,
        description="sources whose numbers reach otherwise: staff, api, import:NAME · 各来源的单号范围",
    )


class PurchaseLine(Body, frozen=True):
    """One good of a purchase."""

    code: Word = Field(description="the good's code at the source · 商品编号，按业务系统")
    name: Words = ""
    category: Words = Field("", description="the good's category at the source · 商品类别，按业务系统")
    quantity: int = Field(1, ge=0, le=MOST_ITEMS)
    amount_fen: Fen = Field(description="paid for all of this line, in fen · 实付（分），此行合计")


@dataclass(frozen=True, slots=True)
class NewPurchase:
    """A purchase to record. `source_key` names it within its source and `scope`: told again, it changes nothing.

    `amount_fen` is what was paid, in fen; `items` how many things; `occurred_at` aware, None for now; `lines`, which
    add up to the amount, where goods earn differently. Without a `member` it is a sale to nobody known and earns
    nothing. `scope` None is as the tenant sets it for the source; say "brand" of numbers that are unique by themselves.
    """

    source: str
    source_key: str
    amount_fen: int
    occurred_at: datetime | None
    member: UUID | None = None
    venue: UUID | None = None
    items: int = 1
    kind: Kind = "sale"
    lines: tuple[PurchaseLine, ...] = ()
    scope: NumberScope | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of one purchase of a batch: its id and whether it is new, or why it was refused."""

    id: UUID | None
    created: bool
    refused: KeyReused | None = None

    @property
    def refusal(self) -> str:
        """Return why it was refused, in English; "" when it was not."""
        return self.refused.message if self.refused is not None else ""


class RefundView(Row, frozen=True):
    """A refund as it is kept. `points_short` is what had been spent already and later credits repay."""

    id: UUID
    purchase: UUID
    amount_fen: int
    points: int
    points_short: int
    growth: int
    growth_short: int
    occurred_at: datetime


class PurchaseOut(Row, frozen=True):
    """A purchase, as its buyer sees it. Amounts in fen."""

    id: UUID
    venue: UUID | None
    kind: str
    amount_fen: int
    refunded_fen: int
    items: int
    points: int
    growth: int
    occurred_at: datetime


class PurchaseView(PurchaseOut):
    """A purchase as it is kept, and as staff and integrations see it."""

    member: UUID | None
    source: str
    source_key: str
    origin: str
    counted_fen: int = Field(description="after exclusions and multipliers: what the points are counted from")
    recorded_at: datetime


class PurchaseIn(Body):
    """A purchase that staff or an integration report."""

    member: UUID | None = Field(None, description="none: a sale to nobody known · 留空为散客")
    venue: UUID | None = None
    amount_fen: Fen
    items: int = Field(1, ge=0, le=MOST_ITEMS)
    kind: Kind = "sale"
    occurred_at: AwareDatetime | None = Field(None, description="none: now · 留空为现在")
    receipt: Word | None = Field(
        None,
        description="number on the receipt; within its scope (setting number_scope) it names one purchase",
    )
    lines: list[PurchaseLine] = Field(
        [], max_length=200, description="what was bought; adds up to the amount · 所购商品，合计等于金额"
    )


class PurchaseForm(PurchaseIn):
    """A purchase written down in the console. Its receipt is required: sent twice, it is recorded once."""

    receipt: Word = Field(description="number on the receipt; within its scope it names one purchase · 小票号")


class RefundIn(Body):
    """A refund to register."""

    amount_fen: Annotated[int, Field(ge=1, le=MOST_FEN)] | None = Field(
        None, description="amount, in fen; none: all that is left · 退款金额（分），留空为退还剩余全部"
    )
    reason: Words = Field(
        min_length=1, description="why; kept with the refund and in the audit · 原因，随退款与操作记录保存"
    )
