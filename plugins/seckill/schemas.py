"""What goes in and out, and the tenant's settings."""

from datetime import datetime, timedelta
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

State = Literal["lead", "member", "lapsed"]


class SeckillSettings(BaseModel):
    """The rules of the tenant's flash sales."""

    per_session: int = Field(1, ge=1, le=99, description="每场每人限购件数")
    per_month: int = Field(3, ge=1, le=999, description="每人每月限购件数（自然月）")
    confirm_minutes: int = Field(10, ge=1, le=120, description="锁定后多少分钟内确认或付款，超时释放")
    preview_hours: int = Field(24, ge=0, le=168, description="开场前多少小时可预览")
    reminder_minutes: int = Field(5, ge=0, le=120, description="开场前多少分钟提醒")
    unpaid_limit: int = Field(3, ge=1, le=99, description="多少次未确认或未付款后暂停参加")
    bar_days: int = Field(7, ge=1, le=365, description="暂停参加的天数")
    voucher_days: int = Field(30, ge=1, le=365, description="抢得后凭证有效天数")
    ahead_days: int = Field(2, ge=1, le=31, description="提前多少天生成周期场次")
    exclude_staff: bool = Field(True, description="员工不参加")


class ClaimRef(BaseModel):
    """A job's payload: which claim."""

    claim: UUID


class ItemForm(BaseModel):
    """A thing to sell. A struck-through price must say what it rests on."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1, max_length=60)
    kind: Literal["goods", "service"] = "goods"
    picture: str = Field("", max_length=500, pattern=r"^(https://\S+)?$", description="https address of a picture")
    details: str = Field("", max_length=2000)
    stock: int = Field(ge=1, le=1_000_000)
    price_points: int = Field(0, ge=0, le=10_000_000, description="points; 0: none")
    price_fen: int = Field(0, ge=0, le=100_000_000, description="金额（分） / money in fen; 0: none")
    market_fen: int | None = Field(None, ge=1, le=100_000_000, description="struck-through price in fen")
    basis: str = Field("", max_length=200, description="what the struck-through price rests on")
    per_session: int | None = Field(None, ge=1, le=99)
    states: list[State] = []
    levels: list[Annotated[str, Field(max_length=40)]] = Field([], max_length=20)
    venues: list[UUID] = Field([], max_length=500)

    @model_validator(mode="after")
    def _basis_is_stated(self) -> Self:
        if self.market_fen is not None and not self.basis.strip():
            raise ValueError("a struck-through price needs a stated basis (划线价须注明依据)")
        return self


class ItemCreate(ItemForm):
    """A thing to sell in a session that is still a draft."""

    session: UUID


class SessionForm(BaseModel):
    """A session of at most 31 days; it is a draft until published."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1, max_length=60)
    starts_at: AwareDatetime
    ends_at: AwareDatetime

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not timedelta(0) < self.ends_at - self.starts_at <= timedelta(days=31):
            raise ValueError("ends_at must come after starts_at, by at most 31 days")
        return self


class PlanForm(BaseModel):
    """A session that repeats; `day` is the weekday 1 to 7 or the day of the month 1 to 28."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1, max_length=60)
    repeat: Literal["daily", "weekly", "monthly"]
    day: int = Field(0, ge=0, le=28)
    at: str = Field("10:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    minutes: int = Field(120, ge=5, le=1440)
    items: list[ItemForm] = Field(min_length=1, max_length=50)
    active: bool = True

    @model_validator(mode="after")
    def _day_fits(self) -> Self:
        if self.repeat == "weekly" and not 1 <= self.day <= 7:
            raise ValueError("a weekly plan needs day 1 (Monday) to 7 (Sunday)")
        if self.repeat == "monthly" and self.day < 1:
            raise ValueError("a monthly plan needs day 1 to 28")
        return self


class ItemOut(BaseModel):
    """An item as a member sees it. `left` is what can still be taken; `mine` how many of mine are held or won."""

    id: UUID
    session: UUID
    title: str
    kind: str
    picture: str
    details: str
    price_points: int
    price_fen: int
    market_fen: int | None
    basis: str
    stock: int
    left: int
    mine: int = 0


class SessionOut(BaseModel):
    """A session as a member sees it; `phase` is upcoming, open, sold_out or over."""

    id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    phase: Literal["upcoming", "open", "sold_out", "over"]
    items: list[ItemOut]


class SessionsOut(BaseModel):
    """The sessions to show now, by start, and the server's time to count down from."""

    now: datetime
    sessions: list[SessionOut]


class ClaimOut(BaseModel):
    """What a member holds or won. `code` is shown at the counter once won.

    What costs money has an `order`: pay it at `/v1/orders/{order}/pay` before the deadline.
    """

    id: UUID
    session: UUID
    item: UUID
    state: str
    price_points: int
    price_fen: int
    order: UUID | None
    deadline: datetime
    code: str | None
    expires_at: datetime | None
    created_at: datetime


class PlanRow(BaseModel):
    """A plan as staff see it."""

    id: UUID
    title: str
    repeat: str
    day: int
    at: str
    minutes: int
    active: bool
    items: list[ItemForm]


class SessionRow(BaseModel):
    """A session as staff see it."""

    id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    state: str
    plan: UUID | None


class ItemRow(BaseModel):
    """An item as staff see it."""

    id: UUID
    session: UUID
    title: str
    kind: str
    stock: int
    price_points: int
    price_fen: int
    market_fen: int | None
    basis: str
    states: list[str]
    levels: list[str]


class ClaimRow(ClaimOut):
    """A claim as staff see it."""

    member: UUID
    venue: UUID | None
    ended_at: datetime | None


class Redeem(BaseModel):
    """Where a voucher is used."""

    model_config = ConfigDict(extra="forbid")

    venue: UUID
