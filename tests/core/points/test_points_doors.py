"""Credit and debit: what moves, what is refused, and what a repeated key gives."""

import dataclasses
import json
from datetime import timedelta

import pytest

from core import db, points
from core.contract.plugin import Implementation
from core.contract.specs import Veto
from core.errors import InsufficientBalance, Invalid, KeyReused, RoostError, Vetoed
from core.ids import new_id


def facts(rows, name):
    found = rows("SELECT body FROM event WHERE name = %s ORDER BY recorded_at, id", name)
    return [
        (m["member"], m["asset"], m["amount"], m["reason"]) for (body,) in found for m in json.loads(body)["movements"]
    ]


def test_a_credit_adds_and_a_debit_takes_and_both_are_told(ctx, rows, sound):
    member = new_id()
    with ctx.transaction():
        first = points.credit(ctx, member, "points", 100, key="a", reason="welcome")
        spent = points.debit(ctx, member, "points", 30, key="b", reason="mall")
    assert (first.balance, first.amount, spent.balance, spent.amount) == (100, 100, 70, 30)
    assert points.balance(ctx, member) == points.Balance(available=70)
    assert points.balance(ctx, member, "growth") == points.Balance()
    assert facts(rows, "points_credited") == [(str(member), "points", 100, "welcome")]
    assert facts(rows, "points_debited") == [(str(member), "points", 30, "mall")]
    sound()


def test_provenance_is_kept_with_the_entry(ctx):
    member, venue, rule = new_id(), new_id(), new_id()
    then = ctx.now() - timedelta(days=3)
    with ctx.transaction():
        done = points.credit(
            ctx, member, "points", 5, key="a", reason="visit", venue=venue, rule=rule, rule_version=2,
            cause="fact:1", occurred_at=then,
        )  # fmt: skip
    line = points.statement(ctx, member).items[0]
    assert line.id == done.entry
    assert (line.venue, line.rule, line.rule_version, line.cause) == (venue, str(rule), 2, "fact:1")
    assert (line.occurred_at, line.recorded_at) == (then, ctx.now())


@pytest.mark.parametrize("door", ["credit", "debit", "hold", "transfer"])
def test_the_same_key_gives_the_first_result_and_other_content_is_refused(ctx, door, snapshot, sound):
    member, other = new_id(), new_id()
    more = {"hold": {"deadline": ctx.now() + timedelta(hours=1)}}.get(door, {})
    who = (member, other) if door == "transfer" else (member,)

    def call(amount):
        return getattr(points, door)(ctx, *who, "points", amount, key="k", reason="r", **more)

    with ctx.transaction():
        points.credit(ctx, member, "points", 50, key="start", reason="r")
        first = call(20)
        points.credit(ctx, member, "points", 1, key="between", reason="r")
    before = snapshot()
    with ctx.transaction():
        assert call(20) == first
    with pytest.raises(KeyReused), ctx.transaction():
        call(21)
    assert snapshot() == before
    sound()


def test_a_key_belongs_to_one_plugin_and_one_door(ctx):
    member = new_id()
    with ctx.transaction():
        points.credit(ctx, member, "points", 50, key="k", reason="r")
        points.credit(ctx.for_plugin("gifts"), member, "points", 50, key="k", reason="r")
        assert points.balance(ctx, member).available == 100
        with pytest.raises(KeyReused):
            points.debit(ctx, member, "points", 50, key="k", reason="r")


def test_a_refused_operation_changes_nothing_even_if_the_caller_goes_on_and_commits(ctx, snapshot, sound, clock):
    poor, rich = new_id(), new_id()
    with ctx.transaction():
        points.credit(ctx, poor, "points", 5, key="p", reason="r")
        points.credit(ctx, poor, "points", 5, key="dead", reason="r", expires_at=ctx.now() + timedelta(days=1))
        points.credit(ctx, rich, "points", 5, key="r", reason="r")
        given = points.debit(ctx, rich, "points", 5, key="d", reason="r")
    clock.advance(days=2)  # so that the refused doors had dead lots to expire
    before = snapshot()
    until = ctx.now() + timedelta(hours=1)
    with ctx.transaction():
        for refused in (
            lambda: points.debit(ctx, poor, "points", 6, key="1", reason="r"),
            lambda: points.debit(ctx, new_id(), "points", 6, key="2", reason="r"),
            lambda: points.hold(ctx, poor, "points", 6, key="3", deadline=until, reason="r"),
            lambda: points.transfer(ctx, poor, new_id(), "points", 6, key="4", reason="r"),
            lambda: points.reverse(ctx, given.id, key="5", amount=6, reason="r"),
            lambda: points.reverse(ctx, new_id(), key="6", reason="r"),
            lambda: points.capture(ctx, new_id(), key="7"),
            lambda: points.release(ctx, new_id(), key="8"),
        ):
            with pytest.raises(RoostError):
                refused()
    assert snapshot() == before
    sound()
    with ctx.transaction():  # and the key is free again
        assert points.debit(ctx, poor, "points", 5, key="1", reason="r").balance == 0


