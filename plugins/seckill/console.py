"""What staff work with: plans, sessions, items and claims."""

from typing import Any
from uuid import UUID

from plugins import orders
from plugins.seckill import sessions, vouchers
from plugins.seckill.models import SeckillClaim, SeckillItem, SeckillPlan, SeckillSession
from plugins.seckill.schemas import (
    ClaimRow,
    ItemCreate,
    ItemRow,
    PlanForm,
    PlanRow,
    Redeem,
    SessionForm,
    SessionRow,
)
from roost import Action, Column, Context, Form, Resource, Text, names_in

STATES = {
    "draft": Text(zh="草稿", en="draft"),
    "published": Text(zh="已发布", en="published"),
    "closed": Text(zh="已结束", en="closed"),
}
CLAIM_STATES = {
    "held": Text(zh="待确认", en="held"),
    "closing": Text(zh="取消中", en="closing"),
    "won": Text(zh="已抢得", en="won"),
    "used": Text(zh="已核销", en="used"),
    "shipped": Text(zh="已发货", en="sent"),
    "expired": Text(zh="已过期", en="expired"),
    "cancelled": Text(zh="已取消", en="cancelled"),
    "lapsed": Text(zh="超时释放", en="lapsed"),
    "refunding": Text(zh="退款中", en="refunding"),
    "refunded": Text(zh="已退", en="refunded"),
}
KINDS = {"goods": Text(zh="实物", en="goods"), "service": Text(zh="服务", en="service")}
DELIVERIES = {"voucher": Text(zh="到店凭证", en="voucher"), "ship": Text(zh="邮寄", en="sent")}
REPEATS = {
    "daily": Text(zh="每日", en="daily"),
    "weekly": Text(zh="每周", en="weekly"),
    "monthly": Text(zh="每月", en="monthly"),
}


ITEM = (
    Column("title", Text(zh="标题", en="Title")),
    Column("stock", Text(zh="库存", en="Stock"), "int"),
    Column("price_points", Text(zh="积分价", en="Points"), "points"),
    Column("price_fen", Text(zh="金额", en="Price"), "fen"),
    Column("levels", Text(zh="等级", en="Levels"), "choice", source="levels"),
)


def _publish(ctx: Context, session: UUID, body: None) -> None:
    sessions.publish_session(ctx, session)


def _close(ctx: Context, session: UUID, body: None) -> None:
    sessions.close_session(ctx, session)


def _remove(ctx: Context, item: UUID, body: None) -> None:
    sessions.remove_item(ctx, item)


def _redeem(ctx: Context, claim: UUID, body: Redeem) -> None:
    vouchers.redeem(ctx, claim, body.venue)


def _refund(ctx: Context, claim: UUID, body: None) -> None:
    vouchers.refund(ctx, claim)


def _state_is(*states: str) -> Any:  # Any: a row of either table
    return lambda row: row.state in states


plans = Resource(
    name="plans",
    title=Text(zh="周期场次", en="Recurring sessions"),
    model=SeckillPlan,
    reply=PlanRow,
    permission="seckill.view",
    edit_permission="seckill.edit",
    venue_free=True,
    member=None,
    create=Form(PlanForm, sessions.create_plan),
    edit=Form(PlanForm, sessions.edit_plan),
    columns=(
        Column("title", Text(zh="标题", en="Title"), filter=True),
        Column("repeat", Text(zh="周期", en="Repeats"), "choice", choices=REPEATS),
        Column("day", Text(zh="星期/日", en="Day"), "int"),
        Column("at", Text(zh="时间", en="At")),
        Column("minutes", Text(zh="时长（分钟）", en="Minutes"), "int"),
        Column("active", Text(zh="启用", en="Active"), "bool", filter=True),
        Column("venues", Text(zh="门店", en="Venues"), "choice", source="venues", list=False),
        Column("items", Text(zh="商品", en="Items"), "table", parts=ITEM, list=False),
    ),
)


def _drafts(ctx: Context) -> list[tuple[UUID, str]]:
    """Return the sessions that things can be added to, the next first."""
    rows = SeckillSession.scoped(ctx).select().where(SeckillSession.state == "draft")
    return [(row.id, row.title) for row in rows.order_by(SeckillSession.starts_at).limit(200)]


