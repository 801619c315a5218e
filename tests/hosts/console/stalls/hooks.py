"""Its hooks."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from roost import (
    Action,
    Column,
    Conflict,
    Context,
    Contribution,
    Form,
    Page,
    Panel,
    Resource,
    Text,
    hookimpl,
)
from tests.hosts.console.stalls.models import StallsSecret, StallsStall


class Limits(BaseModel):
    """Settings within settings."""

    per_member: int = Field(2, ge=1, description="stalls a member may have · 每人摊位数")


class StallsSettings(BaseModel):
    """Settings of every kind."""

    model_config = ConfigDict(extra="forbid")

    days: int = Field(30, ge=1, le=365, description="保留天数 · days it is kept")
    deposit_fen: int = Field(5000, ge=0, description="押金 · deposit")
    mode: Literal["auction", "lot"] = Field("lot", description="分配方式 · how it is given away")
    weekdays: list[int] = Field([6, 7], description="集市日 · market days")
    app_secret: str = Field("", description="接口密钥 · secret of the app")
    limits: Limits = Field(Limits(), description="限制 · limits")
    prices: dict[str, int] = Field({}, description="价目表 · prices")


class StallForm(BaseModel):
    """A stall as staff type it in."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=2, max_length=60)
    venue: UUID
    member: UUID | None = None
    rent_fen: int = Field(0, ge=0, le=10_000_000)
    contact: str = Field("", max_length=20)
    covered: bool = False
    market_day: date | None = None
    opens_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    goods: list[str] = []
    kind: Literal["food", "books"] = "food"
    note: str = Field("", max_length=500)


class RefundForm(BaseModel):
    """How much rent to give back."""

    model_config = ConfigDict(extra="forbid")

    amount: int = Field(ge=1, le=10_000)


class SecretOut(BaseModel):
    """A secret row."""

    id: UUID
    title: str


def _values(body: StallForm) -> dict[str, Any]:
    return body.model_dump(exclude={"kind"})


def create(ctx: Context, body: StallForm) -> UUID:
    if body.title == "full":
        raise Conflict("the market is full", "集市已满", fields=[{"path": "body.title", "message": "full"}])
    return StallsStall.scoped(ctx).create(**_values(body)).id


def edit(ctx: Context, stall: UUID, body: StallForm) -> None:
    StallsStall.scoped(ctx).update(**_values(body)).where(StallsStall.id == stall).execute()


def close(ctx: Context, stall: UUID, body: None) -> None:
    StallsStall.scoped(ctx).update(state="closed").where(StallsStall.id == stall).execute()


def refund(ctx: Context, stall: UUID, body: RefundForm) -> None:
    changed = StallsStall.scoped(ctx).update(refunded=StallsStall.refunded + body.amount)
    changed.where(StallsStall.id == stall).execute()


def _totals(ctx: Context) -> Sequence[tuple[str, str]]:
    return [("摊位", str(StallsStall.scoped(ctx).select().count()))]


def _broken(ctx: Context) -> Sequence[tuple[str, str]]:
    raise RuntimeError("this panel never works")


def _map(ctx: Context, query: Mapping[str, str]) -> dict[str, Any]:
    return {"corner": query.get("corner", "north")}


STALLS = Resource(
    name="stalls",
    title=Text("摊位", "Stalls"),
    model=StallsStall,
    permission="stalls.view",
    edit_permission="stalls.edit",
    export_permission="stalls.export",
    venue="venue",
    summary=(Column("摊位", Text("摊位", "Stalls"), "int"),),
    create=Form(StallForm, create),
    edit=Form(StallForm, edit),
    actions=(
        Action(
            "close", Text("关闭", "Close"), close, "stalls.close", reason=True,
            shown=lambda row: row.state == "open",
        ),
        Action(
            "refund", Text("退租金", "Refund"), refund, "stalls.refund", form=RefundForm, reason=True,
            idempotent=True, approve_over=lambda body: body.amount, limit=lambda ctx: 100,
        ),
    ),
    columns=(
        Column("title", Text("名称", "Title"), filter=True),
        Column("venue", Text("门店", "Venue"), "venue", filter=True),
        Column("member", Text("摊主", "Keeper"), "member"),
        Column(
            "state", Text("状态", "State"), "choice", filter=True,
            choices={"open": Text("营业", "Open"), "closed": Text("已关闭", "Closed"),
                     "": Text("未定", "Not yet said")},
        ),
        Column("rent_fen", Text("租金", "Rent"), "fen"),
        Column("contact", Text("联系电话", "Contact"), "phone"),
        Column("covered", Text("有棚", "Covered"), "bool", filter=True),
        Column("opens_at", Text("开市", "Opens"), "time", filter=True),
        Column("market_day", Text("集市日", "Market day"), "date", filter=True),
        Column("goods", Text("货品", "Goods"), list=False),
        Column("note", Text("备注", "Note"), list=False, rest=False),
        Column("refunded", Text("已退", "Refunded"), "points", list=False),
    ),
)  # fmt: skip
SECRETS = Resource(
    name="secrets",
    title=Text("机密", "Secrets"),
    model=StallsSecret,
    reply=SecretOut,
    permission="stalls.view",
    venue_free=False,
    venue="id",  # no venue has such an id: nobody of a venue sees any
    member=None,
    columns=(Column("title", Text("名称", "Title")),),
)
LEDGER = Resource(
    name="ledger",
    title=Text("总账", "Ledger"),
    model=StallsSecret,
    reply=SecretOut,
    permission="stalls.view",
    venue_free=True,
    member=None,
    columns=(Column("title", Text("名称", "Title")),),
)


@hookimpl
def contribute() -> Contribution:
    """Return all that this plugin gives."""
    return Contribution(
        settings=StallsSettings,
        resources=[STALLS, SECRETS, LEDGER],
        pages=[Page("/map", Text("地图", "Map"), "stalls.view", "map.html", _map)],
        panels=[
            Panel("totals", Text("摊位数", "Stalls"), "stalls.view", _totals),
            Panel("broken", Text("坏面板", "Broken"), "stalls.view", _broken),
        ],
    )


@hookimpl
def member_summary(ctx: Context, member: UUID) -> dict[str, Any] | None:
    return {"摊位": StallsStall.scoped(ctx).select().where(StallsStall.member == member).count()}
