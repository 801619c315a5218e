"""The ledger: accounts of points, growth and stored value, and the only doors through which they move.

Always: a balance is the sum of its entries and of what remains in its lots; what is held is the sum of open holds;
nothing is below zero; an operation that was refused changed nothing. `verify` proves it.

Every door needs an open transaction and a key. A key counts once for a tenant and `ctx.plugin`: with the same content
it returns the first result, with other content it raises KeyReused. `core.points.operations` declares the content.
"""

from core.points.earning import MOST_CREDITS, credit, credit_each, credit_many
from core.points.expiring import Expiring, expiring
from core.points.expiry import expire
from core.points.holds import capture, held, hold, release, release_due
from core.points.operations import known_keys
from core.points.reading import ask_balances, balance, balances, earned, outstanding, statement
from core.points.reversal import GRACE_DAYS, reverse
from core.points.spending import debit, transfer
from core.points.values import Balance, Credit, Credited, EntryView, Fault, HoldView, Operation, Reversal
from core.points.verification import verify

__all__ = [
    "GRACE_DAYS",
    "MOST_CREDITS",
    "Balance",
    "Credit",
    "Credited",
    "EntryView",
    "Expiring",
    "Fault",
    "HoldView",
    "Operation",
    "Reversal",
    "ask_balances",
    "balance",
    "balances",
    "capture",
    "credit",
    "credit_each",
    "credit_many",
    "debit",
    "earned",
    "expire",
    "expiring",
    "held",
    "hold",
    "known_keys",
    "outstanding",
    "release",
    "release_due",
    "reverse",
    "statement",
    "transfer",
    "verify",
]
