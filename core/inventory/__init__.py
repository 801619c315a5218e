"""Anything scarce: goods, places, prizes, budgets. Reserve, confirm, release; never more out than there is.

Items, keys and limits are named within `ctx.plugin`. Every call that changes something needs an open transaction.
A deadline only wakes the sweep: the sweep's own row update decides, so a confirmation that came first stands.

- stock: define, restock, available, counts
- for somebody: reserve (with `limits` of a member's own), confirm, release, release_due, get
"""

from core.inventory.reservations import confirm, get, release, reserve
from core.inventory.stock import available, counts, define, restock
from core.inventory.values import Counts, Limit, Reservation

__all__ = [
    "Counts",
    "Limit",
    "Reservation",
    "available",
    "confirm",
    "counts",
    "define",
    "get",
    "release",
    "reserve",
    "restock",
]
