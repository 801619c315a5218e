"""An operation known by its key is the same only when all of its content is: every door, field by field.

Each door says how it is called, with what, and what another value of each field is. The test holds that this names
every field of the content that the door declares, so a field that is declared and not compared is found here.
"""

import ast
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from core import inventory, points, rewards, tenants
from core.content import Content
from core.errors import KeyReused
from core.inventory.reservations import RESERVATION
from core.inventory.stock import RESTOCK
from core.points import operations as ledger
from core.rewards.grants import GRANT
from core.rewards.specs import RewardSpec
from plugins import orders, purchases, visits
from plugins.orders.placing.place import ORDER
from plugins.purchases.importing import as_purchases
from plugins.purchases.numbers import PURCHASE
from plugins.purchases.refunds import REFUND as PURCHASE_REFUND
from plugins.visits.service import VISIT
from tests.once import assert_same_by_all_its_content


@dataclass
class World:
    """Who and what the doors are about."""

    ctx: Any
    member: Any
    other: Any
    venue: Any
    elsewhere: Any
    purchase: Any

    def funded(self, asset: str = "points") -> None:
        for number, whose in enumerate((self.member, self.other)):
            points.credit(self.ctx, whose, asset, 1000, key=f"fund:{asset}:{number}", reason="start")


@dataclass(frozen=True)
class Door:
    """One door: its content, the call, its values, and another value of each field."""

    content: Content
    call: Callable[..., object]  # (world, key, **values)
    base: Callable[[World], Mapping[str, Any]]
    changed: Callable[[World], Mapping[str, Any]]
    fixed: frozenset[str] = frozenset()  # fields that the door gives itself
    unseen: frozenset[str] = frozenset()  # fields of which the ledger keeps a digest only


def _later(world: World) -> Any:
    return world.ctx.now() - timedelta(hours=1)


def _credit(world: World, key: str, **values: Any) -> object:
    return points.credit(world.ctx, key=key, **values)


def _credit_many(world: World, key: str, **values: Any) -> object:
    return points.credit_many(world.ctx, [points.Credit(key=key, **values)])[0]


def _hold(world: World, key: str, **values: Any) -> object:
    return points.hold(world.ctx, key=key, deadline=world.ctx.now() + timedelta(minutes=5), **values).id


def _held(world: World, number: int) -> Any:
    what = {"member": world.member, "asset": "points", "amount": 10, "reason": "hold"}
    return _hold(world, f"held:{number}", **what)


def _capture(world: World, key: str, *, hold: Any, amount: Any) -> object:
    return points.capture(world.ctx, hold, key=key, amount=amount)


def _release(world: World, key: str, *, hold: Any) -> object:
    return points.release(world.ctx, hold, key=key)


def _credited(world: World, number: int) -> Any:
    return points.credit(world.ctx, world.member, "points", 10, key=f"credited:{number}", reason="x").id


def _reverse(world: World, key: str, *, operation: Any, **values: Any) -> object:
    return points.reverse(world.ctx, operation, key=key, **values)


def _reserve(world: World, key: str, *, limits: tuple[str, ...], **values: Any) -> object:
    return inventory.reserve(world.ctx, key=key, limits=[inventory.Limit(name, 50) for name in limits], **values)


def _restock(world: World, key: str, **values: Any) -> object:
    return inventory.restock(world.ctx, key=key, **values)


def _give(world: World, key: str, **values: Any) -> object:
    return rewards.give(world.ctx, key=key, **values).id


def _rule(world: World, name: str) -> rewards.RuleView:
    reward = RewardSpec(kind="points", spec={"amount": 5})
    return rewards.save_rule(world.ctx, rewards.RuleSpec(name=name, trigger="t", rewards=[reward]))


def _grant(world: World, key: str, *, rule: rewards.RuleView, member: Any) -> object:
    made = rewards.grant(world.ctx, rule, member, key=key)
    assert made is not None
    return made.id


def _record(world: World, key: str, **values: Any) -> object:
    return purchases.record(world.ctx, purchases.NewPurchase("till", key, scope="brand", **values))[0]


def _import(world: World, key: str, *, member: str, **values: Any) -> object:
    """Record a row of a file, whose buyer is known by a number of the file."""
    row = purchases.FileRow(1, "", key, member, phone=None, name=None, **values)
    done = purchases.record_many(world.ctx, as_purchases(world.ctx, [row], "import:file"))[0]
    if done.refused is not None:
        raise done.refused
    return done.id


def _credit_columns(world: World, key: str, *, member: Any, asset: Any, amount: Any, occurred_at: Any, venue: Any,
                    **values: Any) -> object:  # fmt: skip
    columns = ([member], [asset], [amount], [key], [occurred_at], [venue])
    return points.credit_columns(world.ctx, points.Credits(*columns, **values))


def _refund(world: World, key: str, **values: Any) -> object:
    return purchases.refund(world.ctx, world.purchase, source_key=key, **values)[0]


