"""Refer a friend: who is bound to whom, who is paid, and what is taken back."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from core import identity, members, points, rewards, tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.errors import Conflict
from core.events.models import Job
from core.members import MemberView
from plugins.gifts.models import GiftsClaim
from plugins.referrals import relations
from plugins.referrals.models import ReferralsRelation, ReferralsReward
from plugins.referrals.schemas import BindIn

Make = Callable[..., MemberView]
Run = Callable[[], int]
AHEAD = date(2027, 11, 22)


@pytest.fixture
def referrals(tenant: Context, enable_plugin: Callable[..., None]) -> Context:
    """Switch referrals on, with gifts for the voucher; no standard gifts that would blur the sums."""
    enable_plugin("gifts", standard_rules=False)
    enable_plugin("referrals")
    return tenant.for_plugin("referrals")


@pytest.fixture
def invited(referrals: Context, member: Make, drain: Run) -> Callable[..., MemberView]:
    """Return a function that registers a friend with a member's invitation."""

    def make(inviter: MemberView, **more: Any) -> MemberView:
        token, _ = relations.invitation(referrals, inviter.id)
        friend = member(invitation=token, **more)
        drain()
        return friend

    return make


@pytest.fixture
def convert(tenant: Context, drain: Run) -> Callable[..., None]:
    """Return a function that takes over a membership from the business software."""

    def become(friend: MemberView, state: Any = "member", version: int = 0) -> None:
        with tenant.transaction():
            members.set_membership(tenant, friend.id, state=state, valid_until=AHEAD, version=version)
        drain()

    return become


def available(ctx: Context, member: MemberView) -> int:
    with ctx.transaction():
        return points.balance(ctx, member.id).available


def relation(ctx: Context, friend: MemberView) -> ReferralsRelation:
    return ReferralsRelation.scoped(ctx).get(ReferralsRelation.invitee == friend.id)


# --- the story ---


def test_a_registration_and_a_conversion_pay_the_inviter_and_the_friend_gets_a_voucher(
    referrals: Context, member: Make, invited: Any, convert: Any, api: Any
) -> None:
    li = member(state="member")
    friend = invited(li, name="Han Meimei")
    assert available(referrals, li) == 50
    [voucher] = api.get("/v1/gifts/claims", token=api.as_member(friend)).json["items"]
    assert (voucher["name"], voucher["amount_fen"], voucher["state"]) == ("好友邀请券", 5000, "ready")
    convert(friend)
    assert available(referrals, li) == 550
    [mine] = api.get("/v1/referrals/invitees", token=api.as_member(li)).json["items"]
    assert (mine["state"], mine["rewards"]) == ("converted", ["50 积分", "500 积分"])
    assert "Meimei" not in mine["name"]


def test_an_invitation_fits_a_mini_program_scene_and_tells_what_it_brings(
    referrals: Context, member: Make, invited: Any, convert: Any, api: Any
) -> None:
    li = member()
    convert(invited(li))
    seen = api.get("/v1/referrals/invitation", token=api.as_member(li)).json
    assert len(seen["token"]) <= 32
    assert seen["path"].endswith(f"?invitation={seen['token']}")
    assert seen["for_conversion"] == ["500 积分"]
    assert (seen["conversions_this_month"], seen["conversions_this_quarter"], seen["next_step"]) == (1, 1, 3)
    assert api.get("/v1/referrals/invitation").status_code == 401


def test_nobody_is_paid_for_a_friends_friend(referrals: Context, member: Make, invited: Any, convert: Any) -> None:
    li = member()
    han = invited(li)
    convert(invited(han))
    assert available(referrals, li) == 50


def test_a_conversion_whose_news_comes_before_the_registrations_is_paid_too(
    referrals: Context, tenant: Context, member: Make, drain: Run
) -> None:
    li = member()
    token, _ = relations.invitation(referrals, li.id)
    friend = member(invitation=token)
    with tenant.transaction():
        members.set_membership(tenant, friend.id, state="member", valid_until=AHEAD)
        relations.converted(referrals, friend.id, None)  # delivered first: there is no relation yet
    drain()
    assert available(referrals, li) == 550


