"""What goes in and out, and the tenant's settings."""

from datetime import datetime, timedelta
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, model_validator

from plugins import orders
from roost import Body, Choice, Row

State = Literal["lead", "member", "lapsed"]
Delivery = Literal["voucher", "ship"]
Venues = Annotated[list[UUID], Field(max_length=500)]


class SeckillSettings(BaseModel):
    """The rules of the tenant's flash sales."""

    per_session: int = Field(1, ge=1, le=99, description="每场每人限购件数 · units a member may buy in a session")
    per_month: int = Field(
        3, ge=1, le=999, description="每人每月限购件数（自然月） · units a member may buy in a calendar month"
    )
    confirm_minutes: int = Field(
        10,
        ge=1,
        le=120,
        description="锁定后多少分钟内确认或付款，超时释放 · minutes to confirm or pay, then it is released",
    )
    preview_hours: int = Field(
        24, ge=0, le=168, description="开场前多少小时可预览 · hours before the start in which it is shown"
    )
    reminder_minutes: int = Field(
        5, ge=0, le=120, description="开场前多少分钟提醒 · minutes before the start at which members are reminded"
    )
    unpaid_limit: int = Field(
        3, ge=1, le=99, description="多少次未确认或未付款后暂停参加 · unconfirmed or unpaid holds that bar a member"
    )
    unpaid_days: int = Field(
        30, ge=1, le=365, description="累计最近多少天内的未付款次数 · days over which unpaid holds are counted"
    )
    bar_days: int = Field(
        7,
        ge=1,
        le=365,
        description="暂停参加的天数，自最后一次未付款起 · days a member is barred, from the last unpaid hold",
    )
    late_cancel_minutes: int = Field(
        2,
        ge=0,
        le=120,
        description="截止前多少分钟内取消也计为未付款，0 为不计"
        " · cancelling so many minutes before the deadline counts as unpaid; 0: never",
    )
    voucher_days: int = Field(
        30, ge=1, le=365, description="抢得后凭证有效天数，到当天结束 · days a voucher lasts, to the end of the day"
    )
    refund_expired: bool = Field(
        True,
        description="凭证过期未用时自动退回金额和积分；关闭则过期作废"
        " · give money and points back for an expired, unused voucher; off: it lapses",
    )
    venues_limit_buying: bool = Field(
        True,
        description="限门店的场次与商品：只限这些门店的会员购买 · venues limit who buys",
    )
    venues_limit_use: bool = Field(
        True,
        description="限门店的场次与商品：凭证只限在这些门店使用 · venues limit where vouchers are used",
    )
    ahead_days: int = Field(
        2, ge=1, le=31, description="提前多少天生成周期场次 · days ahead for which sessions of plans are made"
    )
    exclude_staff: bool = Field(True, description="员工不参加 · staff take no part")
    staff_classes: Annotated[list[Annotated[str, Field(max_length=40)]], Choice("classes")] = Field(
        default_factory=lambda: ["staff", "coach"],
        max_length=20,
        description="哪些会员类别算员工 · classes of members that count as staff",
    )


class ClaimRef(BaseModel):
    """A job's payload: which claim."""

    claim: UUID


class MemberRef(BaseModel):
    """A job's payload: which member."""

    member: UUID


class SessionRef(BaseModel):
    """A job's payload: which session."""

    session: UUID


class ItemForm(Body):
    """A thing to sell. A struck-through price must say what it rests on; only goods are sent."""

    title: str = Field(min_length=1, max_length=60)
    kind: Literal["goods", "service"] = "goods"
    delivery: Delivery = Field(
        "voucher",
        description="delivery: a code used in a venue, or sent to an address · 交付：凭证到店核销，寄送邮寄到地址",
    )
    picture: str = Field(
        "",
        max_length=500,
        pattern=r"^(https://\S+)?$",
        description="https address of a picture · 图片地址，以 https 开头",
    )
    details: str = Field("", max_length=2000)
    stock: int = Field(ge=1, le=1_000_000)
    price_points: int = Field(0, ge=0, le=10_000_000, description="price in points; 0: none · 积分价，0 为不用积分")
    price_fen: int = Field(0, ge=0, le=100_000_000, description="金额（分） / money in fen; 0: none")
    market_fen: int | None = Field(
        None, ge=1, le=100_000_000, description="struck-through price in fen · 划线价（分），须注明依据"
    )
    basis: str = Field("", max_length=200, description="what the struck-through price rests on · 划线价依据")
    per_session: int | None = Field(None, ge=1, le=99)
    states: list[State] = []
    levels: Annotated[list[Annotated[str, Field(max_length=40)]], Choice("levels")] = Field([], max_length=20)
    venues: Venues = Field(
        [],
        description="venues: of their members only, and used there, as set · 适用门店，仅限其会员，以设置为准",
    )

    @model_validator(mode="after")
    def _basis_is_stated(self) -> Self:
        if self.market_fen is not None and not self.basis.strip():
            raise ValueError("a struck-through price needs a stated basis (划线价须注明依据)")
        if self.kind == "service" and self.delivery == "ship":
            raise ValueError("a service is not sent: choose a voucher, or goods (服务不能邮寄，请选凭证或实物)")
        return self


