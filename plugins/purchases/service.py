"""Record purchases and take them back. Every function runs in the caller's transaction."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from peewee import IntegrityError, fn

from plugins.purchases import earning
from plugins.purchases.hookspecs import PurchaseRecorded
from plugins.purchases.models import PurchasesPurchase as Purchase
from plugins.purchases.schemas import (
    MOST_FEN,
    MOST_ITEMS,
    NewPurchase,
    PurchaseSettings,
    PurchaseView,
    Recorded,
)
from roost import (
    Context,
    Invalid,
    KeyReused,
    PageQuery,
    insert_rows,
    keyset,
    local_date,
    local_midnight,
    members,
    new_id,
    one_of,
    points,
    savepoint,
)

SLUG = "purchases"
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)  # how far a source's clock may be in front of ours
RACES = 3  # how often a batch is tried again after another process recorded a part of it at the same moment


# --- recording ---


def record(ctx: Context, purchase: NewPurchase) -> tuple[PurchaseView, bool]:
    """Record one purchase; return it and whether it is new.

    The same `(source, source_key)` again returns the first. Raises KeyReused when it comes with another
    amount, number of items or kind, NotFound for an unknown member, Invalid for an amount or instant that
    cannot be.
    """
    if purchase.member is not None:
        purchase = replace(purchase, member=members.resolve(ctx, purchase.member))
    done = record_many(ctx, [purchase])[0]
    if done.id is None:
        raise KeyReused(done.refusal, "该单号已用于另一笔消费", source=purchase.source, source_key=purchase.source_key)
    return get(ctx, done.id), done.created


def record_many(ctx: Context, purchases: Sequence[NewPurchase]) -> list[Recorded]:
    """Record a batch in few statements; return what became of each, in order.

    Members must be ids as `members` gives them (not merged into another). A purchase that is known already
    changes nothing; one whose key was used for another content is refused alone. Raises Invalid, and records
    nothing, for an amount or instant that cannot be.
    """
    ctx = ctx.for_plugin(SLUG)
    for purchase in purchases:
        _check(ctx, purchase)
    for attempt in count(1):
        try:
            with savepoint():
                return _record(ctx, purchases)
        except IntegrityError:  # another process recorded one of them just now: look again
            if attempt == RACES:
                raise
    raise AssertionError("unreachable")


def _check(ctx: Context, purchase: NewPurchase) -> None:
    wrong = None
    if not 0 <= purchase.amount_fen <= MOST_FEN:
        wrong = ("amount_fen", f"{purchase.amount_fen} is not between 0 and {MOST_FEN} fen")
    elif not 0 <= purchase.items <= MOST_ITEMS:
        wrong = ("items", f"{purchase.items} is not between 0 and {MOST_ITEMS}")
    elif not EARLIEST <= purchase.occurred_at <= ctx.now() + AHEAD:
        wrong = ("occurred_at", f"{purchase.occurred_at.isoformat()} is before 1970 or in the future")
    if wrong is not None:
        fields = [{"path": f"body.{wrong[0]}", "message": wrong[1]}]
        raise Invalid(f"this purchase cannot be: {wrong[0]}: {wrong[1]}", f"消费数据有误：{wrong[0]}", fields=fields)


def _record(ctx: Context, purchases: Sequence[NewPurchase]) -> list[Recorded]:
    known = _known(ctx, purchases)
    results: list[Recorded] = []
    fresh: list[tuple[UUID, NewPurchase]] = []
    for purchase in purchases:
        name = (purchase.source, purchase.source_key)
        said = (purchase.amount_fen, purchase.items, purchase.kind)
        if name not in known:
            row = new_id()
            known[name] = (row, said)
            fresh.append((row, purchase))
            results.append(Recorded(row, True))
        elif known[name][1] == said:
            results.append(Recorded(known[name][0], False))
        else:
            amount, items, kind = known[name][1]
            before = f"recorded before as {amount} fen, {items} items, {kind}"
            results.append(Recorded(None, False, f"{purchase.source} {purchase.source_key} was {before}"))
    if fresh:
        _insert(ctx, fresh)
    return results


def _known(ctx: Context, purchases: Sequence[NewPurchase]) -> dict[tuple[str, str], tuple[UUID, tuple[int, int, str]]]:
    keys: dict[str, list[str]] = defaultdict(list)
    for purchase in purchases:
        keys[purchase.source].append(purchase.source_key)
    found = {}
    for source, wanted in keys.items():
        rows = (
            Purchase.scoped(ctx)
            .select(Purchase.source_key, Purchase.id, Purchase.amount_fen, Purchase.items, Purchase.kind)
            .where(Purchase.source == source, one_of(Purchase.source_key, wanted))
            .tuples()
        )
        for key, row, amount_fen, items, kind in rows:
            found[(source, key)] = (row, (amount_fen, items, kind))
    return found


def _insert(ctx: Context, fresh: Sequence[tuple[UUID, NewPurchase]]) -> None:
    rules, now = ctx.settings(PurchaseSettings), ctx.now()
    ordinals = _ordinals(ctx, [purchase for _, purchase in fresh]) if rules.frequency_from else [1] * len(fresh)
    expires_at = earning.expiry(now, ctx.tenant.zone, rules.points_months)
    rows: list[dict[str, Any]] = []
    credits: list[points.Credit] = []
    owed: list[tuple[int, str]] = []  # which row, and which of its columns, each credit's operation goes to
    facts: list[PurchaseRecorded] = []
    for place, ((row_id, purchase), ordinal) in enumerate(zip(fresh, ordinals, strict=True)):
        gain = earning.NOTHING
        if purchase.member is not None:
            gain = earning.earned(rules, purchase.amount_fen, purchase.kind, purchase.lines, ordinal)
            for asset, amount in (("points", gain.points), ("growth", gain.growth)):
                if amount:
                    owed.append((place, f"{asset}_operation"))
                    credits.append(
                        points.Credit(
                            member=purchase.member,
                            asset=asset,
                            amount=amount,
                            key=f"{row_id.hex}:{asset}",
                            reason="purchase",
                            occurred_at=purchase.occurred_at,
                            venue=purchase.venue,
                            expires_at=expires_at if asset == "points" else None,
                        )
                    )
        rows.append(
            {
                "id": row_id,
                "member": purchase.member,
                "venue": purchase.venue,
                "source": purchase.source,
                "source_key": purchase.source_key,
                "kind": purchase.kind,
                "amount_fen": purchase.amount_fen,
                "refunded_fen": 0,
                "items": purchase.items,
                "lines": [line.model_dump() for line in purchase.lines] or None,
                "counted_fen": gain.counted_fen,
                "fen_per_point": rules.fen_per_point,
                "fen_per_growth": rules.fen_per_growth,
                "points": gain.points,
                "growth": gain.growth,
                "points_operation": None,
                "growth_operation": None,
                "origin": ctx.origin,
                "occurred_at": purchase.occurred_at,
                "recorded_at": now,
            }
        )
        facts.append(
            PurchaseRecorded(
                purchase=row_id,
                member=purchase.member,
                venue=purchase.venue,
                source=purchase.source,
                kind=purchase.kind,
                amount_fen=purchase.amount_fen,
                items=purchase.items,
                points=gain.points,
                growth=gain.growth,
                occurred_at=purchase.occurred_at,
            )
        )
    for (place, column), operation in zip(owed, points.credit_many(ctx, credits) if credits else (), strict=True):
        rows[place][column] = operation.id
    insert_rows(ctx, Purchase, rows)
    ctx.publish(*facts)


def _ordinals(ctx: Context, purchases: Sequence[NewPurchase]) -> list[int]:
    """Return each purchase's place among its member's of the calendar month, in order of recording."""
    zone = ctx.tenant.zone
    months = [local_date(purchase.occurred_at, zone).replace(day=1) for purchase in purchases]
    counts: dict[tuple[UUID | None, date], int] = defaultdict(int)
    for month in set(months):
        buyers = {p.member for p, m in zip(purchases, months, strict=True) if m == month and p.member is not None}
        following = (month + timedelta(days=32)).replace(day=1)
        rows = (
            Purchase.scoped(ctx)
            .select(Purchase.member, fn.COUNT(Purchase.id))
            .where(
                one_of(Purchase.member, sorted(buyers)),
                Purchase.occurred_at >= local_midnight(month, zone),
                Purchase.occurred_at < local_midnight(following, zone),
            )
            .group_by(Purchase.member)
            .tuples()
        )
        counts.update({(buyer, month): times for buyer, times in rows})
    ordinals = []
    for purchase, month in zip(purchases, months, strict=True):
        counts[(purchase.member, month)] += 1
        ordinals.append(counts[(purchase.member, month)])
    return ordinals


# --- reading ---


def get(ctx: Context, purchase: UUID) -> PurchaseView:
    """Return a purchase, or raise NotFound."""
    return view(Purchase.scoped(ctx).get(Purchase.id == purchase))


def find(ctx: Context, source: str, source_key: str) -> PurchaseView | None:
    """Return the purchase that a source calls so, or None."""
    row = Purchase.scoped(ctx).first(Purchase.source == source, Purchase.source_key == source_key)
    return view(row) if row else None


def of_member(ctx: Context, member: UUID, page: PageQuery) -> tuple[list[PurchaseView], str | None]:
    """Return a page of a member's purchases, the latest recorded first, and the next cursor."""
    query = Purchase.scoped(ctx).select().where(Purchase.member == members.resolve(ctx, member))
    rows, cursor = keyset(query, Purchase.id, page)
    return [view(row) for row in rows], cursor


def view(row: Purchase) -> PurchaseView:
    """Return a row as a frozen value."""
    return PurchaseView(**{name: getattr(row, name) for name in PurchaseView.__slots__})
