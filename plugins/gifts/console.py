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
    GiftOut,
    Restock,
    RuleIn,
    RuleOut,
    Shipment,
    UseIn,
    WhyRevoked,
)
from roost import Action, Column, Context, Form, NotFound, Page, Panel, Resource, Text

KINDS = {
    "physical": Text(zh="实物", en="physical"),
    "virtual": Text(zh="虚拟", en="virtual"),
    "voucher": Text(zh="券", en="voucher"),
    "points": Text(zh="积分", en="points"),
}
MOMENTS = {
    "birthday": Text(zh="生日礼", en="birthday"),
    "growth": Text(zh="成长礼", en="growth"),
    "new_member": Text(zh="新会员礼", en="new member"),
    "": Text(zh="其他", en="other"),
}
STATES = {
    "offered": Text(zh="待领取", en="offered"),
    "accepted": Text(zh="待发放", en="accepted"),
    "shipped": Text(zh="已发货", en="shipped"),
    "done": Text(zh="已完成", en="done"),
    "ready": Text(zh="可使用", en="ready"),
    "used": Text(zh="已使用", en="used"),
    "expired": Text(zh="已过期", en="expired"),
    "revoked": Text(zh="已收回", en="revoked"),
}
ENDED = ("shipped", "done", "used", "expired", "revoked")


def present_claims(ctx: Context, rows: Sequence[GiftsClaim]) -> Sequence[Any]:
    """Add to whom a gift goes, masked."""
    return [{**row.__data__, "receiver": _receiver(ctx, row)} for row in rows]


def _receiver(ctx: Context, row: GiftsClaim) -> str:
    address = claims.address_of(ctx, row)
    if address is None:
        return ""
    return f"{address.name[:1]}** {address.phone[:3]}****{address.phone[-4:]} {address.region}"


def _received(ctx: Context, claim: UUID, body: None) -> None:
    claims.received(ctx, claim)


def _picked_up(ctx: Context, claim: UUID, body: None) -> None:
    claims.picked_up(ctx, claim)


def _address(ctx: Context, claim: UUID, body: None) -> Address:
    address = claims.address_of(ctx, GiftsClaim.scoped(ctx).get(GiftsClaim.id == claim))
    if address is None:
        raise NotFound("this claim has no address", "该记录没有收货地址")
    return address


def _settle(ctx: Context, claim: UUID, body: WhyRevoked) -> None:
    claims.settle(ctx, claim, body.reason)


def _revoke(ctx: Context, claim: UUID, body: WhyRevoked) -> None:
    claims.revoke(ctx, claim, body.reason)


GIFTS = Resource(
    name="gifts",
    offers={"gifts": catalog.named_gifts},
    summary=(
        Column("offered", Text(zh="待领取礼品", en="Gifts to accept"), "int"),
        Column("ready", Text(zh="可用券", en="Vouchers ready"), "int"),
    ),
    title=Text(zh="礼品", en="Gifts"),
    model=GiftsGift,
    reply=GiftOut,
    columns=(
        Column("name", Text(zh="名称", en="Name")),
        Column("code", Text(zh="编码", en="Code"), filter=True, list=False),
        Column("kind", Text(zh="类型", en="Kind"), "choice", choices=KINDS, filter=True),
        Column("points", Text(zh="积分", en="Points"), "points"),
        Column("amount_fen", Text(zh="价值", en="Value"), "fen"),
        Column("left", Text(zh="剩余库存", en="Left"), "int"),
        Column("active", Text(zh="启用", en="On"), "bool", filter=True),
    ),
    permission="gifts.rules",
    edit_permission="gifts.rules",
    create=Form(GiftIn, catalog.define),
    edit=Form(GiftEdit, catalog.edit),
    actions=(
        Action(
            "restock",
            Text(zh="补货", en="Restock"),
            catalog.restock,
            permission="gifts.rules",
            form=Restock,
            idempotent=True,
            shown=lambda row: row.kind == "physical",
        ),
    ),
    venue_free=True,
    member=None,
    present=catalog.present,
)

RULES = Resource(
    name="rules",
    title=Text(zh="礼品规则", en="Gift rules"),
    model=GiftsRule,
    reply=RuleOut,
    columns=(
        Column("name", Text(zh="名称", en="Name")),
        Column("moment", Text(zh="时机", en="Moment"), "choice", choices=MOMENTS, filter=True),
        Column("level", Text(zh="等级", en="Level"), "choice", source="levels", filter=True),
        Column("states", Text(zh="会员状态", en="States"), "choice", source="states"),
        Column("rewards", Text(zh="奖励", en="Rewards"), "rewards"),
        Column("conditions", Text(zh="条件", en="Conditions"), "conditions", list=False),
        Column("total", Text(zh="总份数", en="In all"), "int", list=False),
        Column("budget_points", Text(zh="积分预算", en="Budget"), "points", list=False),
        Column("starts_at", Text(zh="开始", en="From"), "time", list=False),
        Column("ends_at", Text(zh="结束", en="Until"), "time", list=False),
        Column("version", Text(zh="版本", en="Version"), "int"),
        Column("active", Text(zh="启用", en="On"), "bool", filter=True),
    ),
    permission="gifts.rules",
    edit_permission="gifts.rules",
    create=Form(RuleIn, rules.create),
    edit=Form(RuleIn, rules.edit),
    venue_free=True,
    member=None,
)

