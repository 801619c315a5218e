"""What becomes of orders when a member leaves, joins another record, or asks for a copy."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from plugins.orders import states
from plugins.orders.models import OrdersAddress, OrdersOrder, OrdersRefund
from plugins.orders.paying import settling
from plugins.orders.placing import addresses
from plugins.orders.placing.drafts import lines_of
from plugins.orders.placing.place import address_of
from plugins.orders.refunding import refunds
from plugins.orders.schemas import OrdersSettings
from roost import Conflict, Context, Veto

OWED = ("paid", "fulfilling", "ready", "refunding")


def erase(ctx: Context, member: UUID) -> None:
    """Close unpaid orders, and forget what the member wrote of refunds. The orders stay, as evidence of money.

    Raises Conflict while something is owed to the member: deliver it, or pay it back, first.
    """
    mine = OrdersOrder.scoped(ctx).select(OrdersOrder.id, OrdersOrder.state, OrdersOrder.to_ship, OrdersOrder.to_hand)
    rows = list(mine.where(OrdersOrder.member == member).order_by(OrdersOrder.id))
    owed = [row for row in rows if row.state in OWED or (row.state == "part_refunded" and row.to_ship + row.to_hand)]
    if owed:
        raise Conflict(
            f"{len(owed)} paid orders of this member are not delivered yet: deliver or refund them first",
            f"该会员还有 {len(owed)} 笔已付款订单未完成，请先发货或退款",
            code="orders_owed",
        )
    for row in rows:
        order = states.lock(ctx, row.id)
        if order.state in ("placed", "paying"):
            settling.close(ctx, order, "cancelled")
    asked = OrdersRefund.scoped(ctx).update(reason="")
    asked.where(OrdersRefund.member == member, OrdersRefund.source == "member").execute()


def merge(ctx: Context, member: UUID, merged: UUID) -> None:
    """Keep the member's default address where there are two."""
    if OrdersAddress.scoped(ctx).first(OrdersAddress.member == member) is not None:
        OrdersAddress.scoped(ctx).update(is_default=False).where(OrdersAddress.member == merged).execute()


def export(ctx: Context, member: UUID) -> dict[str, Any]:
    """Return a member's orders, with their lines, and addresses as JSON values."""
    orders = OrdersOrder.scoped(ctx).select().where(OrdersOrder.member == member).order_by(OrdersOrder.id)
    return {
        "orders": [_order(ctx, row) for row in orders],
        "addresses": [one.model_dump(mode="json") for one in addresses.book(ctx, member)],
    }


def _order(ctx: Context, row: OrdersOrder) -> dict[str, Any]:
    address = address_of(ctx, row)
    return {
        "number": row.number,
        "state": row.state,
        "title": row.title,
        "money_fen": row.money_fen,
        "points": row.points,
        "refunded_fen": row.refunded_fen,
        "note": row.note,
        "placed_at": row.created_at.isoformat(),
        "paid_at": row.paid_at.isoformat() if row.paid_at else None,
        "address": address.model_dump() if address else None,
        "lines": [{"title": line.title, "quantity": line.quantity} for line in lines_of(ctx, row.id)],
    }


def may_switch_off(ctx: Context) -> Veto | None:
    """Refuse while orders or refunds are not at their end."""
    to_go_out = (OrdersOrder.to_ship + OrdersOrder.to_hand > 0) & (OrdersOrder.state == "part_refunded")
    open_orders = OrdersOrder.state.not_in([*states.ENDED, "part_refunded"]) | to_go_out
    open_refunds = OrdersRefund.state.in_(refunds.OPEN)
    waiting = (
        OrdersOrder.scoped(ctx).select().where(open_orders).count()
        + OrdersRefund.scoped(ctx).select().where(open_refunds).count()
    )
    if not waiting:
        return None
    return Veto(
        "orders_in_flight",
        f"{waiting} orders and refunds are not at their end yet",
        f"还有 {waiting} 笔订单或退款未完成，请先处理",
    )


def forget_addresses(ctx: Context, slot: str) -> None:
    """Delete the addresses of orders that ended long enough ago: they have served their purpose."""
    before = ctx.now() - timedelta(days=ctx.settings(OrdersSettings).address_days)
    update = OrdersOrder.scoped(ctx).update(address=None)
    update.where(OrdersOrder.address.is_null(False), OrdersOrder.ended_at <= before).execute()
