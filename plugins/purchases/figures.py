"""A tenant's purchases in figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from peewee import fn

from plugins.purchases.models import PurchasesPurchase as Purchase
from roost import Context, local_day_end, local_midnight


@dataclass(frozen=True, slots=True)
class Summary:
    """A tenant's purchases in figures. `silent` counts buyers, as of a day."""

    purchases: int
    fen: int  # paid, refunds not subtracted
    refunded_fen: int
    buyers: int
    silent: int


def summary(ctx: Context, as_of: date, silent_days: int) -> Summary:
    """Count a tenant's purchases up to and on the tenant's date `as_of`.

    A buyer is silent when the last purchase lies more than `silent_days` days before it.
    """
    zone = ctx.tenant.zone
    until = local_day_end(as_of, zone)
    last_day = local_midnight(as_of - timedelta(days=silent_days), zone)
    totals = (
        Purchase.scoped(ctx)
        .select(
            fn.COUNT(Purchase.id),
            fn.COALESCE(fn.SUM(Purchase.amount_fen), 0),
            fn.COALESCE(fn.SUM(Purchase.refunded_fen), 0),
            fn.COUNT(fn.DISTINCT(Purchase.member)),
        )
        .where(Purchase.occurred_at < until)
        .tuples()
        .first()
    )
    silent = (
        Purchase.scoped(ctx)
        .select(Purchase.member)
        .where(Purchase.member.is_null(False), Purchase.occurred_at < until)
        .group_by(Purchase.member)
        .having(fn.MAX(Purchase.occurred_at) < last_day)
        .count()
    )
    purchases, fen, refunded_fen, buyers = (int(value) for value in totals)
    return Summary(purchases, fen, refunded_fen, buyers, silent)


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One day's purchases."""

    purchases: int
    fen: int
    points: int


def day_figures(ctx: Context, day: date, venues: Sequence[UUID] = ()) -> DayFigures:
    """Add up a day of the tenant's calendar; no `venues` means all."""
    zone = ctx.tenant.zone
    query = (
        Purchase.scoped(ctx)
        .select(
            fn.COUNT(Purchase.id),
            fn.COALESCE(fn.SUM(Purchase.amount_fen), 0),
            fn.COALESCE(fn.SUM(Purchase.points), 0),
        )
        .where(
            Purchase.occurred_at >= local_midnight(day, zone),
            Purchase.occurred_at < local_day_end(day, zone),
        )
    )
    if venues:
        query = query.where(Purchase.venue.in_(venues))
    return DayFigures(*(int(value) for value in query.tuples().first()))
