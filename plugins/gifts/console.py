"""What staff work with: gifts, rules, and the claims to be shipped or handed over."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from plugins.gifts import catalog, claims, rules
from plugins.gifts.models import GiftsClaim, GiftsGift, GiftsRule
from plugins.gifts.schemas import (
    Address,
    ClaimRow,
    GiftEdit,
    GiftIn,
    Moment,
    Restock,
    RuleIn,
    Shipment,
    State,
    UseIn,
    WhyRevoked,
)
from roost import Action, Column, Context, Form, NotFound, Page, Panel, Resource, Text

KINDS = {
    "physical": Text("实物", "physical"),
    "virtual": Text("虚拟", "virtual"),
    "voucher": Text("券", "voucher"),
    "points": Text("积分", "points"),
}
MOMENTS = {
    "birthday": Text("生日礼", "birthday"),
    "growth": Text("成长礼", "growth"),
    "new_member": Text("新会员礼", "new member"),
    "": Text("其他", "other"),
}
STATES = {
    "offered": Text("待领取", "offered"),
    "accepted": Text("待发放", "accepted"),
    "shipped": Text("已发货", "shipped"),
    "done": Text("已完成", "done"),
    "ready": Text("可使用", "ready"),
    "used": Text("已使用", "used"),
    "expired": Text("已过期", "expired"),
    "revoked": Text("已收回", "revoked"),
}
ENDED = ("shipped", "done", "used", "expired", "revoked")


def present_claims(ctx: Context, rows: Sequence[GiftsClaim]) -> Sequence[Any]:
    return [{"receiver": _receiver(ctx, row)} for row in rows]


def _receiver(ctx: Context, row: GiftsClaim) -> str:
    address = claims.address_of(ctx, row)
    if address is None:
        return ""
    return f"{address.name[:1]}** {address.phone[:3]}****{address.phone[-4:]} {address.region}"


def _address(ctx: Context, claim: UUID, body: None) -> Address:
    address = claims.address_of(ctx, GiftsClaim.scoped(ctx).get(GiftsClaim.id == claim))
    if address is None:
        raise NotFound("this claim has no address", "该记录没有收货地址")
    return address


GIFTS = Resource(
    name="gifts",
    offers={"gifts": catalog.named_gifts},
    summary=(
        Column("offered", Text("待领取礼品", "Gifts to accept"), "int"),
        Column("ready", Text("可用券", "Vouchers ready"), "int"),
    ),
    title=Text("礼品", "Gifts"),
    model=GiftsGift,
    also=("valid_days", "terms", "tracked"),
    columns=(
        Column("name", Text("名称", "Name")),
        Column("code", Text("编码", "Code"), filter=True, list=False),
        Column("kind", Text("类型", "Kind"), "choice", choices=KINDS, filter=True),
        Column("points", Text("积分", "Points"), "points"),
        Column("amount_fen", Text("价值", "Value"), "fen"),
        Column("left", Text("剩余库存", "Left"), "int", type=int | None),
        Column("active", Text("启用", "On"), "bool", filter=True),
    ),
    permission="gifts.rules",
    create=Form(GiftIn, catalog.define),
    edit=Form(GiftEdit, catalog.edit),
    actions=(
        Action(
            "restock",
            Text("补货", "Restock"),
            catalog.restock,
            form=Restock,
            idempotent=True,
            shown=lambda row: row.kind == "physical",
        ),
    ),
    venue_free=True,
    present=catalog.present,
)

RULES = Resource(
    name="rules",
    title=Text("礼品规则", "Gift rules"),
    model=GiftsRule,
    columns=(
        Column("name", Text("名称", "Name")),
        Column("moment", Text("时机", "Moment"), "choice", choices=MOMENTS, filter=True, type=Moment),
        Column("level", Text("等级", "Level"), "choice", source="levels", filter=True),
        Column("states", Text("会员状态", "States"), "choice", source="states", type=list[State]),
        Column("rewards", Text("奖励", "Rewards"), "rewards"),
        Column("conditions", Text("条件", "Conditions"), "conditions", list=False),
        Column("total", Text("总份数", "In all"), "int", list=False),
        Column("budget_points", Text("积分预算", "Budget"), "points", list=False),
        Column("starts_at", Text("开始", "From"), "time", list=False),
        Column("ends_at", Text("结束", "Until"), "time", list=False),
        Column("version", Text("版本", "Version"), "int"),
        Column("active", Text("启用", "On"), "bool", filter=True),
    ),
    permission="gifts.rules",
    create=Form(RuleIn, rules.create),
    edit=Form(RuleIn, rules.edit),
    venue_free=True,
)

CLAIMS = Resource(
    name="claims",
    title=Text("领取记录", "Claims"),
    model=GiftsClaim,
    reply=ClaimRow,
    columns=(
        Column("member", Text("会员", "Member"), "member", filter=True),
        Column("name", Text("礼品", "Gift")),
        Column("kind", Text("类型", "Kind"), "choice", choices=KINDS, filter=True),
        Column("moment", Text("时机", "Moment"), "choice", choices=MOMENTS, filter=True),
        Column("state", Text("状态", "State"), "choice", choices=STATES, filter=True),
        Column("venue", Text("领取/核销门店", "Venue"), "venue", filter=True),
        Column("receiver", Text("收货人", "Receiver")),
        Column("ship_by", Text("发货期限", "Ship by"), "date", filter=True),
        Column("pickup_by", Text("领取截止", "Pick up by"), "date", list=False),
        Column("unreturned_at", Text("退款未收回", "Not come back since"), "time", list=False, filter=True),
        Column("carrier", Text("快递", "Carrier"), list=False),
        Column("tracking", Text("运单号", "Tracking"), list=False),
        Column("offered_at", Text("发放时间", "Offered"), "time", filter=True),
        Column("accepted_at", Text("领取时间", "Accepted"), "time", list=False),
        Column("remark", Text("备注", "Remark"), list=False),
    ),
    permission="gifts.claims",
    actions=(
        Action(
            "address",
            Text("查看收货地址", "Show the address"),
            _address,
            permission="gifts.address",
            reason=True,
            reveals=Address,
            shown=lambda row: row.address is not None,
        ),
        Action(
            "ship",
            Text("发货", "Ship"),
            claims.ship,
            form=Shipment,
            shown=lambda row: row.state == "accepted" and row.delivery == "ship",
        ),
        Action("received", Text("确认签收", "Received"), claims.received, shown=lambda row: row.state == "shipped"),
        Action(
            "picked_up",
            Text("到店领取", "Picked up"),
            claims.picked_up,
            shown=lambda row: row.state == "accepted" and row.delivery == "pickup",
        ),
        Action(
            "use",
            Text("核销", "Use"),
            claims.use,
            form=UseIn,
            any_venue=True,
            shown=lambda row: row.state == "ready",
        ),
        Action(
            "revoke",
            Text("收回", "Take back"),
            claims.revoke,
            form=WhyRevoked,
            reason=True,
            idempotent=True,
            shown=lambda row: row.state not in ENDED,
        ),
        Action(
            "settle",
            Text("未收回已处理", "Settle what was kept"),
            claims.settle,
            form=WhyRevoked,
            reason=True,
            shown=lambda row: row.unreturned_at is not None,
        ),
    ),
    venue="venue",
    export_permission="gifts.claims",
    present=present_claims,
)


def waiting(ctx: Context) -> Sequence[tuple[str, str]]:
    """Return what waits for staff: gifts to ship, overdue ones, gifts to hand over."""
    claims_here = GiftsClaim.scoped(ctx).select().where(ctx.within(GiftsClaim.venue))
    accepted = claims_here.where(GiftsClaim.state == "accepted")
    to_ship = accepted.where(GiftsClaim.delivery == "ship")
    figures = (
        (Text("待发货", "To ship"), to_ship),
        (Text("已超时", "Overdue"), to_ship.where(GiftsClaim.ship_by < ctx.today())),
        (Text("待到店领取", "To hand over"), accepted.where(GiftsClaim.delivery == "pickup")),
        (Text("退款未收回", "Kept after a refund"), claims_here.where(GiftsClaim.unreturned_at.is_null(False))),
    )
    return [(words.in_(ctx.locale), str(query.count())) for words, query in figures]


WAITING = Panel("waiting", Text("礼品待办", "Gifts to do"), "gifts.claims", waiting)


def counter(ctx: Context, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the voucher of a code, whichever venue asks: what the page of the counter shows."""
    code = query.get("code", "").strip()
    found = claims.voucher_of(ctx, code) if code else None
    return {
        "english": ctx.locale.startswith("en"),
        "code": code,
        "voucher": found,
        "state": STATES[found.state].in_(ctx.locale) if found else "",
        "over": found is not None and found.valid_until is not None and found.valid_until < ctx.today(),
    }


COUNTER = Page("counter", Text("券码核销", "Vouchers at the counter"), "gifts.claims", "counter.html", counter)