def test_facts_delivered_twice_pay_once(
    referrals: Context, tenant: Context, member: Make, invited: Any, convert: Any, drain: Run
) -> None:
    li = member()
    friend = invited(li)
    convert(friend)
    with tenant.transaction():
        relations.registered(referrals, friend.id, relations.invitation(referrals, li.id)[0], None)
        relations.converted(referrals, friend.id, None)
    drain()
    assert available(referrals, li) == 550


# --- refused ---


def why_not(ctx: Context, member: MemberView) -> str:
    return str(rewards.why(ctx, member.id, 1)[0].evidence["refusal"])


def test_a_phone_that_is_known_already_is_no_referral(referrals: Context, member: Make, invited: Any) -> None:
    li, known = member(), member(phone="13811112222")
    invited(li, phone="13811112222")
    assert available(referrals, li) == 0
    assert ReferralsRelation.scoped(referrals).first(ReferralsRelation.invitee == known.id) is None


def test_an_expired_invitation_is_refused_and_why_tells_it(
    referrals: Context, member: Make, drain: Run, clock: ManualClock
) -> None:
    li = member()
    token, until = relations.invitation(referrals, li.id)
    clock.set(until)
    clock.advance(minutes=11)
    friend = member(invitation=token)
    drain()
    assert (relation(referrals, friend).state, why_not(referrals, friend)) == ("refused", "token_expired")
    assert available(referrals, li) == 0


@pytest.mark.parametrize("token", ["nonsense", "A" * 32])
def test_an_invitation_that_is_not_ours_is_refused(referrals: Context, member: Make, drain: Run, token: str) -> None:
    friend = member(invitation=token)
    drain()
    assert why_not(referrals, friend) == "bad_token"


def test_another_brands_invitation_is_not_ours(
    referrals: Context, member: Make, drain: Run, new_tenant: Callable[..., Context]
) -> None:
    li = member()
    other = new_tenant("other")
    friend = member(invitation=identity.sign_token(other, "referral", {"member": li.id}, ttl=86_400))
    drain()
    assert why_not(referrals, friend) == "bad_token"


@pytest.mark.parametrize("class_", ["staff", "coach"])
def test_staff_and_coaches_take_no_part(
    referrals: Context, tenant: Context, member: Make, invited: Any, class_: str
) -> None:
    coach = member()
    with tenant.transaction():
        members.set_class(tenant, coach.id, class_, "hired")
    friend = invited(coach)
    assert (why_not(referrals, friend), why_not(referrals, coach)) == ("excluded_class", "excluded_class")
    assert available(referrals, coach) == 0


def test_nobody_invites_themselves(referrals: Context, tenant: Context, member: Make, drain: Run) -> None:
    li = member()
    with tenant.transaction():
        relations.registered(referrals, li.id, relations.invitation(referrals, li.id)[0], None)
    drain()
    assert why_not(referrals, li) == "self"


def test_two_cannot_have_invited_each_other(referrals: Context, tenant: Context, member: Make, invited: Any) -> None:
    li = member()
    friend = invited(li)
    with pytest.raises(Conflict) as caught, tenant.transaction():
        relations.bind(referrals, BindIn(invitee=li.id, inviter=friend.id, reason="they say so"))
    assert caught.value.code == "mutual"


# --- limits and steps ---


def test_ten_conversions_a_month_are_rewarded_and_steps_are_paid_to_whoever_reaches_them(
    referrals: Context,
    tenant: Context,
    member: Make,
    invited: Any,
    convert: Any,
    clock: ManualClock,
    drain: Run,
) -> None:
    li = member()
    friends = [invited(li) for _ in range(12)]
    for friend in friends[:11]:
        convert(friend)
    # 12 registrations, 10 of 11 conversions, the steps at 3, 5 and 10
    assert available(referrals, li) == 12 * 50 + 10 * 500 + 300 + 600 + 1500
    assert relation(referrals, friends[10]).state == "converted"
    capped = ReferralsReward.scoped(referrals).get(ReferralsReward.state == "capped")
    assert capped.reason.startswith("本月奖励已达上限")
    clock.advance(days=9)  # December: another month of the same quarter
    convert(friends[11])
    assert available(referrals, li) == 12 * 50 + 11 * 500 + 2400