CLAIMS = Resource(
    name="claims",
    title=Text(zh="领取记录", en="Claims"),
    model=GiftsClaim,
    reply=ClaimRow,
    columns=(
        Column("member", Text(zh="会员", en="Member"), "member", filter=True),
        Column("name", Text(zh="礼品", en="Gift")),
        Column("kind", Text(zh="类型", en="Kind"), "choice", choices=KINDS, filter=True),
        Column("moment", Text(zh="时机", en="Moment"), "choice", choices=MOMENTS, filter=True),
        Column("state", Text(zh="状态", en="State"), "choice", choices=STATES, filter=True),
        Column("venue", Text(zh="领取/核销门店", en="Venue"), "venue", filter=True),
        Column("receiver", Text(zh="收货人", en="Receiver")),
        Column("ship_by", Text(zh="发货期限", en="Ship by"), "date", filter=True),
        Column("pickup_by", Text(zh="领取截止", en="Pick up by"), "date", list=False),
        Column("unreturned_at", Text(zh="退款未收回", en="Not come back since"), "time", list=False, filter=True),
        Column("carrier", Text(zh="快递", en="Carrier"), list=False),
        Column("tracking", Text(zh="运单号", en="Tracking"), list=False),
        Column("offered_at", Text(zh="发放时间", en="Offered"), "time", filter=True),
        Column("accepted_at", Text(zh="领取时间", en="Accepted"), "time", list=False),
        Column("remark", Text(zh="备注", en="Remark"), list=False),
    ),
    permission="gifts.claims",
    actions=(
        Action(
            "address",
            Text(zh="查看收货地址", en="Show the address"),
            _address,
            permission="gifts.address",
            reason=True,
            reveals=Address,
            shown=lambda row: row.address is not None,
        ),
        Action(
            "ship",
            Text(zh="发货", en="Ship"),
            claims.ship,
            permission="gifts.claims",
            form=Shipment,
            shown=lambda row: row.state == "accepted" and row.delivery == "ship",
        ),
        Action(
            "received",
            Text(zh="确认签收", en="Received"),
            _received,
            permission="gifts.claims",
            shown=lambda row: row.state == "shipped",
        ),
        Action(
            "picked_up",
            Text(zh="到店领取", en="Picked up"),
            _picked_up,
            permission="gifts.claims",
            shown=lambda row: row.state == "accepted" and row.delivery == "pickup",
        ),
        Action(
            "use",
            Text(zh="核销", en="Use"),
            claims.use,
            permission="gifts.claims",
            form=UseIn,
            any_venue=True,
            shown=lambda row: row.state == "ready",
        ),
        Action(
            "revoke",
            Text(zh="收回", en="Take back"),
            _revoke,
            permission="gifts.claims",
            form=WhyRevoked,
            reason=True,
            idempotent=True,
            shown=lambda row: row.state not in ENDED,
        ),
        Action(
            "settle",
            Text(zh="未收回已处理", en="Settle what was kept"),
            _settle,
            permission="gifts.claims",
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
    query = GiftsClaim.scoped(ctx).select().where(GiftsClaim.state == "accepted")
    if ctx.actor.venues:
        query = query.where(GiftsClaim.venue.in_(sorted(ctx.actor.venues)))
    late = query.where(GiftsClaim.delivery == "ship", GiftsClaim.ship_by < ctx.today())
    kept = GiftsClaim.scoped(ctx).select().where(GiftsClaim.unreturned_at.is_null(False))
    if ctx.actor.venues:
        kept = kept.where(GiftsClaim.venue.in_(sorted(ctx.actor.venues)))
    english = ctx.locale.startswith("en")
    return [
        ("To ship" if english else "待发货", str(query.where(GiftsClaim.delivery == "ship").count())),
        ("Overdue" if english else "已超时", str(late.count())),
        (
            "To hand over" if english else "待到店领取",
            str(query.where(GiftsClaim.delivery == "pickup").count()),
        ),
        ("Kept after a refund" if english else "退款未收回", str(kept.count())),
    ]


WAITING = Panel("waiting", Text(zh="礼品待办", en="Gifts to do"), "gifts.claims", waiting)


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


COUNTER = Page("counter", Text(zh="券码核销", en="Vouchers at the counter"), "gifts.claims", "counter.html", counter)
