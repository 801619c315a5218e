"""Refunds: asked for by members, decided by staff or by the plugin that placed the order, paid back along the tenders.

What goes back is counted on the order when a refund begins, so two of them can never pass what was paid.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from plugins.orders import states
from plugins.orders.models import OrdersLine, OrdersOrder, OrdersRefund, OrdersTender
from plugins.orders.paying import tenders
from plugins.orders.placing.drafts import left, lines_of
from plugins.orders.refunding import parts
from plugins.orders.staff_schemas import ApproveIn, RejectIn
from roost import Conflict, Content, Context, Invalid, Text, Words, kept, said

Source = Literal["member", "staff", "plugin", "outside"]
OPEN = ("requested", "running", "failed")
REFUND = Content("refund", Text("退款", "refund"), ("order", "amount_fen", "points", "lines", "reason"))


def begin(
    ctx: Context,
    order_id: UUID,
    *,
    key: str,
    reason: Words,
    source: Source,
    fen: int | None = None,
    points: int | None = None,
    lines: Mapping[UUID, int] | None = None,
    asked: OrdersRefund | None = None,
    only: OrdersTender | None = None,
) -> OrdersRefund:
    """Refund some units (`lines`), an amount (`fen`, `points`), or all that is left; a known key returns the first.

    With lines and an amount, the amount is what goes back for them. `only` takes all money from one tender. Raises
    Conflict for an order that cannot be refunded now (`order_state`, `refund_exceeds`), Invalid for nothing.
    """
    order = states.lock(ctx, order_id)
    known = OrdersRefund.scoped(ctx).first(OrdersRefund.key == key)
    if known is not None and known.state != "requested":
        _check_same(known, order.id, reason, fen, points, lines)
        return known  # type: ignore[no-any-return]  # peewee
    units = checked(ctx, order, lines)
    due_fen, due_points = amount_of(ctx, order, units)
    if fen is not None or points is not None:
        due_fen, due_points = fen or 0, points or 0
    left_fen, left_points = order.paid_fen - order.refunded_fen, order.paid_points - order.refunded_points
    if due_fen > left_fen or due_points > left_points:
        raise Conflict(
            f"{left_fen} fen and {left_points} points of this order are left to refund",
            f"最多可退 {left_fen / 100:.2f} 元、{left_points} 积分",
            code="refund_exceeds",
            left_fen=left_fen,
            left_points=left_points,
        )
    if due_fen + due_points <= 0 and (order.paid_fen + order.paid_points or order.state == "refunding"):
        raise Invalid("there is nothing to refund", "没有可退的金额", code="nothing_to_refund")
    states.move(
        ctx,
        order,
        "refunding",
        refunded_fen=order.refunded_fen + due_fen,
        refunded_points=order.refunded_points + due_points,
    )
    if units is None and due_fen == left_fen and due_points == left_points:
        units = {line.id: line.quantity - line.refunded for line in lines_of(ctx, order.id)}
    told = _drop(ctx, order, units or {})
    values: Any = {"state": "running", "fen": due_fen, "points": due_points, "lines": told, "decided_at": ctx.now()}
    if asked is not None:
        refund = asked
        states.put(ctx, refund, **values)
    else:
        refund = _create(ctx, order, key=key, source=source, reason=reason, **values)
    for tender, back_fen, back_points in _shares(ctx, order, due_fen, due_points, only):
        parts.add(ctx, refund, tender, back_fen, back_points)
    parts.finish(ctx, order, refund)
    return refund


def _create(ctx: Context, order: OrdersOrder, **values: Any) -> OrdersRefund:
    row: OrdersRefund = OrdersRefund.scoped(ctx).create(
        order=order.id, member=order.member, venue=order.venue, created_at=ctx.now(), **values
    )
    return row


def _check_same(
    known: OrdersRefund,
    order: UUID,
    reason: Words,
    fen: int | None,
    points: int | None,
    lines: Mapping[UUID, int] | None,
) -> None:
    """Raise KeyReused when a known refund is of something else; what the caller left open is not compared."""
    before = {
        "order": known.order,
        "amount_fen": known.fen,
        "points": known.points,
        "lines": sorted((part["line"], part["quantity"]) for part in known.lines),
        "reason": said(known.reason, "zh"),
    }
    sent: dict[str, Any] = {"order": order, "reason": said(kept(reason), "zh")}
    if fen is not None or points is not None:
        sent |= {"amount_fen": fen or 0, "points": points or 0}
    if lines:
        sent["lines"] = sorted((str(line), quantity) for line, quantity in lines.items())
    REFUND.check(known.key, before, sent)


def checked(ctx: Context, order: OrdersOrder, lines: Mapping[UUID, int] | None) -> dict[UUID, int] | None:
    """Return units of the order's own lines. Raises Invalid for others, or for more than are left of one."""
    if not lines:
        return None
    rest = {line.id: line.quantity - line.refunded for line in lines_of(ctx, order.id)}
    for line, quantity in lines.items():
        if not 1 <= quantity <= rest.get(line, 0):
            raise Invalid(
                f"{rest.get(line, 0)} units of this line are left, not {quantity}",
                "退款数量有误",
                code="bad_units",
                fields=[{"path": "body.lines", "message": "not so many units are left"}],
            )
    return dict(lines)


