"""Record purchases and take them back. Every function runs in the caller's transaction."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from peewee import IntegrityError, fn

from plugins.purchases import earning, numbers, why
from plugins.purchases.hookspecs import PurchaseRecorded
from plugins.purchases.models import PurchasesPurchase as Purchase
from plugins.purchases.rules import NAME as RULE
from plugins.purchases.rules import current
from plugins.purchases.schemas import MOST_FEN, MOST_ITEMS, EarningRules, NewPurchase, PurchaseView, Recorded
from roost import (
    Context,
    Invalid,
    KeyReused,
    PageQuery,
    Same,
    insert_columns,
    keyset,
    local_date,
    local_midnight,
    members,
    new_id,
    one_of,
    points,
    rewards,
    savepoint,
)

SLUG = "purchases"
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)  # how far a source's clock may be in front of ours
WRONG = {"amount_fen": "金额", "items": "件数", "occurred_at": "消费时间", "lines": "商品明细合计与金额不符"}
_Known = tuple[UUID, dict[str, Any] | NewPurchase]  # a purchase, and its content or what it is recorded from
RACES = 3  # how often a batch is tried again after another process recorded a part of it at the same moment


# --- recording ---


def record(ctx: Context, purchase: NewPurchase) -> tuple[PurchaseView, bool]:
    """Record one purchase; return it and whether it is new.

    The same number again, in its scope and with the same content, returns the first. Raises KeyReused when any of its
    content differs, NotFound for an unknown member, Invalid for an amount, instant or lines that cannot be.
    """
    if purchase.member is not None:
        purchase = replace(purchase, member=members.resolve(ctx, purchase.member))
    done = record_many(ctx, [purchase])[0]
    if done.refused is not None:
        raise done.refused
    assert done.id is not None
    return get(ctx, done.id), done.created


def record_many(ctx: Context, purchases: Sequence[NewPurchase]) -> list[Recorded]:
    """Record a batch in few statements; return what became of each, in order.

    Members must be ids as `members` gives them (not merged into another). A purchase that is known already
    changes nothing; one whose number was used for another content is refused alone. Raises Invalid, and records
    nothing, for an amount, instant or lines that cannot be.
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
    elif not EARLIEST <= (purchase.occurred_at or ctx.now()) <= ctx.now() + AHEAD:
        wrong = ("occurred_at", f"{purchase.occurred_at} is before 1970 or in the future")
    elif purchase.lines and (parts := sum(line.amount_fen for line in purchase.lines)) != purchase.amount_fen:
        wrong = ("lines", f"they add up to {parts} fen, and the purchase is of {purchase.amount_fen}")
    if wrong is not None:
        fields = [{"path": f"body.{wrong[0]}", "message": wrong[1]}]
        raise Invalid(
            f"this purchase cannot be: {wrong[0]}: {wrong[1]}", f"消费数据有误：{WRONG[wrong[0]]}", fields=fields
        )


def _record(ctx: Context, purchases: Sequence[NewPurchase]) -> list[Recorded]:
    reach = [numbers.scopes(ctx, purchase) for purchase in purchases]
    known = _known(ctx, purchases, {scope for scopes in reach for scope in scopes})
    results: list[Recorded] = []
    fresh: list[tuple[UUID, str, NewPurchase]] = []
    for purchase, scopes in zip(purchases, reach, strict=True):
        try:
            row = _same(ctx, known, purchase, scopes)
        except KeyReused as ex:
            results.append(Recorded(None, False, ex))
            continue
        created = row is None
        if row is None:
            row = new_id()
            known[(purchase.source, scopes[0], purchase.source_key)] = (row, purchase)
            fresh.append((row, scopes[0], purchase))
        results.append(Recorded(row, created))
    if fresh:
        _insert(ctx, fresh)
    return results


def _same(
    ctx: Context, known: Mapping[numbers.Name, _Known], purchase: NewPurchase, scopes: Sequence[str]
) -> UUID | None:
    """Return the purchase that a number names already, or None. Raises KeyReused for one of other content."""
    exact = known.get((purchase.source, scopes[0], purchase.source_key))
    if exact is not None:
        numbers.check_same(ctx, _content(exact), purchase)
        return exact[0]
    if len(scopes) == 1:
        return None
    sent = numbers.sent_content(purchase)
    for scope in scopes[1:]:
        held = known.get((purchase.source, scope, purchase.source_key))
        if held is not None and not numbers.PURCHASE.differing(_content(held), sent):
            return held[0]
    return None