def test_each_quarter_begins_its_steps_anew(
    referrals: Context, member: Make, invited: Any, convert: Any, clock: ManualClock
) -> None:
    li = member()
    for _ in range(2):
        for _ in range(3):
            convert(invited(li))
        clock.advance(days=60)
    steps = ReferralsReward.scoped(referrals).select().where(ReferralsReward.role == "step")
    assert sorted(row.period for row in steps) == ["2026-Q4", "2027-Q1"]


# --- taken back ---


def test_a_refund_within_seven_days_takes_back_all_that_the_friend_brought(
    referrals: Context, member: Make, invited: Any, convert: Any, clock: ManualClock, api: Any
) -> None:
    li = member()
    friend = invited(li)
    convert(friend)
    assert available(referrals, li) == 550
    clock.advance(days=5)
    convert(friend, "lapsed", 1)
    assert available(referrals, li) == 0
    [voucher] = api.get("/v1/gifts/claims", token=api.as_member(friend)).json["items"]
    assert (voucher["state"], relation(referrals, friend).state) == ("revoked", "refunded")


def test_a_refund_leaves_a_voucher_that_was_used_and_takes_the_rest(
    referrals: Context, member: Make, invited: Any, convert: Any, clock: ManualClock
) -> None:
    li = member()
    friend = invited(li)
    GiftsClaim.scoped(referrals).update(state="used").where(GiftsClaim.member == friend.id).execute()
    convert(friend)
    convert(friend, "lapsed", 1)
    assert GiftsClaim.scoped(referrals).get(GiftsClaim.member == friend.id).state == "used"
    assert available(referrals, li) == 0


def test_a_refund_after_seven_days_takes_nothing_back(
    referrals: Context, member: Make, invited: Any, convert: Any, clock: ManualClock
) -> None:
    li = member()
    friend = invited(li)
    convert(friend)
    clock.advance(days=8)
    convert(friend, "lapsed", 1)
    assert available(referrals, li) == 550


def test_a_refund_takes_back_the_step_it_no_longer_reaches_and_the_next_conversion_brings_it_again(
    referrals: Context, member: Make, invited: Any, convert: Any
) -> None:
    li = member()
    friends = [invited(li) for _ in range(4)]
    for friend in friends[:3]:
        convert(friend)
    assert available(referrals, li) == 4 * 50 + 3 * 500 + 300
    convert(friends[0], "lapsed", 1)
    assert available(referrals, li) == 3 * 50 + 2 * 500
    convert(friends[3])
    assert available(referrals, li) == 3 * 50 + 3 * 500 + 300


def test_a_friend_who_turns_out_to_have_been_known_is_no_referral_after_all(
    referrals: Context,
    tenant: Context,
    member: Make,
    invited: Any,
    convert: Any,
    clock: ManualClock,
    drain: Run,
    api: Any,
) -> None:
    li, old = member(), member(name="Old record")
    clock.advance(days=30)
    friend = invited(li)
    convert(friend)
    assert available(referrals, li) == 550
    with tenant.transaction():
        members.merge(tenant, old.id, friend.id, "one person with a new number")
    drain()
    assert available(referrals, li) == 0
    assert ReferralsRelation.scoped(referrals).get().state == "void"
    assert [c["state"] for c in api.get("/v1/gifts/claims", token=api.as_member(old)).json["items"]] == ["revoked"]


def test_whoever_invited_a_double_of_themselves_loses_what_it_brought(
    referrals: Context, tenant: Context, member: Make, invited: Any, drain: Run
) -> None:
    li = member()
    double = invited(li)
    with tenant.transaction():
        members.merge(tenant, li.id, double.id, "one person")
    drain()
    assert available(referrals, li) == 0


# --- staff ---