def amount_of(ctx: Context, order: OrdersOrder, units: Mapping[UUID, int] | None) -> tuple[int, int]:
    """Return the fen and points that some units cost, discounts shared; None: all that is left.

    With the last units the postage goes back too, unless something was sent. The shares of a line's units add up to
    what the line cost.
    """
    left_fen, left_points = order.paid_fen - order.refunded_fen, order.paid_points - order.refunded_points
    if units is None:
        return left_fen, left_points
    fen = points = 0
    rest = 0
    sent = False
    for line in lines_of(ctx, order.id):
        quantity = units.get(line.id, 0)
        fen += _net(line, line.refunded + quantity) - _net(line, line.refunded)
        points += line.unit_points * quantity
        rest += line.quantity - line.refunded - quantity
        sent = sent or (line.fulfilment == "ship" and line.delivered > 0)
    if not rest and not sent:
        fen += order.postage_fen
    return min(fen, left_fen), min(points, left_points)


def _net(line: OrdersLine, quantity: int) -> int:
    return int(line.net_fen * quantity // line.quantity)


def _drop(ctx: Context, order: OrdersOrder, units: Mapping[UUID, int]) -> list[dict[str, Any]]:
    """Mark units as refunded; those that were not delivered will not be. Return what the refund keeps of it."""
    told = []
    waiting = {"ship": order.to_ship, "pickup": order.to_hand, "none": 0}
    for line in lines_of(ctx, order.id):
        quantity = units.get(line.id, 0)
        if not quantity:
            continue
        dropped = min(quantity, left(line))
        states.put(ctx, line, refunded=line.refunded + quantity, dropped=line.dropped + dropped)
        waiting[line.fulfilment] -= dropped
        told.append({"line": str(line.id), "quantity": quantity})
    values: dict[str, Any] = {"to_ship": waiting["ship"], "to_hand": waiting["pickup"]}
    if not waiting["pickup"]:
        values["pickup_code"] = None
    if not any(waiting.values()) and order.delivered_at is None:
        values["delivered_at"] = ctx.now()
    states.put(ctx, order, **values)
    return told


def _shares(
    ctx: Context, order: OrdersOrder, fen: int, points: int, only: OrdersTender | None
) -> list[tuple[OrdersTender, int, int]]:
    """Share an amount out over what paid it, each by what is left of it; the shares add up to the fen.

    Points that paid for money return as points, in proportion; the last share takes what rounding left.
    """
    paid = tenders.of_order(ctx, order.id, "paid")
    money = [tender for tender in paid if tender.fen and (only is None or tender.id == only.id)]
    whole = sum(tender.fen - tender.refunded_fen for tender in money)
    found: list[tuple[OrdersTender, int, int]] = []
    passed = given = 0
    for tender in money:
        passed += tender.fen - tender.refunded_fen
        share = fen * passed // whole - given if whole else 0
        given += share
        if share:
            back = tender.points * (tender.refunded_fen + share) // tender.fen - tender.refunded_points
            found.append((tender, share, back))
    for tender in paid:
        if points and not tender.fen and tender.points:
            back = min(points, tender.points - tender.refunded_points)
            points -= back
            found.append((tender, 0, back))
    return found


# --- what members ask for --------------------------------------------------------------------------------------------


def ask(ctx: Context, order: OrdersOrder, reason: str, lines: Sequence[tuple[UUID, int]]) -> OrdersRefund:
    """Put a member's request before staff; the order is locked. Raises Conflict for one that is open already."""
    if "refunding" not in states.MOVES[order.state]:
        raise states.illegal(order, "refunding")
    query = OrdersRefund.scoped(ctx).select().where(OrdersRefund.order == order.id)
    if query.where(OrdersRefund.state.in_(OPEN)).count():
        raise Conflict("a refund of this order is open already", "该订单已有进行中的退款", code="refund_open")
    units = checked(ctx, order, dict(lines))
    fen, points = amount_of(ctx, order, units)
    if fen + points <= 0:
        raise Invalid("there is nothing to refund", "没有可退的金额", code="nothing_to_refund")
    return _create(
        ctx,
        order,
        key=f"asked:{order.id}:{query.count() + 1}",
        state="requested",
        source="member",
        fen=fen,
        points=points,
        lines=[{"line": str(line), "quantity": quantity} for line, quantity in (units or {}).items()],
        reason=reason,
    )


def _requested(ctx: Context, refund: UUID) -> tuple[OrdersOrder, OrdersRefund]:
    order, row = states.lock_with(ctx, OrdersRefund, OrdersRefund.id == refund)
    if row.state != "requested":
        raise Conflict(f"this refund is {row.state}", "该退款申请已处理", code="refund_state", state=row.state)
    return order, row


def approve(ctx: Context, refund: UUID, body: ApproveIn) -> OrdersRefund:
    """Grant a request, as staff decided the amounts."""
    order, row = _requested(ctx, refund)
    lines = {UUID(one["line"]): one["quantity"] for one in row.lines}
    return begin(
        ctx,
        order.id,
        key=row.key,
        reason=row.reason,
        source="member",
        fen=body.fen,
        points=body.points,
        lines=lines or None,
        asked=row,
    )


def reject(ctx: Context, refund: UUID, body: RejectIn) -> None:
    _, row = _requested(ctx, refund)
    now = ctx.now()
    states.put(ctx, row, state="rejected", reply=body.reason, decided_at=now, ended_at=now)