def _content(known: _Known) -> dict[str, Any]:
    return numbers.sent_content(known[1]) if isinstance(known[1], NewPurchase) else known[1]


def _known(ctx: Context, purchases: Sequence[NewPurchase], scopes: Collection[str]) -> dict[numbers.Name, _Known]:
    keys: dict[str, list[str]] = defaultdict(list)
    for purchase in purchases:
        keys[purchase.source].append(purchase.source_key)
    found: dict[numbers.Name, _Known] = {}
    for source, wanted in keys.items():
        rows = (
            Purchase.scoped(ctx)
            .select()
            .where(
                Purchase.source == source,
                one_of(Purchase.source_key, wanted),
                one_of(Purchase.scope, sorted(scopes)) if len(scopes) > 1 else Purchase.scope == next(iter(scopes)),
            )
        )
        for row in rows:
            found[(source, row.scope, row.source_key)] = (row.id, numbers.kept_content(row))
    return found


def _insert(ctx: Context, fresh: Sequence[tuple[UUID, str, NewPurchase]]) -> None:
    """Write purchases, what they earn, and the facts that tell of them: by column, so that thousands cost little."""
    version, rules = current(ctx)
    now, count = ctx.now(), len(fresh)
    ids, scopes, bought = zip(*fresh, strict=True)
    ordinals = _ordinals(ctx, bought) if rules.frequency_from else [1] * count
    gains = _gains(rules, bought, ordinals)
    instants = [purchase.occurred_at or now for purchase in bought]
    operations = _credit(ctx, version, fresh, gains, instants)
    rows: dict[str, Sequence[Any] | Same] = {
        "id": ids,
        "member": [purchase.member for purchase in bought],
        "anonymous": [purchase.member is None for purchase in bought],
        "venue": [purchase.venue for purchase in bought],
        "source": [purchase.source for purchase in bought],
        "scope": scopes,
        "source_key": [purchase.source_key for purchase in bought],
        "kind": [purchase.kind for purchase in bought],
        "amount_fen": [purchase.amount_fen for purchase in bought],
        "items": [purchase.items for purchase in bought],
        "lines": [[line.model_dump() for line in purchase.lines] or None for purchase in bought],
        "ordinal": ordinals,
        "counted_fen": [gain.counted_fen for gain in gains],
        "points": [gain.points for gain in gains],
        "growth": [gain.growth for gain in gains],
        "points_operation": operations["points"],
        "growth_operation": operations["growth"],
        "occurred_at": instants,
        "refunded_fen": Same(0),
        "rules": Same(version),
        "fen_per_point": Same(rules.fen_per_point),
        "fen_per_growth": Same(rules.fen_per_growth),
        "origin": Same(ctx.origin),
        "cause": Same(ctx.cause[:100]),
        "recorded_at": Same(now),
    }
    insert_columns(ctx, Purchase, count, rows)
    if ctx.origin == "live":
        told = ("id", "member", "amount_fen", "counted_fen", "kind", "items", "ordinal", "points", "growth")
        notes = (dict(zip(told, row, strict=True)) for row in zip(*(rows[name] for name in told), strict=True))
        rewards.note(ctx, [why.of_purchase(note | {"rules": version}) for note in notes if note["member"] is not None])
    facts = [
        {
            "purchase": row_id,
            "member": purchase.member,
            "venue": purchase.venue,
            "source": purchase.source,
            "kind": purchase.kind,
            "amount_fen": purchase.amount_fen,
            "items": purchase.items,
            "points": gain.points,
            "growth": gain.growth,
        }
        for row_id, purchase, gain in zip(ids, bought, gains, strict=True)
    ]
    ctx.publish_alike(PurchaseRecorded, facts, instants)


def _gains(rules: EarningRules, bought: Sequence[NewPurchase], ordinals: Sequence[int]) -> list[earning.Earned]:
    """Return what each purchase earns. Those without lines are asked for once for each amount, kind and place."""
    known: dict[tuple[int, str, int], earning.Earned] = {}
    gains = []
    for purchase, ordinal in zip(bought, ordinals, strict=True):
        if purchase.member is None:
            gains.append(earning.NOTHING)
            continue
        alike = (purchase.amount_fen, purchase.kind, ordinal)
        gain = None if purchase.lines else known.get(alike)
        if gain is None:
            gain = earning.earned(rules, purchase.amount_fen, purchase.kind, purchase.lines, ordinal)
            if not purchase.lines:
                known[alike] = gain
        gains.append(gain)
    return gains


