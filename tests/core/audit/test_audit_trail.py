"""The audit trail: who did what, and a chain that shows every row altered, deleted or put in."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core import audit, db
from core.clock import ManualClock
from core.contract.context import Actor, Context
from core.contract.rest import PageQuery
from core.errors import Forbidden, Invalid
from core.ids import new_id


def act(ctx: Context, count: int) -> None:
    with ctx.transaction():
        for number in range(count):
            audit.record(ctx, "thing.done", f"thing-{number}", {"number": number})


def seal(ctx: Context, **options: int) -> int:
    return ctx.run(lambda: audit.seal(ctx, **options))


def verify(ctx: Context, noted: audit.Head | None = None) -> list[audit.Fault]:
    with ctx.transaction():
        return audit.verify(ctx, noted)


def tamper(ctx: Context, text: str, *values: Any) -> None:
    """Do what somebody with the database's password could do."""
    with ctx.transaction():
        db.run(ctx.scope, db.Sql(text), (*values, ctx.tenant.id))


def test_a_row_says_who_did_what_and_why(tenant: Context) -> None:
    staff = Actor("staff", new_id(), permissions=frozenset({"audit.view"}))
    ctx = tenant.acting(staff).caused_by("request:abc")
    with ctx.transaction():
        audit.record(ctx, "member.barred", "someone", {"reason": "no-shows", "days": 30})
        items = audit.find(ctx).items

    assert [(r.actor, r.action, r.subject, r.details, r.cause, r.sealed) for r in items] == [
        (
            f"staff:{staff.id}",
            "member.barred",
            "someone",
            {"reason": "no-shows", "days": 30},
            "request:abc",
            False,
        )
    ]


def test_a_phone_typed_into_a_reason_does_not_reach_the_trail(tenant: Context) -> None:
    with tenant.transaction():
        audit.record(tenant, "member.phone_revealed", "x", {"reason": "called 13812345678", "more": ["13912345678"]})
        details = audit.find(tenant).items[0].details

    assert details == {"reason": "called 138****5678", "more": ["139****5678"]}


def test_only_those_allowed_read_it_page_by_page(tenant: Context) -> None:
    act(tenant, 5)
    nobody = tenant.acting(Actor("staff", new_id()))
    with tenant.transaction():
        with pytest.raises(Forbidden):
            audit.find(nobody)
        first = audit.find(tenant, page=PageQuery(limit=3))
        second = audit.find(tenant, page=PageQuery(limit=3, cursor=first.next_cursor or ""))

    assert [r.subject for r in (*first.items, *second.items)] == [f"thing-{n}" for n in (4, 3, 2, 1, 0)]
    assert second.next_cursor is None


def test_it_is_searched_by_action_and_subject(tenant: Context) -> None:
    with tenant.transaction():
        audit.record(tenant, "member.merged", "a")
        audit.record(tenant, "member.erased", "b")
        audit.record(tenant, "role.saved", "a")

        assert [r.action for r in audit.find(tenant, action="member.*").items] == [
            "member.erased",
            "member.merged",
        ]
        assert [r.action for r in audit.find(tenant, subject="a").items] == ["role.saved", "member.merged"]


def test_a_rolled_back_act_leaves_no_row(tenant: Context) -> None:
    def fail() -> None:
        audit.record(tenant, "thing.done")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        tenant.run(fail)
    with tenant.transaction():
        assert audit.find(tenant).items == []


def test_an_untouched_trail_has_no_fault(tenant: Context) -> None:
    act(tenant, 25)
    assert seal(tenant, rows=10) == 25
    act(tenant, 3)

    assert verify(tenant) == []
    assert seal(tenant, rows=10) == 3
    assert verify(tenant) == []
    with tenant.transaction():
        head = audit.head(tenant)
    assert head is not None
    assert head.number == 4


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit SET details = '{\"number\":7}' WHERE subject = 'thing-3' AND tenant = %s",
        "UPDATE audit SET actor = 'system:test ' WHERE subject = 'thing-3' AND tenant = %s",
        "DELETE FROM audit WHERE subject = 'thing-3' AND tenant = %s",
        "UPDATE audit SET block = NULL WHERE subject = 'thing-3' AND tenant = %s",
        "UPDATE audit SET block = 99 WHERE subject = 'thing-3' AND tenant = %s",
        "UPDATE audit_block SET count = 9 WHERE number = 1 AND tenant = %s",
        "DELETE FROM audit_block WHERE number = 1 AND tenant = %s",
        "UPDATE audit_block SET pruned_at = sealed_at WHERE number = 1 AND tenant = %s",
        "UPDATE audit_block SET previous = hash WHERE number = 1 AND tenant = %s",
    ],
)
def test_what_was_altered_or_deleted_is_found(tenant: Context, change: str) -> None:
    act(tenant, 20)
    seal(tenant, rows=10)
    assert verify(tenant) == []

    tamper(tenant, change)

    assert verify(tenant) != []


def test_a_row_put_in_later_is_found_wherever_it_claims_to_stand(tenant: Context, clock: ManualClock) -> None:
    act(tenant, 3)
    seal(tenant)
    insert = (
        "INSERT INTO audit (at, actor, plugin, action, subject, details, request_id, cause, block, tenant)"
        " SELECT at, actor, plugin, 'forged', subject, details, request_id, cause, {block}, tenant FROM audit"
        " WHERE subject = 'thing-1' AND tenant = %s"
    )
    tamper(tenant, insert.format(block="block"))
    assert [f.block for f in verify(tenant)] == [1]
    tamper(tenant, "DELETE FROM audit WHERE action = 'forged' AND tenant = %s")
    assert verify(tenant) == []

    clock.advance(hours=3)
    act(tenant, 1)
    seal(tenant)
    tamper(tenant, insert.format(block="NULL"))
    assert "put in" in verify(tenant)[0].what


def test_a_chain_cut_off_at_its_end_is_found_by_the_head_that_was_noted(tenant: Context) -> None:
    act(tenant, 20)
    seal(tenant, rows=10)
    with tenant.transaction():
        noted = audit.head(tenant)
    tamper(tenant, "DELETE FROM audit WHERE block = 2 AND tenant = %s")
    tamper(tenant, "DELETE FROM audit_block WHERE number = 2 AND tenant = %s")

    assert verify(tenant) == []
    assert [f.block for f in verify(tenant, noted)] == [2]


def test_rows_are_kept_180_days_and_the_chain_still_proves_the_rest(tenant: Context, clock: ManualClock) -> None:
    act(tenant, 5)
    seal(tenant)
    clock.advance(days=179)
    act(tenant, 2)
    seal(tenant)
    with tenant.transaction():
        assert audit.prune(tenant) == 0
        with pytest.raises(Invalid):
            audit.prune(tenant, days=90)
    clock.advance(days=2)
    with tenant.transaction():
        assert audit.prune(tenant) == 5
        assert len(audit.find(tenant).items) == 2

    assert verify(tenant) == []
    tamper(
        tenant,
        "UPDATE audit_block SET sealed_at = %s WHERE number = 1 AND tenant = %s",
        clock.now() - timedelta(days=200),
    )
    assert verify(tenant) != []


def test_each_brand_has_a_chain_of_its_own(tenant: Context, new_tenant: Callable[..., Context]) -> None:
    other = new_tenant("other")
    act(tenant, 2)
    act(other, 3)
    seal(tenant)
    seal(other)

    tamper(other, "DELETE FROM audit WHERE subject = 'thing-0' AND tenant = %s")
    assert verify(tenant) == []
    assert len(verify(other)) == 1
