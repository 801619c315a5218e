"""Why a purchase earned what it did, and what a refund took: the rules with their version, and the values they read.

Of what is imported the ledger's entries keep the rules, their version and the cause, and the purchase its values.
"""

from collections.abc import Mapping
from typing import Any

from plugins.purchases.rules import NAME
from roost import Text, rewards


def of_purchase(row: Mapping[str, Any]) -> rewards.Note:
    """Return the note of a purchase that was just recorded for a member."""
    read = ("amount_fen", "counted_fen", "kind", "items", "ordinal", "points", "growth")
    return rewards.Note(
        row["member"],
        subject=Text("消费积分", "purchase"),
        reason="purchase",
        evidence={"rule": NAME, "version": row["rules"], "purchase": str(row["id"])} | {n: row[n] for n in read},
    )


def of_refund(row: Any, refund: Any) -> rewards.Note:  # Any: rows of the tables
    """Return the note of a refund of a member's purchase."""
    return rewards.Note(
        row.member,
        subject=Text("消费退款", "refund"),
        reason="purchase refunded",
        evidence={
            "rule": NAME,
            "version": row.rules,
            "purchase": str(row.id),
            "amount_fen": refund.amount_fen,
            "left_fen": row.amount_fen - row.refunded_fen - refund.amount_fen,
            "points": -refund.points,
            "points_short": refund.points_short,
            "growth": -refund.growth,
        },
    )
