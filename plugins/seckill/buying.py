"""What costs money: the order that pays a claim. It is placed through the face of orders, whose facts decide.

Lock order: the claim, then its order, then accounts and stock.
"""

from datetime import datetime
from uuid import UUID

from plugins import orders
from plugins.seckill.models import SeckillClaim, SeckillItem
from roost import Conflict, Context


def place(ctx: Context, member: UUID, claim: UUID, item: SeckillItem, deadline: datetime) -> UUID:
    """Place the order of one unit; return its id. It holds the points. Raises InsufficientBalance."""
    line = orders.Line(str(item.id), item.title, 1, item.price_fen, item.price_points, picture=item.picture)
    draft = orders.Draft(member, str(claim), (line,), title=item.title, deadline=deadline, cancellable=False)
    return orders.place(ctx, draft).id


def require_paid(ctx: Context, claim: SeckillClaim) -> None:
    """Raise Conflict unless a claim's order is paid: `pay_first` while it can be, else `lapsed`."""
    assert claim.order is not None
    order = orders.get(ctx, claim.order)
    if order.paid:
        return
    if order.state in ("placed", "paying") and order.deadline > ctx.now():
        raise Conflict("pay the order to win it", "请先付款", code="pay_first", order=str(order.id))
    raise Conflict("this hold has run out", "已超时释放，请重新抢购", code="lapsed")


def require_kept(ctx: Context, claim: SeckillClaim) -> None:
    """Raise Conflict when the money of a claim is on its way back, or back."""
    assert claim.order is not None
    if not orders.get(ctx, claim.order).paid:
        raise Conflict("this voucher is being refunded", "凭证退款中，不可用", code="not_usable")


def close(ctx: Context, claim: SeckillClaim) -> bool:
    """Close the order of a claim; return whether that is done, or has to wait for the payment provider.

    Raises Conflict when it is paid already.
    """
    assert claim.order is not None
    return orders.cancel(ctx, claim.order).state == "closed"


def refund(ctx: Context, claim: SeckillClaim) -> None:
    """Pay a claim's order back."""
    assert claim.order is not None
    orders.refund(ctx, claim.order, key=f"claim:{claim.id}", reason="seckill refund")
