"""A friend whom the SaaS knew pays nothing, however late it answers; nor does one who is staff or a coach."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core import members, points, rewards, tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.errors import Conflict
from integrations.qinniao.fake import APP_ID, SECRET, Failure, Push, QinniaoFake, Running, serve
from plugins.gifts.models import GiftsClaim
from plugins.referrals import relations
from plugins.referrals.models import ReferralsRelation, ReferralsReward
from plugins.referrals.schemas import BindIn

PHONE = "13800001111"
Make = Callable[..., members.MemberView]


@pytest.fixture
def saas(clock: ManualClock) -> Iterator[Running]:
    with serve(fake=QinniaoFake(clock=clock.now)) as running:
        yield running


@pytest.fixture
def referrals(tenant: Context, enable_plugin: Callable[..., None], saas: Running) -> Context:
    enable_plugin("gifts", standard_rules=False)
    enable_plugin("referrals")
    enable_plugin("qinniao", base_url=saas.url, app_id=APP_ID, secret=SECRET)
    return tenant.for_plugin("referrals")


@pytest.fixture
def li(referrals: Context, member: Make, drain: Callable[[], int]) -> members.MemberView:
    view = member()
    drain()
    return view


@pytest.fixture
def invited(referrals: Context, member: Make, li: members.MemberView, drain: Callable[[], int]) -> Make:
    def make(**more: Any) -> members.MemberView:
        friend = member(invitation=relations.invitation(referrals, li.id)[0], **{"phone": PHONE, **more})
        drain()
        return friend

    return make


def stands(ctx: Context, friend: members.MemberView) -> tuple[str, str]:
    row = ReferralsRelation.scoped(ctx).get(ReferralsRelation.invitee == friend.id)
    return row.state, row.reason


def balance(ctx: Context, member: members.MemberView) -> int:
    with ctx.transaction():
        return points.balance(ctx, member.id).available


def whys(ctx: Context, member: members.MemberView) -> list[str]:
    return [str(row.evidence.get("refusal", "")) for row in rewards.why(ctx, member.id)]


@pytest.mark.parametrize("status", ["active", "expired"])
def test_a_member_of_the_saas_past_or_present_is_nobodys_referral(
    referrals: Context, saas: Running, li: members.MemberView, invited: Make, status: str
) -> None:
    saas.fake.put("members", {"id": "m-1", "phone": PHONE, "status": status})
    friend = invited()
    assert stands(referrals, friend)[0] in ("void", "refused")
    assert balance(referrals, li) == 0
    assert "known_before" in whys(referrals, li)
    assert "known_before" in whys(referrals, friend)
    assert {claim.state for claim in GiftsClaim.scoped(referrals).select()} <= {"revoked"}


def test_what_was_paid_is_taken_back_when_the_saas_answers_later(
    referrals: Context, saas: Running, li: members.MemberView, invited: Make, clock: ManualClock, drain: Any
) -> None:
    saas.fake.fail(Failure(api="members", status=502, times=3))
    saas.fake.put("members", {"id": "m-1", "phone": PHONE, "joined_on": "2024-05-01"})
    friend = invited()
    assert (stands(referrals, friend)[0], balance(referrals, li)) == ("bound", 50)
    clock.advance(hours=2)
    drain()
    assert (stands(referrals, friend)[0], balance(referrals, li)) == ("void", 0)
    assert [claim.state for claim in GiftsClaim.scoped(referrals).select()] == ["revoked"]


def test_what_waits_to_be_paid_is_not_paid(
    referrals: Context, tenant: Context, saas: Running, invited: Make, clock: ManualClock, drain: Any
) -> None:
    tenants.disable_plugin(tenant, "gifts")
    saas.fake.fail(Failure(api="members", status=502, times=3))
    saas.fake.put("members", {"id": "m-1", "phone": PHONE})
    invited()
    clock.advance(minutes=59)
    drain()
    tenants.enable_plugin(tenant, "gifts")
    clock.advance(hours=3)
    drain()
    assert {row.state for row in ReferralsReward.scoped(referrals).select()} == {"clawed"}
    assert GiftsClaim.scoped(referrals).select().count() == 0


def test_a_lead_of_the_saas_is_known_too(
    referrals: Context, saas: Running, li: members.MemberView, invited: Make, listening: str, drain: Any
) -> None:
    saas.fake.callback_url = f"{listening}/callbacks/qinniao/{referrals.tenant.slug}"
    saas.fake.push(Push(event_type="lead.created", data={"id": "l-1", "phone": PHONE}))
    drain()
    friend = invited()
    assert stands(referrals, friend)[0] in ("void", "refused")
    assert balance(referrals, li) == 0
    with pytest.raises(Conflict) as caught, referrals.transaction():
        relations.bind(referrals, BindIn(invitee=friend.id, inviter=li.id, reason="they say so"))
    assert caught.value.code == "known_before"


@pytest.mark.parametrize("joined", [None, "2026-11-21"])
def test_whom_our_own_lead_brings_pays(
    referrals: Context, saas: Running, li: members.MemberView, invited: Make, listening: str, drain: Any,
    clock: ManualClock, joined: str | None,
) -> None:  # fmt: skip
    saas.fake.callback_url = f"{listening}/callbacks/qinniao/{referrals.tenant.slug}"
    friend = invited()
    clock.advance(hours=1)
    record = {"id": "m-1", "phone": PHONE, "joined_on": joined, "lead_external_id": str(friend.id)}
    saas.fake.push(Push(event_type="member.converted", data=record))
    drain()
    assert (stands(referrals, friend)[0], balance(referrals, li)) == ("converted", 550)


def test_an_old_record_that_is_told_later_undoes_a_conversion_too(
    referrals: Context,
    tenant: Context,
    saas: Running,
    li: members.MemberView,
    invited: Make,
    listening: str,
    drain: Any,
) -> None:
    saas.fake.callback_url = f"{listening}/callbacks/qinniao/{referrals.tenant.slug}"
    friend = invited()
    with tenant.transaction():
        members.set_membership(tenant, friend.id, state="member")
    drain()
    assert balance(referrals, li) == 550
    saas.fake.push(Push(event_type="member.updated", data={"id": "m-1", "phone": PHONE, "joined_on": "2025-01-01"}))
    drain()
    assert (stands(referrals, friend)[0], balance(referrals, li)) == ("void", 0)


@pytest.mark.parametrize("class_", ["staff", "coach"])
def test_a_friend_who_is_on_a_list_is_not_bound(
    referrals: Context, li: members.MemberView, invited: Make, class_: str
) -> None:
    with referrals.transaction():
        members.put_on_list(referrals.for_plugin("qinniao"), "s-1", PHONE, class_)
    friend = invited()
    assert stands(referrals, friend)[0] == "refused"
    assert balance(referrals, li) == 0
    assert whys(referrals, li)[0] == "excluded_class"


def test_a_friend_who_becomes_staff_is_not_paid_for_any_more(
    referrals: Context, tenant: Context, li: members.MemberView, invited: Make, drain: Any
) -> None:
    friend = invited()
    with tenant.transaction():
        members.set_class(tenant, friend.id, "staff", "hired")
        members.set_membership(tenant, friend.id, state="member")
    drain()
    assert (stands(referrals, friend)[0], balance(referrals, li)) == ("void", 50)


def test_a_reward_that_waited_until_the_friend_was_staff_is_not_given(
    referrals: Context, tenant: Context, invited: Make, clock: ManualClock, drain: Any
) -> None:
    tenants.disable_plugin(tenant, "gifts")
    friend = invited()
    with tenant.transaction():
        members.set_class(tenant, friend.id, "coach", "hired")
    tenants.enable_plugin(tenant, "gifts")
    clock.advance(hours=2)
    drain()
    waited = ReferralsReward.scoped(referrals).get(ReferralsReward.role == "invitee")
    assert waited.state == "capped"
    assert whys(referrals, friend)[0] == "excluded_class"
