"""Purchases: what was bought, at the counter, in the business software or long ago, and what it earned.

The face of the plugin. Record with `record` (one) or `record_many` (a batch), take back with `refund`. Money
is integer fen; instants are aware; every call runs in the caller's transaction. Hosts read files with `Lines`
and `PurchaseFile` and take their rows in with `take_in`.
"""

from plugins.purchases.figures import Summary, summary
from plugins.purchases.importing import Taken, order_matters, source_of, take_in
from plugins.purchases.joining import FileRow
from plugins.purchases.lines import Lines, Rejected, UnreadableFile
from plugins.purchases.moving import MOVED, move
from plugins.purchases.refunds import refund
from plugins.purchases.rows import PurchaseFile, Venues
from plugins.purchases.schemas import NewPurchase, PurchaseLine, PurchaseView, Recorded, RefundView
from plugins.purchases.service import find, get, record, record_many
from plugins.purchases.sheets import Sheet

__all__ = [
    "MOVED",
    "FileRow",
    "Lines",
    "NewPurchase",
    "PurchaseFile",
    "PurchaseLine",
    "PurchaseView",
    "Recorded",
    "Sheet",
    "Venues",
    "RefundView",
    "Rejected",
    "Summary",
    "Taken",
    "UnreadableFile",
    "find",
    "get",
    "move",
    "order_matters",
    "record",
    "record_many",
    "refund",
    "source_of",
    "summary",
    "take_in",
]
