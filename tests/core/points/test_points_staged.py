"""Credits that are staged do what as many single ones would, to the last row; what is not plain goes the long way."""

import json
import threading
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import db, points
from core.errors import Invalid, KeyReused
from core.events.models import Event
from core.ids import new_id
from core.points import staged
from tests.core.points.test_points_concurrency import at_once

ENTRIES = (
    "SELECT a.member, a.asset, e.seq, e.kind, e.amount, e.balance_after, e.owed, e.reason, e.venue, e.cause, e.rule,"
    " e.rule_version, e.occurred_at, e.recorded_at, o.plugin, o.key, o.door,"
    " CASE WHEN o.door = 'credit' THEN o.digest END, l.amount, l.remaining, l.expires_at FROM entry e"
    " JOIN account a ON a.id = e.account JOIN operation o ON o.id = e.operation"
    " LEFT JOIN lot l ON l.id = e.id WHERE e.tenant = %s ORDER BY a.member, a.asset, e.seq"
)
ACCOUNTS = (
    "SELECT member, asset, balance, held, debt, next_expiry, version, created_at FROM account WHERE tenant = %s"
    " ORDER BY member, asset"
)
MEMBERS = [new_id() for _ in range(4)]
VENUES = [None, new_id()]
BEFORE = ("nothing", "credited", "indebted", "dead")  # what an account has seen before
one_credit = st.tuples(
    st.sampled_from(MEMBERS), st.sampled_from(["points", "growth", "stored_value"]), st.integers(1, 500),
    st.sampled_from(VENUES), st.sampled_from([None, -400, 0]),
)  # fmt: skip


def columns(ctx, wanted, *, prefix="k"):
    """Return credits as the door takes them: (member, asset, amount, venue, days ago) of each."""
    now = ctx.now()
    at = [None if days is None else now + timedelta(days=days) for *_, days in wanted]
    return points.Credits(
        members=[one[0] for one in wanted],
        assets=[one[1] for one in wanted],
        amounts=[one[2] for one in wanted],
        keys=[f"{prefix}{n}" for n in range(len(wanted))],
        occurred_at=at,
        venues=[one[3] for one in wanted],
        reason="bought",
        rule="purchases",
        rule_version=3,
    )


def seen_before(ctx, what):
    for number, member in enumerate(MEMBERS):
        for asset in ("points", "stored_value"):
            key = f"before{number}{asset}"
            if what == "credited":
                points.credit(ctx, member, asset, 7, key=key, reason="r", expires_at=ctx.now() + timedelta(days=9))
            elif what == "indebted":
                made = points.credit(ctx, member, asset, 70, key=key, reason="r")
                points.debit(ctx, member, asset, 60, key=f"{key}d", reason="r")
                points.reverse(ctx, made.id, key=f"{key}r", reason="r")
            elif what == "dead":
                points.credit(ctx, member, asset, 7, key=key, reason="r", expires_at=ctx.now() + timedelta(hours=1))


def told(ctx):
    """Return the movements of the facts, without the ids of entries, which are fresh."""
    moved = Counter()
    for row in Event.scoped(ctx).select().order_by(Event.id):
        for movement in json.loads(row.body)["movements"]:
            moved[(row.name, movement["member"], movement["asset"], movement["amount"], movement["reason"])] += 1
    return moved


def read(ctx):
    """Return a tenant's ledger without its ids, and what its facts told."""
    with ctx.transaction():
        found = [db.fetch_all(ctx.scope, db.Sql(text), [ctx.tenant.id]) for text in (ENTRIES, ACCOUNTS)]
        return *found, told(ctx)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=st.lists(one_credit, min_size=1, max_size=30), before=st.sampled_from(BEFORE))
def test_staged_credits_leave_the_rows_that_single_ones_would(new_tenant, clock, wanted, before):
    number = new_id().hex[-8:]
    one, many = new_tenant(f"one-{number}"), new_tenant(f"many-{number}")
    for ctx in (one, many):
        with ctx.transaction():
            seen_before(ctx, before)
    clock.advance(hours=2)
    with one.transaction():
        for item in columns(one, wanted).each():
            points.credit(
                one, item.member, item.asset, item.amount, key=item.key, reason=item.reason, venue=item.venue,
                occurred_at=item.occurred_at, rule=item.rule,
                rule_version=item.rule_version,
            )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch, many.transaction():
        patch.setattr(staged, "FEW", 0)
        ids = points.credit_columns(many, columns(many, wanted))
    assert len(set(ids)) == len(wanted)
    assert read(many) == read(one)
    assert points.verify(many) == []


def plain(count, amount=1):
    return [(MEMBERS[n % 4], "points", amount, None, None) for n in range(count)]


def test_it_is_the_staged_way_that_is_compared(ctx, monkeypatch):
    """The control of the test above: with plain credits the long way is not taken."""
    monkeypatch.setattr(staged, "credit_many", None)
    with ctx.transaction():
        assert len(points.credit_columns(ctx, columns(ctx, plain(200)))) == 200


def test_keys_that_are_known_give_their_first_operations_and_other_content_is_refused(ctx, snapshot):
    with ctx.transaction():
        first = points.credit_columns(ctx, columns(ctx, plain(200)))
    before = snapshot()
    with ctx.transaction():
        assert points.credit_columns(ctx, columns(ctx, plain(200))) == first
    with pytest.raises(KeyReused), ctx.transaction():
        points.credit_columns(ctx, columns(ctx, plain(200, amount=2)))
    assert snapshot() == before
    with ctx.transaction():
        more = points.credit_columns(ctx, columns(ctx, plain(300)))
    assert more[:200] == first
    assert points.verify(ctx) == []


@pytest.mark.parametrize("wrong", [0, -1, 10**13, True])
def test_what_cannot_be_credited_is_refused_and_nothing_is_written(ctx, snapshot, wrong):
    before = snapshot()
    with pytest.raises(Invalid), ctx.transaction():
        points.credit_columns(ctx, columns(ctx, [*plain(200), (MEMBERS[0], "points", wrong, None, None)]))
    assert snapshot() == before


def races(ctx, rounds=8, each=150):
    return [
        lambda n=n: ctx.run(lambda: points.credit_columns(ctx, columns(ctx, plain(each), prefix=f"{n}-")))
        for n in range(rounds)
    ]


@pytest.mark.engines("postgresql")
def test_batches_at_once_on_the_same_accounts_add_up(ctx):
    results = at_once(races(ctx))
    assert all(len(result) == 150 for result in results)
    assert points.balance(ctx, MEMBERS[3]).available == 8 * 37
    assert points.verify(ctx) == []


@pytest.mark.engines("postgresql")
def test_without_the_lock_the_same_batches_count_from_the_same_entry(ctx, monkeypatch):
    """The negative control: all have read before one writes, and the entries' own numbers have to stop them."""
    with ctx.transaction():
        points.credit_columns(ctx, columns(ctx, plain(150), prefix="first"))
    read = threading.Barrier(2)
    lock = staged._lock

    def lock_nothing(*arguments):
        found = lock(*arguments)
        read.wait(timeout=30)
        return found

    stopped = []

    def long_way(ctx, credits):
        stopped.append(len(credits))
        return []

    monkeypatch.setattr(staged, "FOR_UPDATE", "")
    monkeypatch.setattr(staged, "_lock", lock_nothing)
    monkeypatch.setattr(staged, "credit_many", long_way)
    at_once(races(ctx, rounds=2))
    assert stopped == [150]