def _visit(world: World, key: str, **values: Any) -> object:
    return visits.record(world.ctx, source="gate", source_key=key, scope="brand", **values)[0]


def _place(world: World, key: str, **values: Any) -> object:
    return orders.place(world.ctx.for_plugin("seckill"), orders.Draft(reference=key, **values)).id


def _lines(*fen: int) -> tuple[purchases.PurchaseLine, ...]:
    return tuple(purchases.PurchaseLine(code=str(n), amount_fen=one) for n, one in enumerate(fen))


def _address(street: str) -> Any:
    return orders.AddressIn(
        name="李雷", phone="13800000001", province="上海市", city="上海市", district="杨浦区", detail=street
    )


def _what(world: World) -> dict[str, Any]:
    return {"member": world.member, "asset": "points", "amount": 10, "reason": "a"}


def _other(world: World) -> dict[str, Any]:
    return {"member": world.other, "asset": "growth", "amount": 11, "reason": "b"}


def _earning(world: World) -> dict[str, Any]:
    ends = world.ctx.now() + timedelta(days=9)
    more = {"venue": world.venue, "occurred_at": world.ctx.now(), "expires_at": ends, "rule": "r", "rule_version": 1}
    return _what(world) | more


def _otherwise_earning(world: World) -> dict[str, Any]:
    ends = world.ctx.now() + timedelta(days=8)
    more = {"venue": None, "occurred_at": _later(world), "expires_at": ends, "rule": "s", "rule_version": 2}
    return {**_other(world), **more, "asset": "stored_value"}


def _without(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != name}


DOORS = {
    "credit": Door(ledger.CREDIT, _credit, _earning, _otherwise_earning),
    "credit_many": Door(ledger.CREDIT, _credit_many, _earning, _otherwise_earning),
    "credit_columns": Door(
        ledger.CREDIT,
        _credit_columns,
        lambda world: _without(_earning(world), "expires_at"),
        lambda world: _without(_otherwise_earning(world), "expires_at"),
        fixed=frozenset({"expires_at"}),
    ),
    "debit": Door(
        ledger.DEBIT,
        lambda world, key, **values: points.debit(world.ctx, key=key, **values),
        lambda world: _what(world) | {"venue": world.venue, "occurred_at": world.ctx.now()},
        lambda world: _other(world) | {"venue": world.elsewhere, "occurred_at": _later(world)},
    ),
    "transfer": Door(
        ledger.TRANSFER,
        lambda world, key, **values: points.transfer(world.ctx, key=key, **values),
        lambda world: {
            "sender": world.member, "receiver": world.other, "asset": "points", "amount": 10, "reason": "a",
        },
        lambda world: {
            "sender": world.purchase, "receiver": world.purchase, "asset": "growth", "amount": 11, "reason": "b",
        },
        unseen=frozenset({"receiver"}),
    ),
    "hold": Door(ledger.HOLD, _hold, _what, _other),
    "capture": Door(
        ledger.CAPTURE,
        _capture,
        lambda world: {"hold": _held(world, 1), "amount": 5},
        lambda world: {"hold": _held(world, 2), "amount": 6},
        unseen=frozenset({"hold"}),
    ),
    "release": Door(
        ledger.RELEASE,
        _release,
        lambda world: {"hold": _held(world, 1)},
        lambda world: {"hold": _held(world, 2)},
        unseen=frozenset({"hold"}),
    ),
    "reverse": Door(
        ledger.REVERSE,
        _reverse,
        lambda world: {"operation": _credited(world, 1), "amount": 5, "reason": "a", "grace_days": 7},
        lambda world: {"operation": _credited(world, 2), "amount": 4, "reason": "b", "grace_days": 8},
        unseen=frozenset({"grace_days"}),
    ),
    "restock": Door(
        RESTOCK, _restock, lambda world: {"item": "mug", "quantity": 5}, lambda world: {"item": "towel", "quantity": 6}
    ),
    "reserve": Door(
        RESERVATION,
        _reserve,
        lambda world: {"item": "mug", "quantity": 1, "member": world.member, "limits": ("day",)},
        lambda world: {"item": "towel", "quantity": 2, "member": world.other, "limits": ("month",)},
    ),
    "give": Door(
        GRANT,
        _give,
        lambda world: {
            "member": world.member, "reason": "a", "rewards": [RewardSpec(kind="points", spec={"amount": 5})],
        },
        lambda world: {
            "member": world.other, "reason": "b", "rewards": [RewardSpec(kind="points", spec={"amount": 6})],
        },
        fixed=frozenset({"rule"}),
    ),
    "grant by a rule": Door(
        GRANT,
        _grant,
        lambda world: {"member": world.member, "rule": _rule(world, "A")},
        lambda world: {"member": world.other, "rule": _rule(world, "B")},
        fixed=frozenset({"rewards", "reason"}),
    ),
    "purchase": Door(
        PURCHASE,
        _record,
        lambda world: {
            "member": world.member, "venue": world.venue, "occurred_at": world.ctx.now(), "amount_fen": 300,
            "items": 2, "kind": "sale", "lines": _lines(100, 200),
        },
        lambda world: {
            "member": world.other, "venue": world.elsewhere, "occurred_at": _later(world), "amount_fen": 301,
            "items": 3, "kind": "renewal", "lines": _lines(200, 100),
        },
    ),
    "row of a file": Door(
        PURCHASE,
        _import,
        lambda world: {
            "member": "1", "venue": world.venue, "occurred_at": world.ctx.now(), "amount_fen": 300, "items": 2,
            "lines": _lines(100, 200),
        },
        lambda world: {
            "member": "2", "venue": world.elsewhere, "occurred_at": _later(world), "amount_fen": 301, "items": 3,
            "lines": _lines(200, 100),
        },
        fixed=frozenset({"kind"}),
    ),
    "purchase refund": Door(
        PURCHASE_REFUND,
        _refund,
        lambda world: {"amount_fen": 100, "reason": "a", "occurred_at": world.ctx.now()},
        lambda world: {"amount_fen": 101, "reason": "b", "occurred_at": _later(world)},
    ),
    "visit": Door(
        VISIT,
        _visit,
        lambda world: {"member": world.member, "venue": world.venue, "occurred_at": world.ctx.now()},
        lambda world: {"member": world.other, "venue": world.elsewhere, "occurred_at": _later(world)},
    ),
    "order": Door(
        ORDER,
        _place,
        lambda world: {
            "member": world.member, "venue": world.venue, "title": "a", "lines": (_line(500),),
            "discounts": (orders.Discount("c", "t", 10, "s"),), "tenders": ("cash",), "cancellable": True,
            "address": _address("1"), "note": "a",
        },
        lambda world: {
            "member": world.other, "venue": world.elsewhere, "title": "b", "lines": (_line(600),),
            "discounts": (), "tenders": (), "cancellable": False, "address": _address("2"), "note": "b",
        },
    ),
}  # fmt: skip


