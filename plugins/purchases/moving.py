"""Give a purchase to the member whose it really is, when its source says that it was booked for another."""

from uuid import UUID

from plugins.purchases.models import PurchasesPurchase as Purchase
from plugins.purchases.models import PurchasesRefund as Refund
from plugins.purchases.numbers import check_same, kept_content
from plugins.purchases.refunds import refund
from plugins.purchases.schemas import NewPurchase, PurchaseView
from plugins.purchases.service import SLUG, record
from roost import Context

MOVED = "moved"  # the key of the refund that takes a purchase from whom it was booked for


def move(ctx: Context, purchase: UUID, sale: NewPurchase) -> PurchaseView:
    """Take a purchase back from its member whole, and book `sale`, the same one, for the right member.

    What the first member earned is reversed, the second earns by the rules of now, and refunds that were registered go
    with it. The first purchase stays as a refunded one, without its number. All of it in the caller's transaction.
    Raises KeyReused when anything but the member differs.
    """
    ctx = ctx.for_plugin(SLUG)
    row = Purchase.scoped(ctx).lock(Purchase.id == purchase)
    check_same(ctx, {name: value for name, value in kept_content(row).items() if name != "member"}, sale)
    given_back = list(Refund.scoped(ctx).select().where(Refund.purchase == purchase).order_by(Refund.id))
    if row.refunded_fen < row.amount_fen:
        refund(ctx, purchase, source_key=MOVED, reason="booked for another member")
    Purchase.scoped(ctx).update(scope=f"{MOVED}/{purchase.hex}").where(Purchase.id == purchase).execute()
    moved, _ = record(ctx, sale)
    for one in given_back:
        if one.source_key != MOVED:
            refund(
                ctx, moved.id, one.amount_fen, source_key=one.source_key, reason=one.reason, occurred_at=one.occurred_at
            )
    return moved