def test_too_little_says_how_much_there_is(ctx):
    member = new_id()
    with ctx.transaction():
        points.credit(ctx, member, "points", 5, key="p", reason="r")
        with pytest.raises(InsufficientBalance) as told:
            points.debit(ctx, member, "points", 6, key="d", reason="r")
    assert told.value.details == {"asset": "points", "needed": 6, "available": 5}


@pytest.mark.parametrize("amount", [0, -1, True, 1.0, "5", 10**12 + 1, None])
def test_an_amount_is_a_whole_positive_number_within_bounds(ctx, amount, snapshot):
    before = snapshot()
    with ctx.transaction():
        for door in (points.credit, points.debit):
            with pytest.raises(Invalid):
                door(ctx, new_id(), "points", amount, key="k", reason="r")
    assert snapshot() == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"asset": "gold"}, {"key": ""}, {"key": "k" * 201}, {"reason": ""}, {"reason": "r" * 201},
        {"asset": "growth", "expires_at": True}, {"naive": True},
    ],
)  # fmt: skip
def test_a_malformed_credit_is_invalid(ctx, wrong, snapshot):
    asked = {"asset": "points", "key": "k", "reason": "r", **wrong}
    if asked.pop("naive", False):
        asked["occurred_at"] = ctx.now().replace(tzinfo=None)
    if "expires_at" in asked:
        asked["expires_at"] = ctx.now() + timedelta(days=1)
    before = snapshot()
    with ctx.transaction(), pytest.raises(Invalid):
        points.credit(ctx, new_id(), asked.pop("asset"), 1, **asked)
    assert snapshot() == before


def test_outside_a_transaction_no_door_opens(ctx, snapshot):
    before = snapshot()
    with pytest.raises(RuntimeError, match="transaction"):
        points.credit(ctx, new_id(), "points", 1, key="k", reason="r")
    with pytest.raises(RuntimeError, match="transaction"):
        points.credit_many(ctx, [points.Credit(new_id(), "points", 1, "k", "r")])
    assert snapshot() == before


@pytest.mark.parametrize("door", ["debit", "hold", "transfer"])
def test_a_plugin_may_veto_what_is_spent(ctx, door, monkeypatch, snapshot):
    asked = []

    def guard(ctx, member, asset, amount, reason):
        asked.append((member, asset, amount, reason, db.in_transaction()))
        return Veto("frozen_card", "the card is frozen", "卡已停用")

    known = dict(ctx.services.registry._implementations)
    names = ("ctx", "member", "asset", "amount", "reason")
    known["validate_redemption"] = (Implementation("guard", guard, names, frozenset(("live",))),)
    monkeypatch.setattr(ctx.services.registry, "_implementations", known)
    ctx = dataclasses.replace(ctx, tenant=dataclasses.replace(ctx.tenant, plugins=frozenset(("guard",)), version=99))
    ctx = ctx.for_plugin("mall")
    member = new_id()
    with ctx.transaction():
        points.credit(ctx, member, "points", 9, key="c", reason="r")
    before = snapshot()
    who = (member, new_id()) if door == "transfer" else (member,)
    more = {"deadline": ctx.now() + timedelta(hours=1)} if door == "hold" else {}
    with ctx.transaction(), pytest.raises(Vetoed) as told:
        getattr(points, door)(ctx, *who, "points", 4, key="k", reason="mall", **more)
    assert told.value.code == "frozen_card"
    assert asked == [(member, "points", 4, "mall", True)]
    assert snapshot() == before


def test_tenants_do_not_share_accounts_or_keys(ctx, new_tenant):
    other, member = new_tenant("other"), new_id()
    with ctx.transaction():
        mine = points.credit(ctx, member, "points", 5, key="k", reason="r")
    with other.transaction():
        points.credit(other, member, "points", 7, key="k", reason="r")
        with pytest.raises(RoostError):
            points.reverse(other, mine.id, key="x", reason="r")
    assert points.balance(ctx, member).available == 5
    assert points.balance(other, member).available == 7
    assert points.verify(ctx.services) == []
