"""What the rows of a member do not say by themselves: the words of refunds, and an export of each with its purchase."""

from typing import Any
from uuid import UUID

from plugins.purchases.models import PurchasesPurchase as Purchase
from plugins.purchases.models import PurchasesRefund as Refund
from roost import Context


def forget(ctx: Context, member: UUID) -> None:
    """Forget why a member gave something back, before the purchases become sales to nobody."""
    mine = Purchase.scoped(ctx).select(Purchase.id).where(Purchase.member == member)
    Refund.scoped(ctx).update(reason="").where(Refund.purchase.in_(mine)).execute()


def export(ctx: Context, member: UUID) -> dict[str, Any] | None:
    """Return a member's purchases with their refunds, oldest first; None without any. Money in fen."""
    rows = list(
        Purchase.scoped(ctx).select().where(Purchase.member == member).order_by(Purchase.occurred_at, Purchase.id)
    )
    if not rows:
        return None
    mine = Purchase.scoped(ctx).select(Purchase.id).where(Purchase.member == member, Purchase.refunded_fen > 0)
    refunds: dict[UUID, list[dict[str, Any]]] = {}
    for row in Refund.scoped(ctx).select().where(Refund.purchase.in_(mine)).order_by(Refund.id):
        told = {
            "amount_fen": row.amount_fen,
            "reason": row.reason,
            "occurred_at": row.occurred_at.isoformat(),
        }
        refunds.setdefault(row.purchase, []).append(told)
    return {
        "purchases": [
            {
                "occurred_at": row.occurred_at.isoformat(),
                "venue": str(row.venue) if row.venue else None,
                "source": row.source,
                "number": row.source_key,
                "kind": row.kind,
                "amount_fen": row.amount_fen,
                "items": row.items,
                "lines": row.lines or [],
                "points": row.points,
                "growth": row.growth,
                "refunds": refunds.get(row.id, []),
            }
            for row in rows
        ]
    }
