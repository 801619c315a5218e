"""A batch of purchases leaves what as many single sales would: rows, ledger and facts, whatever the rules."""

import json
import random
from collections import Counter
from datetime import timedelta

import pytest

from core.events.models import Event
from core.events.outbox import read_event
from core.members import NewMember
from core.points.models import Account, Entry, Lot, Operation
from plugins import purchases
from plugins.purchases import NewPurchase, PurchaseLine
from plugins.purchases.hookspecs import PurchaseRecorded
from plugins.purchases.models import PurchasesPurchase as Purchase
from roost import MemberRegistered, PointsCredited, members, points, tenants

COUNT = 240  # more than what goes in without being staged
RULES = (
    {},
    {"frequency_from": 3, "frequency_percent": 250, "minimum_fen": 900, "most_points": 40},
    {"fen_per_growth": 0, "good_percents": {"g1": 300}, "excluded_goods": ["g2"]},
    {"number_scope": "brand", "renewal_percent": 150, "fen_per_point": 7},
)
IDS = {"id", "tenant", "points_operation", "growth_operation", "operation", "account", "recorded_at", "created_at"}


def brand(new_tenant, slug, rules):
    ctx = new_tenant(slug, plugins=("levels", "purchases"))
    with ctx.transaction():
        tenants.save_settings(ctx, "purchases", rules) if rules else None
        places = [tenants.add_venue(ctx, code, code).id for code in ("a", "b")]
        people = members.register_many(ctx.imported(), [NewMember("till", str(n)) for n in range(25)])
    return ctx.services.system(tenants.by_slug(slug), "test"), places, [people[str(n)] for n in range(25)]


def sales(ctx, places, people):
    """Return sales of every kind; the same ones for each brand, and some told twice or with other content."""
    chance, made = random.Random(7), []
    for n in range(COUNT):
        lines, amount = (), chance.choice([0, 1, 899, 900, 12_345, 100_000, 4_999])
        if chance.random() < 0.3:
            lines = tuple(PurchaseLine(code=f"g{m}", amount_fen=chance.randrange(5_000)) for m in range(1, 4))
            amount = sum(line.amount_fen for line in lines)
        made.append(
            NewPurchase(
                source=chance.choice(["saas", "import:file"]),
                source_key=f"r{n % 200}",
                amount_fen=amount,
                occurred_at=ctx.now() - timedelta(days=chance.randrange(90)),
                member=chance.choice([*people, None]),
                venue=chance.choice([*places, None]),
                items=chance.randrange(5),
                kind=chance.choice(["sale", "renewal"]),
                lines=lines,
                scope=chance.choice([None, "brand"]),
            )
        )
    return made + made[:30]


def left(ctx, people, places):
    """Return everything that the sales left, in words that do not depend on ids."""
    names = {person: f"m{n}" for n, person in enumerate(people)} | {place: f"v{n}" for n, place in enumerate(places)}

    def plain(row, **more):
        values = {k: v if isinstance(v, list) else names.get(v, v) for k, v in row.__data__.items() if k not in IDS}
        scope = values.get("scope")
        for place in places if scope else ():
            values["scope"] = values["scope"].replace(place.hex, names[place])
        return values | more

    with ctx.transaction():
        rows = list(Purchase.scoped(ctx).select())
        numbers = {row.id: (row.source, row.source_key, row.occurred_at, row.amount_fen) for row in rows}
        bought = [plain(row, paid=(bool(row.points_operation), bool(row.growth_operation))) for row in rows]
        accounts = {row.id: (names[row.member], row.asset) for row in Account.scoped(ctx).select()}
        ledger = [plain(row, whose=accounts[row.account]) for row in Entry.scoped(ctx).select()]
        ledger += [plain(row, whose=accounts[row.account]) for row in Lot.scoped(ctx).select()]
        ledger += [plain(row) for row in Account.scoped(ctx).select()]
        asked = [plain(row, key=row.key.partition(":")[2], digest=None) for row in Operation.scoped(ctx).select()]
        told = []
        for row in Event.scoped(ctx).select():
            if row.name == "purchase_recorded":
                fact = read_event(ctx, row.id, PurchaseRecorded)
                assert fact == PurchaseRecorded(
                    **json.loads(fact.model_dump_json(exclude={"event", "occurred_at"})), event=row.id,
                    occurred_at=fact.occurred_at,
                )  # fmt: skip
                told.append(
                    (
                        numbers[fact.purchase], names.get(fact.member), names.get(fact.venue), fact.kind, fact.items,
                        fact.amount_fen, fact.points, fact.growth, fact.occurred_at, fact.origin,
                    )
                )  # fmt: skip
            elif row.name == "points_credited":
                fact = read_event(ctx, row.id, PointsCredited)
                told += [(names[m.member], m.asset, m.amount, m.reason, fact.origin) for m in fact.movements]
    everything = bought, ledger, asked, told
    return [list(map(repr, rows)) for rows in everything]


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("origin", ["live", "import"])
def test_a_batch_leaves_what_single_sales_would(new_tenant, rules, origin):
    one, *here = brand(new_tenant, "one", rules)
    many, *there = brand(new_tenant, "many", rules)
    if origin == "import":
        one, many = one.imported(), many.imported()
    singly = []
    for sale in sales(one, *here):
        with one.transaction():
            singly += purchases.record_many(one, [sale])
    with many.transaction():
        done = purchases.record_many(many, sales(many, *there))
    assert [(r.created, bool(r.refusal)) for r in done] == [(r.created, bool(r.refusal)) for r in singly]
    assert {r.created for r in done} == {True, False}
    for batch, single in zip(left(many, there[1], there[0]), left(one, here[1], here[0]), strict=True):
        assert (Counter(batch) - Counter(single), Counter(single) - Counter(batch)) == (Counter(), Counter())
    assert points.verify(many) == points.verify(one) == []


def test_people_of_a_batch_are_told_as_those_of_one(new_tenant):
    ctx = new_tenant("people").imported()
    with ctx.transaction():
        ids = members.register_many(ctx, [NewMember("till", str(n), registered_at=ctx.now()) for n in range(120)])
        (alone,) = members.register_many(ctx, [NewMember("till", "alone", registered_at=ctx.now())]).values()
        rows = Event.scoped(ctx).select().where(Event.name == "member_registered")
        told = {read_event(ctx, row.id, MemberRegistered).member: row for row in rows}
    assert set(told) == {*ids.values(), alone}
    one = json.loads(told[alone].body)
    for member, row in told.items():
        assert json.loads(row.body) == one | {"member": str(member)}
        assert (row.occurred_at, row.schema_version, row.origin, row.cause) == (
            told[alone].occurred_at, told[alone].schema_version, "import", told[alone].cause,
        )  # fmt: skip
