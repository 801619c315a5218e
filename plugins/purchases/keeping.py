"""What becomes of purchases when a member is erased, merged or exported, and when a tenant leaves."""

from typing import Any
from uuid import UUID

from plugins.purchases.models import PurchasesPurchase as Purchase
from plugins.purchases.models import PurchasesRefund as Refund
from plugins.purchases.models import PurchasesRules as Rules
from roost import Context


def forget(ctx: Context, member: UUID) -> None:
    """Make a member's purchases sales to nobody: the brand's books keep the money, not the person.

    Their numbers stay, so that the source telling one again does not bring the person back.
    """
    mine = Purchase.scoped(ctx).select(Purchase.id).where(Purchase.member == member)
    Refund.scoped(ctx).update(reason="").where(Refund.purchase.in_(mine)).execute()
    Purchase.scoped(ctx).update(member=None, lines=None).where(Purchase.member == member).execute()


def move(ctx: Context, member: UUID, merged: UUID) -> None:
    """Give `merged`'s purchases to `member`."""
    Purchase.scoped(ctx).update(member=member).where(Purchase.member == merged).execute()


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


def purge(ctx: Context) -> None:
    """Delete all that is kept for this tenant."""
    Refund.scoped(ctx).delete().execute()
    Purchase.scoped(ctx).delete().execute()
    Rules.scoped(ctx).delete().execute()
