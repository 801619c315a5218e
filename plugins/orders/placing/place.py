"""Place an order: price, postage, address, what it holds, how long it waits."""

import secrets
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from uuid import UUID

from plugins.orders.hookspecs import OrderPlaced
from plugins.orders.models import OrdersLine, OrdersOrder
from plugins.orders.paying import settling, tenders
from plugins.orders.placing import addresses
from plugins.orders.placing.drafts import Draft, Line, OrderView, lines_of, view
from plugins.orders.references import OrderRef
from plugins.orders.schemas import MOST_FEN, AddressIn, OrdersSettings
from roost import Content, Context, Invalid, Text, members, new_id, seal, tenants, unseal

SLUG = "orders"
ADDRESS = "address"
ORDER = Content(
    "order",
    Text("订单", "order"),
    ("member", "venue", "title", "lines", "discounts", "tenders", "cancellable", "address", "note"),
)
MOST_LINES, MOST_UNITS = 100, 9999


def place(ctx: Context, draft: Draft) -> OrderView:
    """Place an order for the calling plugin, and hold its points until it is paid or closed.

    One that costs no money is paid at once. The same `reference` with the same content returns the first order.
    Raises Invalid for what cannot be sold or sent, InsufficientBalance, KeyReused for a reference that was used for
    something else.
    """
    owner, ctx = ctx.plugin, ctx.for_plugin(SLUG)
    member = members.get(ctx, draft.member).id
    known = OrdersOrder.scoped(ctx).first(OrdersOrder.owner == owner, OrdersOrder.reference == draft.reference)
    if known is not None:
        return _again(ctx, known, draft, member)
    _check(ctx, draft)
    address = _address(ctx, draft, member)
    goods = sum(line.quantity * line.unit_fen for line in draft.lines)
    less = sum(discount.fen for discount in draft.discounts)
    sending = postage(ctx, address) if address is not None else 0
    if less > goods or goods + sending > MOST_FEN:
        raise Invalid(
            f"{less} fen off goods of {goods} fen cannot be an order", "优惠金额不能超过商品金额", code="bad_price"
        )
    deadline = draft.deadline or ctx.now() + timedelta(minutes=ctx.settings(OrdersSettings).pay_minutes)
    if deadline <= ctx.now():
        raise Invalid(f"the deadline {deadline} has passed", "付款期限须晚于现在")
    values = {
        "id": new_id(),
        "number": _number(ctx),
        "owner": owner,
        "reference": draft.reference,
        "member": member,
        "title": _title(draft),
        "goods_fen": goods,
        "discount_fen": less,
        "discounts": [asdict(discount) for discount in draft.discounts],
        "postage_fen": sending,
        "money_fen": goods - less + sending,
        "points": sum(line.quantity * line.unit_points for line in draft.lines),
        "tenders": list(draft.tenders),
        "cancellable": draft.cancellable,
        "venue": draft.venue,
        "address": seal(ctx, ADDRESS, address.model_dump_json()) if address else None,
        "note": draft.note,
        "deadline": deadline,
        "created_at": ctx.now(),
    }
    if not list(OrdersOrder.scoped(ctx).insert(**values).on_conflict_ignore().returning(OrdersOrder.id).execute()):
        known = OrdersOrder.scoped(ctx).get(OrdersOrder.owner == owner, OrdersOrder.reference == draft.reference)
        return _again(ctx, known, draft, member)
    order: OrdersOrder = OrdersOrder.scoped(ctx).get(OrdersOrder.id == values["id"])
    _write_lines(ctx, order, draft.lines)
    ctx.publish(OrderPlaced.of(order, money_fen=order.money_fen, points=order.points))
    if order.points:
        tenders.hold_price(ctx, order)
    if order.money_fen == 0:
        settling.settle(ctx, order)
    else:
        ctx.enqueue("orders.expire", OrderRef(order=order.id), run_at=deadline, dedupe=f"expire:{order.id}")
    return view(ctx, order)


def _title(draft: Draft) -> str:
    return (draft.title or draft.lines[0].title if draft.lines else "")[:100]