def test_staff_rebind_with_a_reason_before_the_conversion_and_the_reward_moves(
    referrals: Context, member: Make, invited: Any, convert: Any, api: Any, drain: Run
) -> None:
    wrong, right = member(), member()
    friend = invited(wrong)
    token = api.as_staff("referrals.view", "referrals.edit")
    path = f"/admin/v1/referrals/relations/{relation(referrals, friend).id}/rebind"
    assert api.post(path, json={"inviter": str(right.id)}, token=token, key="r0").status_code == 422
    body = {"inviter": str(right.id), "reason": "asked at the counter"}
    done = api.post(path, json=body, token=token, key="r1")
    assert done.json["item"]["inviter"] == str(right.id), done.text
    drain()
    assert (available(referrals, wrong), available(referrals, right)) == (0, 50)
    convert(friend)
    assert available(referrals, right) == 550
    fixed = api.post(path, json={**body, "inviter": str(wrong.id)}, token=token, key="r2")
    assert fixed.status_code == 409


def test_staff_bind_a_friend_who_forgot_the_invitation(
    referrals: Context, member: Make, api: Any, drain: Run, convert: Any
) -> None:
    li, friend = member(), member()
    token = api.as_staff("referrals.view", "referrals.edit")
    body = {"invitee": str(friend.id), "inviter": str(li.id), "reason": "told us"}
    assert api.post("/admin/v1/referrals/relations", json=body, token=token).status_code == 201
    drain()
    assert available(referrals, li) == 50
    convert(friend)
    assert available(referrals, li) == 550


def test_staff_claw_back_by_hand(referrals: Context, member: Make, invited: Any, convert: Any, api: Any) -> None:
    li = member()
    friend = invited(li)
    convert(friend)
    path = f"/admin/v1/referrals/relations/{relation(referrals, friend).id}/claw_back"
    token = api.as_staff("referrals.view", "referrals.edit")
    done = api.post(path, json={"reason": "card refunded in cash"}, token=token, key="c1")
    assert done.json["item"]["state"] == "refunded", done.text
    assert available(referrals, li) == 0
    assert api.post(path, json={"reason": "again"}, token=token, key="c2").status_code == 409


# --- apart ---


def test_a_reward_whose_kind_is_off_waits_alone_and_is_paid_when_it_is_back(
    referrals: Context, tenant: Context, member: Make, invited: Any, drain: Run, clock: ManualClock
) -> None:
    tenants.disable_plugin(tenant, "gifts")
    li = member()
    friend = invited(li)
    assert available(referrals, li) == 50
    [waiting] = ReferralsReward.scoped(referrals).select().where(ReferralsReward.state == "waiting")
    assert (waiting.member, waiting.role) == (friend.id, "invitee")
    [job] = Job.scoped(referrals).select().where(Job.kind == "referrals.pay", Job.state == "queued")
    assert "gifts" in job.error
    tenants.enable_plugin(tenant, "gifts")
    clock.advance(hours=2)
    drain()
    assert ReferralsReward.scoped(referrals).get(ReferralsReward.id == waiting.id).state == "given"


def test_an_imported_registration_binds_nobody(referrals: Context, tenant: Context, member: Make, drain: Run) -> None:
    li = member()
    friend = member(ctx=tenant.imported(), invitation=relations.invitation(referrals, li.id)[0])
    drain()
    assert ReferralsRelation.scoped(referrals).first(ReferralsRelation.invitee == friend.id) is None


def test_a_member_takes_away_when_friends_came_but_nothing_of_who_they_are(
    referrals: Context, tenant: Context, member: Make, invited: Any
) -> None:
    li = member()
    friend = invited(li)
    with tenant.transaction():
        told = members.export(tenant, li.id)
    mine = told["plugins"]["referrals"]
    assert [entry["state"] for entry in mine["invited"]] == ["bound"]
    assert str(friend.id) not in str(mine)


def test_the_plugin_conforms(assert_plugin_conforms: Callable[[str], None]) -> None:
    assert_plugin_conforms("referrals")
