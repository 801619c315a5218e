"""Purchases and refunds as staff, integrations and venue accounts enter them."""

from typing import Any
from uuid import UUID

from plugins.purchases import refunds, service
from plugins.purchases.figures import of_day
from plugins.purchases.schemas import NewPurchase, PurchaseIn, PurchaseView, RefundIn, RefundView
from roost import Context, new_id, tenants


def enter(ctx: Context, body: PurchaseIn) -> PurchaseView:
    """Record what was entered. An account of single venues enters for one of its own.

    Raises NotFound for an unknown member or venue, Forbidden for a foreign venue, KeyReused for a receipt
    that was recorded with other content.
    """
    purchase = NewPurchase(
        source="api" if ctx.actor.kind == "key" else "staff",
        source_key=body.receipt or new_id().hex,
        amount_fen=body.amount_fen,
        occurred_at=body.occurred_at,
        member=body.member,
        venue=tenants.counter(ctx, body.venue),
        items=body.items,
        kind=body.kind,
        lines=tuple(body.lines),
        scope=None if body.receipt else "brand",
    )
    return service.record(ctx, purchase)[0]


def take_back(ctx: Context, purchase: UUID, body: RefundIn) -> RefundView:
    """Register a refund that was entered by hand: each call is a refund of its own."""
    return refunds.refund(ctx, purchase, body.amount_fen, source_key=f"staff:{new_id().hex}", reason=body.reason)[0]


def refundable(row: Any) -> bool:
    """Tell whether a row has anything left to refund."""
    return bool(row.refunded_fen < row.amount_fen)


def figures_of_today(ctx: Context) -> list[tuple[str, str]]:
    """Return the dashboard's figures of the tenant's day, held to the account's venues."""
    purchases, fen, earned = of_day(ctx, ctx.today())
    return [
        ("今日消费笔数", f"{purchases:,}"),
        ("今日消费金额（元）", f"{fen // 100:,}.{fen % 100:02d}"),
        ("今日消费积分", f"{earned:,}"),
    ]