def _again(ctx: Context, known: OrdersOrder, draft: Draft, member: UUID) -> OrderView:
    """Return the order that a reference names. Raises KeyReused when something else was ordered by it.

    Not compared is what an erasure took (address and note), and the deadline, which counts from the moment it is set.
    """
    address = address_of(ctx, known)
    asked = addresses.get(ctx, member, draft.address) if isinstance(draft.address, UUID) else draft.address
    kept = {
        "member": members.resolve(ctx, known.member),
        "venue": known.venue,
        "title": known.title,
        "lines": [{name: getattr(line, name) for name in Line.__slots__} for line in lines_of(ctx, known.id)],
        "discounts": known.discounts,
        "tenders": known.tenders,
        "cancellable": known.cancellable,
        "address": address,
        "note": known.note,
    }
    sent = {
        "member": member,
        "venue": draft.venue,
        "title": _title(draft),
        "lines": [asdict(line) for line in draft.lines],
        "discounts": [asdict(discount) for discount in draft.discounts],
        "tenders": list(draft.tenders),
        "cancellable": draft.cancellable,
        "address": asked if address is not None else None,
        "note": draft.note if known.note else "",
    }
    ORDER.check(draft.reference, kept, sent)
    return view(ctx, known)


def _check(ctx: Context, draft: Draft) -> None:
    if not 1 <= len(draft.lines) <= MOST_LINES or not draft.reference or len(draft.reference) > 80:
        raise Invalid(f"an order has 1 to {MOST_LINES} lines and a reference", f"订单须有 1 至 {MOST_LINES} 行商品")
    for line in draft.lines:
        sound = 1 <= line.quantity <= MOST_UNITS and min(line.unit_fen, line.unit_points) >= 0 and line.title
        if not sound or len(line.title) > 100 or len(line.reference) > 80 or len(line.picture) > 500:
            raise Invalid(f"the line {line.reference!r} cannot be sold as it is", "商品信息有误", code="bad_line")
    for discount in draft.discounts:
        if discount.fen <= 0 or not discount.source:
            raise Invalid(
                "a discount takes off at least 1 fen and says by what right", "优惠信息有误", code="bad_price"
            )
    if any(line.fulfilment == "pickup" for line in draft.lines) and draft.venue is None:
        raise Invalid("choose a venue to pick it up", "请选择自提门店", code="venue_needed")
    if draft.venue is not None and not tenants.venue(ctx, draft.venue).open:
        raise Invalid("this venue is closed; choose another", "该门店已停业，请选择其他门店", code="venue_closed")


def _address(ctx: Context, draft: Draft, member: UUID) -> AddressIn | None:
    if not any(line.fulfilment == "ship" for line in draft.lines):
        return None
    if draft.address is None:
        raise Invalid(
            "this is sent: give an address",
            "请填写收货地址",
            code="address_needed",
            fields=[{"path": "body.address", "message": "an address is needed"}],
        )
    return addresses.get(ctx, member, draft.address) if isinstance(draft.address, UUID) else draft.address


def postage(ctx: Context, address: AddressIn) -> int:
    """Return what sending to an address costs, in fen."""
    settings = ctx.settings(OrdersSettings)
    remote = any(address.province.startswith(name) for name in settings.remote_provinces)
    return (settings.postage_fen if settings.postage == "flat" else 0) + (settings.remote_fen if remote else 0)


def _number(ctx: Context) -> str:
    """Return a fresh number: the day and twelve digits that tell nobody how many orders there are."""
    while True:
        number = f"{ctx.today():%Y%m%d}{secrets.randbelow(10**12):012d}"
        if OrdersOrder.scoped(ctx).first(OrdersOrder.number == number) is None:
            return number


def _write_lines(ctx: Context, order: OrdersOrder, lines: Sequence[Line]) -> None:
    """Write the lines, the discounts shared out among them by price; the shares add up to the fen."""
    passed, given = 0, 0
    rows = []
    for position, line in enumerate(lines):
        gross = line.quantity * line.unit_fen
        passed += gross
        share = order.discount_fen * passed // order.goods_fen - given if order.goods_fen else 0
        given += share
        known = {"id": new_id(), "order": order.id, "position": position, "net_fen": gross - share}
        rows.append(asdict(line) | known)
    OrdersLine.scoped(ctx).insert_many(rows).execute()


def address_of(ctx: Context, order: OrdersOrder) -> AddressIn | None:
    """Return where an order goes; the caller answers for who sees it."""
    return AddressIn.model_validate_json(unseal(ctx, ADDRESS, order.address)) if order.address is not None else None
