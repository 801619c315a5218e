"""What costs money or is sent: the order that pays and ships a claim. It is placed through the face of orders.

Lock order: the claim, then its order, then accounts and stock.
"""

from datetime import datetime
from uuid import UUID

from plugins import orders
from plugins.seckill.models import SeckillClaim, SeckillItem
from roost import Conflict, Context

Address = UUID | orders.AddressIn | None


def place(
    ctx: Context, member: UUID, claim: UUID, item: SeckillItem, deadline: datetime, address: Address
) -> orders.OrderView:
    """Place the order of one unit. It holds the points; one that costs no money, postage neither, is paid at once.

    Raises InsufficientBalance, and Invalid (`address_needed`) where it is sent and nobody says where to.
    """
    sent = item.delivery == "ship"
    line = orders.Line(
        str(item.id), item.title, 1, item.price_fen, item.price_points, "ship" if sent else "none", item.picture
    )
    address = address if sent else None
    draft = orders.Draft(
        member, str(claim), (line,), title=item.title, address=address, deadline=deadline, cancellable=False
    )
    return orders.place(ctx, draft)


def _order(claim: SeckillClaim) -> UUID:
    assert claim.order is not None, "what costs money or is sent has an order"
    return claim.order


def require_paid(ctx: Context, claim: SeckillClaim) -> None:
    """Raise Conflict unless a claim's order is paid: `pay_first` while it can be, else `lapsed`."""
    order = orders.get(ctx, _order(claim))
    if order.paid:
        return
    if order.state in ("placed", "paying") and order.deadline > ctx.now():
        raise Conflict("pay the order to win it", "请先付款", code="pay_first", order=str(order.id))
    raise Conflict("this hold has run out", "已超时释放，请重新抢购", code="lapsed")


def require_kept(ctx: Context, claim: SeckillClaim) -> None:
    """Raise Conflict when the money of a claim is on its way back, or back."""
    if not orders.get(ctx, _order(claim)).paid:
        raise Conflict("this voucher is being refunded", "凭证退款中，不可用", code="not_usable")


def close(ctx: Context, claim: SeckillClaim) -> bool:
    """Close the order of a claim; return whether that is done, or has to wait for the payment provider.

    Raises Conflict when it is paid already.
    """
    return orders.cancel(ctx, _order(claim)).state == "closed"


def refund(ctx: Context, claim: SeckillClaim) -> None:
    """Pay a claim's order back. Raises Conflict (`already_sent`) for what has left; nothing changes then."""
    order = orders.refund(ctx, _order(claim), key=f"claim:{claim.id}", reason="seckill refund")
    if any(line.fulfilment == "ship" and line.delivered for line in order.lines):  # read under the order's lock
        raise Conflict(
            "this was sent already: ask for a refund in the order",
            "商品已发货，请在订单中申请售后",
            code="already_sent",
            order=str(order.id),
        )
