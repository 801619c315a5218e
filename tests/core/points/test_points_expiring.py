"""Whose points die soon, a page at a time."""

from collections.abc import Callable
from datetime import timedelta

from core import points
from core.clock import ManualClock
from core.contract.context import Context
from core.members import MemberView


def test_what_dies_before_an_instant_is_summed_by_member_without_what_is_dead_spent_or_lasting(
    tenant: Context, member: Callable[..., MemberView], clock: ManualClock, new_tenant: Callable[..., Context]
) -> None:
    li, spent, lasting, dead = (member() for _ in range(4))
    now = tenant.now()
    lots = [(li, 10, 5), (li, 20, 9), (li, 40, 30), (spent, 7, 5), (lasting, 9, None), (dead, 5, 1)]
    with tenant.transaction():
        for number, (one, amount, days) in enumerate(lots):
            dies = now + timedelta(days=days) if days is not None else None
            points.credit(tenant, one.id, "points", amount, key=str(number), reason="t", expires_at=dies)
        points.debit(tenant, spent.id, "points", 7, key="d", reason="t")
    clock.advance(days=2)
    found = points.expiring(tenant, now + timedelta(days=9))
    assert [(e.member, e.amount, e.first_at) for e in found] == [(li.id, 30, now + timedelta(days=5))]
    assert points.expiring(new_tenant("other"), now + timedelta(days=9)) == []


def test_pages_follow_the_members_ids(tenant: Context, member: Callable[..., MemberView]) -> None:
    crowd = [member() for _ in range(5)]
    dies = tenant.now() + timedelta(days=3)
    with tenant.transaction():
        for one in crowd:
            points.credit(tenant, one.id, "points", 1, key=str(one.id), reason="t", expires_at=dies)
    first = points.expiring(tenant, dies, limit=3)
    second = points.expiring(tenant, dies, after=first[-1].member, limit=3)
    assert [e.member for e in (*first, *second)] == sorted(one.id for one in crowd)
