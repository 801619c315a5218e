"""What staff work with: plans, sessions, items and claims."""

from typing import Any
from uuid import UUID

from plugins import orders
from plugins.seckill import sessions, vouchers
from plugins.seckill.models import SeckillClaim, SeckillItem, SeckillPlan, SeckillSession
from plugins.seckill.schemas import ItemCreate, ItemForm, PlanForm, Redeem, SessionForm
from plugins.seckill.service import CLAIM_STATES
from roost import Action, Column, Context, Form, Resource, Text, names_in

STATES = {
    "draft": Text("草稿", "draft"),
    "published": Text("已发布", "published"),
    "closed": Text("已结束", "closed"),
}
KINDS = {"goods": Text("实物", "goods"), "service": Text("服务", "service")}
DELIVERIES = {"voucher": Text("到店凭证", "voucher"), "ship": Text("邮寄", "sent")}
REPEATS = {
    "daily": Text("每日", "daily"),
    "weekly": Text("每周", "weekly"),
    "monthly": Text("每月", "monthly"),
}


ITEM = (
    Column("title", Text("标题", "Title")),
    Column("stock", Text("库存", "Stock"), "int"),
    Column("price_points", Text("积分价", "Points"), "points"),
    Column("price_fen", Text("金额", "Price"), "fen"),
    Column("levels", Text("等级", "Levels"), "choice", source="levels"),
)


def _state_is(*states: str) -> Any:  # Any: a row of either table
    return lambda row: row.state in states


plans = Resource(
    name="plans",
    title=Text("周期场次", "Recurring sessions"),
    model=SeckillPlan,
    permission="seckill.view",
    edit_permission="seckill.edit",
    venue_free=True,
    create=Form(PlanForm, sessions.create_plan),
    edit=Form(PlanForm, sessions.edit_plan),
    columns=(
        Column("title", Text("标题", "Title"), filter=True),
        Column("repeat", Text("周期", "Repeats"), "choice", choices=REPEATS),
        Column("day", Text("星期/日", "Day"), "int"),
        Column("at", Text("时间", "At")),
        Column("minutes", Text("时长（分钟）", "Minutes"), "int"),
        Column("active", Text("启用", "Active"), "bool", filter=True),
        Column("venues", Text("门店", "Venues"), "choice", source="venues", list=False, type=list[UUID]),
        Column("items", Text("商品", "Items"), "table", parts=ITEM, list=False, type=list[ItemForm]),
    ),
)


def _drafts(ctx: Context) -> list[tuple[UUID, str]]:
    """Return the sessions that things can be added to, the next first."""
    rows = SeckillSession.scoped(ctx).select().where(SeckillSession.state == "draft")
    return [(row.id, row.title) for row in rows.order_by(SeckillSession.starts_at).limit(200)]


session_resource = Resource(
    offers={"seckill_drafts": _drafts},
    name="sessions",
    title=Text("秒杀场次", "Sessions"),
    model=SeckillSession,
    also=("plan",),
    permission="seckill.view",
    edit_permission="seckill.edit",
    venue_free=True,
    create=Form(SessionForm, sessions.create_session),
    edit=Form(SessionForm, sessions.edit_session),
    actions=(
        Action("publish", Text("发布", "Publish"), sessions.publish_session, shown=_state_is("draft")),
        Action("close", Text("结束", "Close"), sessions.close_session, reason=True, shown=_state_is("published")),
    ),
    columns=(
        Column("title", Text("标题", "Title"), filter=True),
        Column("starts_at", Text("开始", "Starts"), "time", filter=True),
        Column("ends_at", Text("结束", "Ends"), "time"),
        Column("state", Text("状态", "State"), "choice", choices=STATES, filter=True),
        Column("venues", Text("门店", "Venues"), "choice", source="venues", list=False, type=list[UUID]),
    ),
)

items = Resource(
    name="items",
    title=Text("秒杀商品", "Items"),
    model=SeckillItem,
    permission="seckill.view",
    edit_permission="seckill.edit",
    venue_free=True,
    create=Form(ItemCreate, sessions.add_item),
    actions=(Action("remove", Text("移除", "Remove"), sessions.remove_item),),
    columns=(
        Column("session", Text("场次", "Session"), named=names_in(SeckillSession, "title"), filter=True),
        Column("title", Text("标题", "Title"), filter=True),
        Column("kind", Text("类型", "Kind"), "choice", choices=KINDS, list=False),
        Column("delivery", Text("交付", "Delivery"), "choice", choices=DELIVERIES),
        Column("stock", Text("库存", "Stock"), "int"),
        Column("price_points", Text("积分价", "Points"), "points"),
        Column("price_fen", Text("金额", "Price"), "fen"),
        Column("market_fen", Text("划线价", "Market price"), "fen"),
        Column("basis", Text("划线价依据", "Basis"), list=False),
        Column("levels", Text("等级", "Levels"), "choice", source="levels", list=False),
        Column("states", Text("身份", "States"), "choice", source="states", list=False),
        Column("venues", Text("门店", "Venues"), "choice", source="venues", list=False, type=list[UUID]),
    ),
)

claims = Resource(
    name="claims",
    title=Text("秒杀记录", "Claims"),
    model=SeckillClaim,
    also=("session", "ended_at"),
    permission="seckill.view",
    export_permission="seckill.view",
    venue_free=True,  # a voucher belongs to no venue until it is used
    actions=(
        Action(
            "redeem",
            Text("核销", "Redeem"),
            vouchers.redeem,
            "seckill.redeem",
            form=Redeem,
            idempotent=True,
            shown=lambda row: row.state == "won" and row.delivery == "voucher",
        ),
        Action(
            "refund",
            Text("退回", "Refund"),
            vouchers.refund,
            "seckill.edit",
            reason=True,
            idempotent=True,
            shown=_state_is("won", "expired"),
        ),
    ),
    columns=(
        Column("member", Text("会员", "Member"), "member", filter=True),
        Column("item", Text("商品", "Item"), named=names_in(SeckillItem, "title"), filter=True),
        Column("state", Text("状态", "State"), "choice", choices=CLAIM_STATES, filter=True),
        Column("delivery", Text("交付", "Delivery"), "choice", choices=DELIVERIES, filter=True),
        Column("price_points", Text("积分", "Points"), "points"),
        Column("price_fen", Text("金额", "Price"), "fen"),
        Column("order", Text("订单", "Order"), named=orders.numbers, list=False),
        Column("code", Text("凭证码", "Code"), filter=True),
        Column("deadline", Text("确认截止", "Confirm by"), "time"),
        Column("expires_at", Text("有效至", "Valid until"), "time", filter=True),
        Column("unpaid", Text("计入未付款", "Counts as unpaid"), "bool", list=False),
        Column("created_at", Text("时间", "At"), "time", filter=True),
        Column("venue", Text("核销门店", "Used at"), "venue"),
    ),
)

RESOURCES = (plans, session_resource, items, claims)
