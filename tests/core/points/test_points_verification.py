"""verify finds what was altered by hand; on a sound ledger it finds nothing."""

from datetime import timedelta

import pytest

from core import db, points
from core.ids import new_id
from core.points import verification


@pytest.fixture
def busy(ctx):
    """Make a ledger in which every door was used."""
    a, b = new_id(), new_id()
    until = ctx.now() + timedelta(hours=1)
    with ctx.transaction():
        earned = points.credit(ctx, a, "points", 100, key="1", reason="r", expires_at=ctx.now() + timedelta(days=9))
        points.credit_many(ctx, [points.Credit(m, "points", 50, f"2{m}", "r") for m in (a, b)])
        spent = points.debit(ctx, a, "points", 60, key="3", reason="r")
        points.hold(ctx, a, "points", 10, key="4", deadline=until, reason="r")
        held = points.hold(ctx, a, "points", 10, key="5", deadline=until, reason="r")
        points.capture(ctx, held.id, key="6", amount=4)
        points.transfer(ctx, a, b, "points", 5, key="7", reason="r")
        points.reverse(ctx, spent.id, key="8", amount=20, reason="r")
        points.reverse(ctx, earned.id, key="9", amount=30, reason="r")
    return ctx


def alter(text):
    with db.transaction(db.EVERY_TENANT):
        assert db.run(db.EVERY_TENANT, db.Sql(text)).rowcount >= 1


A = "(SELECT id FROM account ORDER BY version DESC LIMIT 1)"  # the busiest account
ALTERATIONS = {
    "a balance": (f"UPDATE account SET balance = balance + 1 WHERE id = {A}", "account"),
    "what is held": (f"UPDATE account SET held = held + 1 WHERE id = {A}", "account"),
    "what is owed": (f"UPDATE account SET debt = debt + 1 WHERE id = {A}", "account"),
    "an entry's amount": (f"UPDATE entry SET amount = amount + 1 WHERE seq = 3 AND account = {A}", "entry"),
    "an entry's balance": (f"UPDATE entry SET balance_after = 0 WHERE seq = 2 AND account = {A}", "entry"),
    "an entry's debt": (f"UPDATE entry SET owed = 5 WHERE seq = 2 AND account = {A}", "account"),
    "a deleted entry": (f"DELETE FROM entry WHERE seq = 2 AND account = {A}", "entry"),
    "the last entry deleted": (
        "DELETE FROM entry WHERE (account, seq) IN (SELECT id, version FROM account)",
        "account",
    ),
    "a lot's remainder": ("UPDATE lot SET remaining = remaining - 1 WHERE remaining > 0", "lot"),
    "a lot's amount": ("UPDATE lot SET amount = amount + 1", "lot"),
    "a deleted lot": (
        f"DELETE FROM lot WHERE id = (SELECT id FROM entry WHERE seq = 1 AND account = {A})",
        "allocation",
    ),
    "a moved lot": (f"UPDATE lot SET account = (SELECT id FROM account WHERE id <> {A}) WHERE account = {A}", "lot"),
    "an allocation": ("UPDATE allocation SET amount = amount - 1", "entry"),
    "a deleted allocation": ("DELETE FROM allocation", "entry"),
    "a deleted account": (f"DELETE FROM account WHERE id = {A}", "account"),
    "a deleted operation": ("DELETE FROM operation WHERE door = 'debit'", "entry"),
    "a hold's amount": ("UPDATE hold SET amount = amount + 1 WHERE state = 'open'", "hold"),
    "a hold's state": ("UPDATE hold SET state = 'captured' WHERE state = 'open'", "account"),
    "a reversal's extent": ("UPDATE entry SET reversed = reversed + 1000 WHERE kind = 'reversal'", "entry"),
}  # fmt: skip


@pytest.mark.parametrize("what", ALTERATIONS)
def test_a_row_altered_by_hand_is_found(busy, what):
    assert points.verify(busy) == []
    text, table = ALTERATIONS[what]
    alter(text)
    faults = points.verify(busy)
    assert table in {fault.table for fault in faults}, faults
    assert {fault.tenant for fault in faults} == {busy.tenant.id}
    assert points.verify(busy.services) == faults


def test_a_lot_that_no_entry_made_is_found(busy):
    with db.transaction(db.EVERY_TENANT):
        values = (new_id(), busy.tenant.id, new_id())
        db.run(
            db.EVERY_TENANT,
            db.Sql("INSERT INTO lot (id, tenant, account, amount, remaining) VALUES (%s, %s, %s, 5, 0)"),
            values,
        )
    assert [(f.table, f.id) for f in points.verify(busy)] == [("lot", values[0])]


def test_the_fault_says_what_is_and_what_should_be(busy):
    member = new_id()
    with busy.transaction():
        points.credit(busy, member, "points", 5, key="x", reason="r")
    alter("UPDATE account SET balance = 8 WHERE balance = 5 AND version = 1")
    assert [f.message for f in points.verify(busy)] == [
        "balance is not what its entries say: it is 8, and should be 5",
        "balance is not what its lots say: it is 8, and should be 5",
    ]


def test_every_account_is_looked_at_however_many_pages_there_are(busy, monkeypatch):
    monkeypatch.setattr(verification, "PAGE", 2)
    monkeypatch.setattr(verification, "PAGE_OF_LOTS", 2)
    members = [new_id() for _ in range(9)]
    with busy.transaction():
        points.credit_many(busy, [points.Credit(m, "points", 5, str(m), "r") for m in members])
    assert points.verify(busy) == []
    alter("UPDATE account SET balance = 6 WHERE balance = 5 AND version = 1")
    assert len({fault.id for fault in points.verify(busy)}) == 9
