"""Orders: what is bought, how it is paid, how it gets to the member, and how it goes back.

The face of the plugin. A plugin that requires it places an order with `place`, shows it with `get`, ends it with
`cancel` or `refund`, and hears back by its facts (`order_paid`, `order_closed`, `order_refunded`, …): each names the
`owner`, which is the slug that placed it, and the owner's `reference`. Money is integer fen; every call runs in the
caller's transaction. Lock your own row before you call: an order locks itself, then accounts.
"""

from plugins.orders.hookspecs import (
    OrderClosed,
    OrderFulfilled,
    OrderPaid,
    OrderPaymentReturned,
    OrderPlaced,
    OrderRefunded,
    OrderRefundFailed,
    Units,
)
from plugins.orders.placing.drafts import Discount, Draft, Line, OrderView
from plugins.orders.placing.place import place, postage
from plugins.orders.schemas import AddressIn, LineView
from plugins.orders.service import cancel, find, get, numbers, refund

__all__ = [
    "AddressIn",
    "Discount",
    "Draft",
    "Line",
    "LineView",
    "OrderClosed",
    "OrderFulfilled",
    "OrderPaid",
    "OrderPaymentReturned",
    "OrderPlaced",
    "OrderRefundFailed",
    "OrderRefunded",
    "OrderView",
    "Units",
    "cancel",
    "find",
    "get",
    "numbers",
    "place",
    "postage",
    "refund",
]
