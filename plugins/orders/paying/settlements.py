"""What providers tell of our numbers, in the transaction that books it there."""

from plugins.orders.models import OrdersCharge
from plugins.orders.paying import settling
from plugins.orders.refunding import outside
from roost import Context, Settlement


def settle(ctx: Context, settlement: Settlement) -> bool | None:
    """Act on what a provider says; None for a number that is not ours. Told twice, it changes nothing."""
    charge = OrdersCharge.scoped(ctx).first(
        OrdersCharge.number == settlement.charge, OrdersCharge.method == settlement.method
    )
    if charge is None:
        return None
    if settlement.kind == "paid":
        settling.book_paid(ctx, charge.number, settlement.amount, settlement.transaction)
    elif settlement.kind == "closed":
        settling.book_closed(ctx, charge.number)
    elif settlement.kind == "refunded":
        outside.book_refunded(ctx, settlement)
    else:
        outside.book_failed(ctx, settlement)
    return True