class ItemCreate(ItemForm):
    """A thing to sell in a session that is still a draft."""

    session: Annotated[UUID, Choice("seckill_drafts")] = Field(description="场次（草稿） / session, still a draft")


class SessionForm(Body):
    """A session of at most 31 days; it is a draft until published."""

    title: str = Field(min_length=1, max_length=60)
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    venues: Venues = Field(
        [],
        description="venues: of their members only, and used there, as set · 适用门店，仅限其会员，以设置为准",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not timedelta(0) < self.ends_at - self.starts_at <= timedelta(days=31):
            raise ValueError("ends_at must come after starts_at, by at most 31 days")
        return self


class PlanForm(Body):
    """A session that repeats; `day` is the weekday 1 to 7 or the day of the month 1 to 28. One without items sleeps."""

    title: str = Field(min_length=1, max_length=60)
    repeat: Literal["daily", "weekly", "monthly"]
    day: int = Field(0, ge=0, le=28)
    at: str = Field("10:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    minutes: int = Field(120, ge=5, le=1440)
    items: list[ItemForm] = Field([], max_length=50)
    venues: Venues = Field(
        [],
        description="venues: of their members only, and used there, as set · 适用门店，仅限其会员，以设置为准",
    )
    active: bool = True

    @model_validator(mode="after")
    def _day_fits(self) -> Self:
        if self.repeat == "weekly" and not 1 <= self.day <= 7:
            raise ValueError("a weekly plan needs day 1 (Monday) to 7 (Sunday)")
        if self.repeat == "monthly" and self.day < 1:
            raise ValueError("a monthly plan needs day 1 to 28")
        if self.active and not self.items:
            raise ValueError("a plan that is active needs something to sell (启用的计划须先添加商品)")
        return self


class ItemOut(BaseModel):
    """An item as a member sees it. `left` is what can still be taken; `mine` how many of mine are held or won.

    `for_me` says whether its states, levels and venues let me take it. With `delivery` "ship" taking it needs an
    address.
    """

    id: UUID
    session: UUID
    title: str
    kind: str
    delivery: str
    picture: str
    details: str
    price_points: int
    price_fen: int
    market_fen: int | None
    basis: str
    stock: int
    left: int
    mine: int = 0
    for_me: bool = True


class SessionOut(BaseModel):
    """A session as a member sees it; `phase` is upcoming, open, sold_out or over.

    `reminded` says whether I asked to be reminded of it.
    """

    id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    phase: Literal["upcoming", "open", "sold_out", "over"]
    reminded: bool = False
    items: list[ItemOut]


class SessionsOut(BaseModel):
    """The sessions to show now, by start, and the server's time to count down from."""

    now: datetime
    sessions: list[SessionOut]


class TakeIn(Body):
    """Where it is sent, for an item whose `delivery` is "ship": an id of my address book, or an address."""

    address: UUID | orders.AddressIn | None = None


class ReminderOut(BaseModel):
    """Whether I am reminded of a session, and when."""

    session: UUID
    reminded: bool
    at: datetime


class ClaimOut(Row):
    """What a member holds or won. `code` is shown at the counter once won; what is sent has none.

    What costs money or is sent has an `order`: pay it at `/v1/orders/{order}/pay` before the deadline, see there where
    the parcel is.
    """

    id: UUID
    session: UUID
    item: UUID
    state: str
    delivery: str
    price_points: int
    price_fen: int
    order: UUID | None
    deadline: datetime
    code: str | None
    expires_at: datetime | None
    created_at: datetime


class Redeem(Body):
    """Where a voucher is used."""

    venue: UUID
