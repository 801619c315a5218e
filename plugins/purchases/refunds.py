"""Refund a purchase, in part or in whole, and take back what the refunded part had earned."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from plugins.purchases.hookspecs import PurchaseRefunded
from plugins.purchases.models import PurchasesPurchase as Purchase
from plugins.purchases.models import PurchasesRefund as Refund
from plugins.purchases.schemas import RefundView
from plugins.purchases.service import SLUG
from roost import Conflict, Context, Invalid, KeyReused, new_id, points


@dataclass(frozen=True, slots=True)
class _Taken:
    taken: int = 0
    short: int = 0


def refund(
    ctx: Context,
    purchase: UUID,
    amount_fen: int | None = None,
    *,
    source_key: str,
    reason: str = "",
    occurred_at: datetime | None = None,
) -> tuple[RefundView, bool]:
    """Refund `amount_fen` of a purchase (None: all that is left); return the refund and whether it is new.

    The same `source_key` again returns the first. What the refunded part had earned is reversed; what has
    been spent of it is a shortfall that later credits repay. Raises NotFound for the purchase, KeyReused for
    the key with another amount, Conflict when the purchase has less left than is asked for.
    """
    ctx = ctx.for_plugin(SLUG)
    row = Purchase.scoped(ctx).lock(Purchase.id == purchase)
    told = Refund.scoped(ctx).first(Refund.purchase == purchase, Refund.source_key == source_key)
    if told is not None:
        if amount_fen not in (None, told.amount_fen):
            raise KeyReused(
                f"refund {source_key} was registered before over {told.amount_fen} fen",
                "该退款单号已登记为其他金额",
            )
        return view(told), False
    left = row.amount_fen - row.refunded_fen
    amount = left if amount_fen is None else amount_fen
    if amount < 0 or (amount == 0 and amount_fen == 0):
        raise Invalid(f"a refund is of at least 1 fen, not {amount}", "退款金额必须大于 0")
    if amount > left or left == 0:
        raise Conflict(
            f"{left} fen of this purchase are left to refund, {amount} were asked for",
            f"可退金额为 {left} 分",
            code="refund_exceeds",
            left_fen=left,
        )
    return _refund(ctx, row, amount, source_key, reason, occurred_at or ctx.now()), True


def _refund(ctx: Context, row: Any, amount: int, source_key: str, reason: str, occurred_at: datetime) -> RefundView:
    before, after = row.refunded_fen, row.refunded_fen + amount
    refund_id = new_id()
    taken = {asset: _take_back(ctx, row, asset, before, after, refund_id) for asset in ("points", "growth")}
    Purchase.scoped(ctx).update(refunded_fen=after).where(Purchase.id == row.id).execute()
    kept = Refund.scoped(ctx).create(
        id=refund_id,
        purchase=row.id,
        source_key=source_key,
        amount_fen=amount,
        reason=reason,
        points=taken["points"].taken,
        points_short=taken["points"].short,
        growth=taken["growth"].taken,
        growth_short=taken["growth"].short,
        occurred_at=occurred_at,
        recorded_at=ctx.now(),
    )
    ctx.publish(
        PurchaseRefunded(
            purchase=row.id,
            refund=refund_id,
            member=row.member,
            venue=row.venue,
            source=row.source,
            kind=row.kind,
            amount_fen=amount,
            refunded_fen=after,
            whole=after == row.amount_fen,
            points=taken["points"].taken,
            growth=taken["growth"].taken,
            occurred_at=occurred_at,
        )
    )
    return view(kept)


def _take_back(ctx: Context, row: Any, asset: str, before: int, after: int, refund_id: UUID) -> _Taken:
    """Reverse the difference between what the purchase earned with `before` fen refunded and with `after`."""
    operation = row.points_operation if asset == "points" else row.growth_operation
    if operation is None:
        return _Taken()
    due = _still_earned(row, asset, before) - _still_earned(row, asset, after)
    if due <= 0:
        return _Taken()
    undone = points.reverse(ctx, operation, key=f"{refund_id.hex}:{asset}", amount=due, reason="purchase refunded")
    return _Taken(undone.taken, undone.shortfall)


def _still_earned(row: Any, asset: str, refunded: int) -> int:
    """Return what the purchase earns for what is not refunded, by the rules it was recorded under."""
    earned: int = row.points if asset == "points" else row.growth
    if refunded == 0:
        return earned
    if refunded == row.amount_fen:
        return 0
    per_unit = row.fen_per_point if asset == "points" else row.fen_per_growth
    counted: int = row.counted_fen * (row.amount_fen - refunded) // row.amount_fen
    return int(min(earned, counted // per_unit))  # the least is the limit it was recorded under


def view(row: Any) -> RefundView:
    """Return a row as a frozen value."""
    return RefundView(**{name: getattr(row, name) for name in RefundView.__slots__})
