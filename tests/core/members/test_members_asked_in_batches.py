"""Questions about many members at once: whose membership ends, and what they agreed to."""

from collections.abc import Callable
from datetime import date

from core import members
from core.clock import ManualClock
from core.contract.context import Context
from core.members import MemberView


def test_memberships_that_end_within_days_without_frozen_lapsed_and_erased_ones(
    tenant: Context, member: Callable[..., MemberView]
) -> None:
    day = date(2026, 12, 1)
    ending, later, frozen, lapsed, erased = (member() for _ in range(5))
    with tenant.transaction():
        for one in (ending, erased):
            members.set_membership(tenant, one.id, state="member", valid_until=day)
        members.set_membership(tenant, later.id, state="member", valid_until=date(2026, 12, 3))
        members.set_membership(tenant, frozen.id, state="member", valid_until=day, frozen=True)
        members.set_membership(tenant, lapsed.id, state="lapsed", valid_until=day)
        members.erase(tenant, erased.id, "asked for it")
    assert [m.id for m in members.ending(tenant, day, date(2026, 12, 2))] == [ending.id]
    both = members.ending(tenant, day, date(2026, 12, 3), limit=1)
    both += members.ending(tenant, day, date(2026, 12, 3), after=both[-1].id)
    assert [m.id for m in both] == [ending.id, later.id]


def test_the_latest_answer_of_each_member_to_the_purposes_asked_for(
    tenant: Context, member: Callable[..., MemberView], clock: ManualClock
) -> None:
    yes, changed, silent = (member() for _ in range(3))
    with tenant.transaction():
        for one in (yes, changed):
            members.give_consent(tenant, one.id, "marketing", policy_version="1")
        members.give_consent(tenant, yes.id, "portrait", policy_version="1")
        clock.advance(seconds=1)
        members.withdraw_consent(tenant, changed.id, "marketing")
    found = members.answers(tenant, [yes.id, changed.id, silent.id], ["marketing"])
    assert {m: {p: a.given for p, a in held.items()} for m, held in found.items()} == {
        yes.id: {"marketing": True},
        changed.id: {"marketing": False},
        silent.id: {},
    }
