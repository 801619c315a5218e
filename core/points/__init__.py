"""The ledger: accounts of points, growth and stored value, and the only doors through which they move.

Always: a balance is the sum of its entries and of what remains in its lots; what is held is the sum of open holds;
nothing is below zero; an operation that was refused changed nothing. `verify` proves it.

Every door needs an open transaction and a key. A key counts once for a tenant and `ctx.plugin`: with the same content
it returns the first result, with other content it raises KeyReused. `core.points.operations` declares the content.

- give: credit, credit_many, credit_each (each with its own outcome), credit_columns (thousands); known_keys
- spend: debit, transfer
- set aside: hold, capture, release, held
- take back: reverse, expire
- read: balance, balances, ask_balances, statement, earned, expiring, outstanding
- prove: verify; each night: check_on, last_check, proofs, forget_checks; the end of a month: month_end
"""

from core.points.earning import MOST_CREDITS, credit, credit_each, credit_many
from core.points.expiring import Expiring, expiring
from core.points.expiry import expire
from core.points.holds import capture, held, hold, release
from core.points.nightly import check_on, forget_checks, last_check, proofs
from core.points.operations import known_keys
from core.points.policy import PointsSettings, month_end
from core.points.reading import ask_balances, balance, balances, earned, outstanding, statement
from core.points.reversal import GRACE_DAYS, reverse
from core.points.spending import debit, transfer
from core.points.staged import Credits, credit_columns
from core.points.values import Balance, Credit, Credited, EntryView, Fault, HoldView, Operation, Reversal
from core.points.verification import verify

__all__ = [
    "GRACE_DAYS",
    "MOST_CREDITS",
    "Balance",
    "Credit",
    "Credited",
    "Credits",
    "EntryView",
    "Expiring",
    "Fault",
    "HoldView",
    "Operation",
    "PointsSettings",
    "Reversal",
    "ask_balances",
    "balance",
    "balances",
    "capture",
    "check_on",
    "credit",
    "credit_columns",
    "credit_each",
    "credit_many",
    "debit",
    "earned",
    "expire",
    "expiring",
    "forget_checks",
    "held",
    "hold",
    "known_keys",
    "last_check",
    "month_end",
    "outstanding",
    "proofs",
    "release",
    "reverse",
    "statement",
    "transfer",
    "verify",
]