def _line(fen: int) -> Any:
    return orders.Line("mug", "Mug", unit_fen=fen, fulfilment="ship")


@pytest.fixture
def world(tenant, member, enable_plugin):
    enable_plugin("purchases", "visits", "orders", "seckill")
    with tenant.transaction():
        venue, elsewhere = (tenants.add_venue(tenant, code, code).id for code in ("001", "002"))
    buyer = member().id
    with tenant.transaction():
        sale = purchases.NewPurchase("saas", "A1", 1000, tenant.now(), buyer)
        made = World(tenant, buyer, member().id, venue, elsewhere, purchases.record(tenant, sale)[0].id)
        for asset in ("points", "growth"):
            made.funded(asset)
        for item in ("mug", "towel"):
            inventory.define(tenant, item, 100)
    return made


@pytest.mark.parametrize("name", DOORS)
def test_a_repeat_is_the_same_only_with_all_of_its_content(world, name):
    door, ctx = DOORS[name], world.ctx
    with ctx.transaction():
        base, changed = door.base(world), door.changed(world)

    def call(**values: Any) -> object:
        with ctx.transaction():
            return door.call(world, "K", **values)

    together = {"amount_fen": {"lines": _lines(100, 201)}} if door.content is PURCHASE else None
    assert_same_by_all_its_content(
        door.content, call, base, changed, fixed=door.fixed, unseen=door.unseen, together=together
    )


def test_what_is_refused_does_not_show_whose_it_is(world):
    ctx = world.ctx
    with ctx.transaction():
        points.credit(ctx, key="K", **_what(world))
    with pytest.raises(KeyReused) as refused, ctx.transaction():
        points.credit(ctx, key="K", **{**_what(world), "member": world.other})
    for member in (world.member, world.other):
        assert str(member) not in refused.value.message + refused.value.message_zh


def test_every_content_that_is_declared_is_held_to_it():
    """A new door that declares its content and is tried by no test is found here."""
    declared = {
        (module.__name__, name)
        for module in [*sys.modules.values()]
        if module.__name__.startswith(("core.", "plugins.", "integrations."))
        for name, value in vars(module).items()
        if isinstance(value, Content) and value.fields and _written_in(module, name)
    }
    tried: set[tuple[str, str]] = set()
    for file in Path(__file__).parent.rglob("test_*.py"):
        text = file.read_text("utf-8")
        if "assert_same_by_all_its_content" not in text:
            continue
        modules = {
            alias.asname or alias.name: f"{node.module}.{alias.name}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        for module, name in declared:
            whole = modules.get(name) == f"{module}.{name}" or f"{module}.{name}" in modules.values()
            through = any(f"{short}.{name}" in text for short, path in modules.items() if path == module)
            if whole or through:
                tried.add((module, name))
    assert len(declared) > 15
    assert declared - tried == set()


def _written_in(module: ModuleType, name: str) -> bool:
    """Tell whether a module makes a value itself, and did not import it."""
    return re.search(rf"^{name} = Content\(", inspect.getsource(module), re.MULTILINE) is not None