def _credit(
    ctx: Context,
    version: int,
    fresh: Sequence[tuple[UUID, str, NewPurchase]],
    gains: Sequence[earning.Earned],
    instants: Sequence[datetime],
) -> dict[str, list[str | None]]:
    """Give what the purchases earn, points before growth; return by asset the operation of each, or None."""
    operations: dict[str, list[str | None]] = {"points": [None] * len(fresh), "growth": [None] * len(fresh)}
    owed: list[tuple[int, str, int]] = []  # which purchase, and how much of what it earns
    for place, gain in enumerate(gains):
        if gain.points:
            owed.append((place, "points", gain.points))
        if gain.growth:
            owed.append((place, "growth", gain.growth))
    if not owed:
        return operations
    places, assets, amounts = zip(*owed, strict=True)
    buyers = [(fresh[place][0].hex, fresh[place][2]) for place in places]
    credits = points.Credits(
        members=[purchase.member for _, purchase in buyers if purchase.member is not None],
        assets=assets,
        amounts=amounts,
        keys=[f"{row}:{asset}" for (row, _), asset in zip(buyers, assets, strict=True)],
        occurred_at=[instants[place] for place in places],
        venues=[purchase.venue for _, purchase in buyers],
        reason="purchase",
        rule=RULE,
        rule_version=version,
    )
    for place, asset, operation in zip(places, assets, points.credit_columns(ctx, credits), strict=True):
        operations[asset][place] = operation
    return operations


def _ordinals(ctx: Context, purchases: Sequence[NewPurchase]) -> list[int]:
    """Return each purchase's place among its member's of the calendar month, in order of recording.

    What was refunded in whole was no purchase.
    """
    zone, now = ctx.tenant.zone, ctx.now()
    months = [local_date(purchase.occurred_at or now, zone).replace(day=1) for purchase in purchases]
    counts: dict[tuple[UUID | None, date], int] = defaultdict(int)
    for month in set(months):
        buyers = {p.member for p, m in zip(purchases, months, strict=True) if m == month and p.member is not None}
        rows = (
            Purchase.scoped(ctx)
            .select(Purchase.member, fn.COUNT(Purchase.id))
            .where(one_of(Purchase.member, sorted(buyers)), *within(month, zone), not_undone())
            .group_by(Purchase.member)
            .tuples()
        )
        counts.update({(buyer, month): times for buyer, times in rows})
    ordinals = []
    for purchase, month in zip(purchases, months, strict=True):
        counts[(purchase.member, month)] += 1
        ordinals.append(1 if purchase.member is None else counts[(purchase.member, month)])
    return ordinals


def within(month: date, zone: str) -> tuple[Any, Any]:
    """Return the conditions that a purchase is of a calendar month of the tenant's zone, given by its first day."""
    following = (month + timedelta(days=32)).replace(day=1)
    return Purchase.occurred_at >= local_midnight(month, zone), Purchase.occurred_at < local_midnight(following, zone)


def not_undone() -> Any:
    """Return the condition that a purchase was not refunded in whole."""
    return (Purchase.refunded_fen < Purchase.amount_fen) | (Purchase.amount_fen == 0)


# --- reading ---


def get(ctx: Context, purchase: UUID) -> PurchaseView:
    return PurchaseView.model_validate(Purchase.scoped(ctx).get(Purchase.id == purchase))


def find(ctx: Context, source: str, source_key: str) -> PurchaseView | None:
    """Return the purchase that a source calls so, or None; of sources whose numbers are unique for the brand."""
    row = Purchase.scoped(ctx).first(Purchase.source == source, Purchase.source_key == source_key, Purchase.scope == "")
    return PurchaseView.model_validate(row) if row else None


def of_member(ctx: Context, page: PageQuery) -> tuple[list[Any], str | None]:
    """Return a page of the acting member's purchases, the latest recorded first, and the next cursor."""
    mine = Purchase.scoped(ctx).select().where(Purchase.member == members.resolve(ctx, ctx.member))
    return keyset(mine, Purchase.id, page)