session_resource = Resource(
    offers={"seckill_drafts": _drafts},
    name="sessions",
    title=Text(zh="秒杀场次", en="Sessions"),
    model=SeckillSession,
    reply=SessionRow,
    permission="seckill.view",
    edit_permission="seckill.edit",
    venue_free=True,
    member=None,
    create=Form(SessionForm, sessions.create_session),
    edit=Form(SessionForm, sessions.edit_session),
    actions=(
        Action("publish", Text(zh="发布", en="Publish"), _publish, "seckill.edit", shown=_state_is("draft")),
        Action("close", Text(zh="结束", en="Close"), _close, "seckill.edit", reason=True, shown=_state_is("published")),
    ),
    columns=(
        Column("title", Text(zh="标题", en="Title"), filter=True),
        Column("starts_at", Text(zh="开始", en="Starts"), "time", filter=True),
        Column("ends_at", Text(zh="结束", en="Ends"), "time"),
        Column("state", Text(zh="状态", en="State"), "choice", choices=STATES, filter=True),
        Column("venues", Text(zh="门店", en="Venues"), "choice", source="venues", list=False),
    ),
)

items = Resource(
    name="items",
    title=Text(zh="秒杀商品", en="Items"),
    model=SeckillItem,
    reply=ItemRow,
    permission="seckill.view",
    edit_permission="seckill.edit",
    venue_free=True,
    member=None,
    create=Form(ItemCreate, sessions.add_item),
    actions=(Action("remove", Text(zh="移除", en="Remove"), _remove, "seckill.edit"),),
    columns=(
        Column("session", Text(zh="场次", en="Session"), named=names_in(SeckillSession, "title"), filter=True),
        Column("title", Text(zh="标题", en="Title"), filter=True),
        Column("kind", Text(zh="类型", en="Kind"), "choice", choices=KINDS, list=False),
        Column("delivery", Text(zh="交付", en="Delivery"), "choice", choices=DELIVERIES),
        Column("stock", Text(zh="库存", en="Stock"), "int"),
        Column("price_points", Text(zh="积分价", en="Points"), "points"),
        Column("price_fen", Text(zh="金额", en="Price"), "fen"),
        Column("market_fen", Text(zh="划线价", en="Market price"), "fen"),
        Column("basis", Text(zh="划线价依据", en="Basis"), list=False),
        Column("levels", Text(zh="等级", en="Levels"), "choice", source="levels", list=False),
        Column("states", Text(zh="身份", en="States"), "choice", source="states", list=False),
        Column("venues", Text(zh="门店", en="Venues"), "choice", source="venues", list=False),
    ),
)

claims = Resource(
    name="claims",
    title=Text(zh="秒杀记录", en="Claims"),
    model=SeckillClaim,
    reply=ClaimRow,
    permission="seckill.view",
    export_permission="seckill.view",
    venue_free=True,  # a voucher belongs to no venue until it is used
    actions=(
        Action(
            "redeem",
            Text(zh="核销", en="Redeem"),
            _redeem,
            "seckill.redeem",
            form=Redeem,
            idempotent=True,
            shown=lambda row: row.state == "won" and row.delivery == "voucher",
        ),
        Action(
            "refund",
            Text(zh="退回", en="Refund"),
            _refund,
            "seckill.edit",
            reason=True,
            idempotent=True,
            shown=_state_is("won", "expired"),
        ),
    ),
    columns=(
        Column("member", Text(zh="会员", en="Member"), "member", filter=True),
        Column("item", Text(zh="商品", en="Item"), named=names_in(SeckillItem, "title"), filter=True),
        Column("state", Text(zh="状态", en="State"), "choice", choices=CLAIM_STATES, filter=True),
        Column("delivery", Text(zh="交付", en="Delivery"), "choice", choices=DELIVERIES, filter=True),
        Column("price_points", Text(zh="积分", en="Points"), "points"),
        Column("price_fen", Text(zh="金额", en="Price"), "fen"),
        Column("order", Text(zh="订单", en="Order"), named=orders.numbers, list=False),
        Column("code", Text(zh="凭证码", en="Code"), filter=True),
        Column("deadline", Text(zh="确认截止", en="Confirm by"), "time"),
        Column("expires_at", Text(zh="有效至", en="Valid until"), "time", filter=True),
        Column("unpaid", Text(zh="计入未付款", en="Counts as unpaid"), "bool", list=False),
        Column("created_at", Text(zh="时间", en="At"), "time", filter=True),
        Column("venue", Text(zh="核销门店", en="Used at"), "venue"),
    ),
)

RESOURCES = (plans, session_resource, items, claims)
