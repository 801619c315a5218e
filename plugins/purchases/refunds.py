"""Refund a purchase, in part or in whole, and take back what the refunded part had earned."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from plugins.purchases import earning, rules, why
from plugins.purchases.hookspecs import PurchaseRefunded
from plugins.purchases.models import PurchasesPurchase as Purchase
from plugins.purchases.models import PurchasesRefund as Refund
from plugins.purchases.schemas import PurchaseLine, RefundView
from plugins.purchases.service import SLUG, within
from roost import Conflict, Content, Context, Invalid, Text, local_date, new_id, points, rewards

REFUND = Content("purchase_refund", Text("退款", "refund"), ("amount_fen", "reason", "occurred_at"))
ASSETS = ("points", "growth")


@dataclass(slots=True)
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

    The same `source_key` again returns the first. What is left of the purchase has then earned what a direct sale of
    it would; what has been spent of the rest is a shortfall that later credits repay. Once nothing is left it counts
    for no frequency any more, and a later purchase of the month that earned more by it is put right. Raises NotFound
    for the purchase, KeyReused for the key with other content (what the caller left open is not compared), Conflict
    when the purchase has less left than is asked for.
    """
    ctx = ctx.for_plugin(SLUG)
    row = Purchase.scoped(ctx).lock(Purchase.id == purchase)
    told = Refund.scoped(ctx).first(Refund.purchase == purchase, Refund.source_key == source_key)
    if told is not None:
        kept = {"amount_fen": told.amount_fen, "reason": told.reason, "occurred_at": told.occurred_at}
        sent = {"amount_fen": amount_fen, "reason": reason or None, "occurred_at": occurred_at}
        REFUND.check(source_key, kept, {name: value for name, value in sent.items() if value is not None})
        return RefundView.model_validate(told), False
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
    taken = {asset: _Taken() for asset in ASSETS}
    earned = {asset: _still_earned(ctx, row, asset, before) - _still_earned(ctx, row, asset, after) for asset in ASSETS}
    _take_back(ctx, row, earned, refund_id, taken)
    Purchase.scoped(ctx).update(refunded_fen=after).where(Purchase.id == row.id).execute()
    if after == row.amount_fen:
        _count_no_more(ctx, row, refund_id, taken)
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
        cause=ctx.cause[:100],
        occurred_at=occurred_at,
        recorded_at=ctx.now(),
    )
    if row.member is not None and ctx.origin == "live":
        rewards.note(ctx, [why.of_refund(row, kept)])
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
    return RefundView.model_validate(kept)


def _take_back(ctx: Context, row: Any, due: dict[str, int], refund_id: UUID, taken: dict[str, _Taken]) -> None:
    """Reverse so much of what a purchase earned, and add it to what this refund took."""
    for asset in ASSETS:
        operation = row.points_operation if asset == "points" else row.growth_operation
        if operation is None or due[asset] <= 0:
            continue
        key = f"{refund_id.hex}:{row.id.hex}:{asset}"
        undone = points.reverse(ctx, operation, key=key, amount=due[asset], reason="purchase refunded")
        taken[asset].taken += undone.taken
        taken[asset].short += undone.shortfall


def _count_no_more(ctx: Context, row: Any, refund_id: UUID, taken: dict[str, _Taken]) -> None:
    """Move the member's later purchases of the month up by one place; the one that falls below the rate loses it.

    A rate that gives frequent buyers less is left as it was: nobody earns by giving something back.
    """
    if row.member is None:
        return
    zone = ctx.tenant.zone
    month = local_date(row.occurred_at, zone).replace(day=1)
    later = (
        Purchase.scoped(ctx)
        .select(Purchase.id)
        .where(Purchase.member == row.member, Purchase.ordinal > row.ordinal, *within(month, zone))
        .where(Purchase.recorded_at >= row.recorded_at)
        .order_by(Purchase.id)
    )
    for found in list(later):
        other = Purchase.scoped(ctx).lock(Purchase.id == found.id)
        held = rules.of_version(ctx, other.rules)
        if held is None or held.frequency_percent < 100:
            continue
        changes: dict[str, Any] = {"ordinal": other.ordinal - 1}
        if earning.is_frequent(held, other.ordinal) and not earning.is_frequent(held, other.ordinal - 1):
            was = {asset: _still_earned(ctx, other, asset, other.refunded_fen) for asset in ASSETS}
            other.ordinal -= 1
            gain = earning.earned(held, other.amount_fen, other.kind, _lines(other), other.ordinal)
            due = {asset: was[asset] - _still_earned(ctx, other, asset, other.refunded_fen) for asset in ASSETS}
            _take_back(ctx, other, due, refund_id, taken)
            changes |= {"counted_fen": gain.counted_fen, "points": gain.points, "growth": gain.growth}
        Purchase.scoped(ctx).update(**changes).where(Purchase.id == other.id).execute()


def _still_earned(ctx: Context, row: Any, asset: str, refunded: int) -> int:
    """Return what the purchase earns for what is not refunded, by the rules it was recorded under."""
    held = rules.of_version(ctx, row.rules)
    if held is not None and row.member is not None:
        gain = earning.earned(held, row.amount_fen, row.kind, _lines(row), row.ordinal, refunded)
        return gain.points if asset == "points" else gain.growth
    # Recorded before the versions of the rules were kept, or of somebody who was erased, and the lines with them.
    earned: int = row.points if asset == "points" else row.growth
    if refunded == 0:
        return earned
    if refunded == row.amount_fen:
        return 0
    per_unit = row.fen_per_point if asset == "points" else row.fen_per_growth
    counted: int = row.counted_fen * (row.amount_fen - refunded) // row.amount_fen
    return int(min(earned, counted // per_unit))  # the least is the limit it was recorded under


def _lines(row: Any) -> list[PurchaseLine]:
    return [PurchaseLine.model_validate(line) for line in row.lines or ()]
