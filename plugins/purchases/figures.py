"""A tenant's purchases in figures."""

from dataclasses import dataclass
from datetime import date, timedelta

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


def of_day(ctx: Context, day: date) -> tuple[int, int, int]:
    """Return (purchases, fen, points) of a day of the tenant's calendar, in the venues of the account."""
    zone = ctx.tenant.zone
    paid, earned = fn.COALESCE(fn.SUM(Purchase.amount_fen), 0), fn.COALESCE(fn.SUM(Purchase.points), 0)
    query = Purchase.scoped(ctx).select(fn.COUNT(Purchase.id), paid, earned).where(ctx.within(Purchase.venue))
    query = query.where(
        Purchase.occurred_at >= local_midnight(day, zone), Purchase.occurred_at < local_day_end(day, zone)
    )
    purchases, fen, points = query.tuples().first()
    return int(purchases), int(fen), int(points)
