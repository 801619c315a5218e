"""Lead, member, lapsed; levels; merge and its undo; export; erasure; the member code."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from core import db, identity, members, points
from core.clock import ManualClock
from core.contract.context import Actor, Context
from core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized
from core.events.models import Event
from core.members import Member, MemberView
from core.runtime import Runtime

Make = Callable[..., MemberView]


def set_membership(ctx: Context, member: MemberView, state: str, **more: Any) -> bool:
    return ctx.run(lambda: members.set_membership(ctx, member.id, state=state, **more))  # type: ignore[arg-type]


def get(ctx: Context, member: MemberView | UUID) -> MemberView:
    with ctx.transaction():
        return members.get(ctx, member if isinstance(member, UUID) else member.id)


def told(ctx: Context, *names: str) -> list[tuple[str, dict[str, Any]]]:
    with ctx.transaction():
        events = Event.scoped(ctx).select().where(Event.name.in_(names)).order_by(Event.recorded_at, Event.id)
        return [(e.name, json.loads(e.body)) for e in events]


# --- lifecycle ----------------------------------------------------------------------------------------------


def test_a_lead_converts_once_in_life_and_a_return_after_a_lapse_is_no_conversion(
    tenant: Context, member: Make, clock: ManualClock
) -> None:
    one = member()
    first = clock.now()
    assert set_membership(tenant, one, "member", valid_until=date(2027, 11, 22), version=1)
    clock.advance(days=400)
    assert set_membership(tenant, one, "lapsed", valid_until=date(2027, 11, 22), version=2)
    assert set_membership(tenant, one, "member", valid_until=date(2028, 12, 31), version=3)

    names = [name for name, _ in told(tenant, "member_converted", "member_updated")]
    assert names == ["member_converted", "member_updated", "member_updated"]
    view = get(tenant, one)
    assert (view.state, view.converted_at, view.valid_until) == ("member", first, date(2028, 12, 31))


def test_news_that_comes_late_changes_nothing(tenant: Context, member: Make) -> None:
    one = member()
    assert set_membership(tenant, one, "member", valid_until=date(2027, 1, 1), version=5)
    assert not set_membership(tenant, one, "lapsed", version=4)
    assert not set_membership(tenant, one, "member", valid_until=date(2027, 1, 1), version=5)
    assert get(tenant, one).state == "member"
    assert len(told(tenant, "member_converted", "member_updated")) == 1


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (3, 1, 2)])
def test_shuffled_news_ends_in_the_newest_state_with_one_conversion(
    tenant: Context, member: Make, order: tuple[int, ...]
) -> None:
    one = member()
    news: dict[int, dict[str, Any]] = {
        1: {"state": "member", "valid_until": date(2027, 1, 1)},
        2: {"state": "member", "valid_until": date(2027, 1, 1), "frozen": True},
        3: {"state": "member", "valid_until": date(2027, 6, 1)},
    }
    for version in order:
        set_membership(tenant, one, version=version, **news[version])

    view = get(tenant, one)
    assert (view.state, view.valid_until, view.frozen) == ("member", date(2027, 6, 1), False)
    assert len(told(tenant, "member_converted")) == 1


def test_who_is_first_heard_of_as_lapsed_does_not_convert_when_they_return(tenant: Context, member: Make) -> None:
    one = member()
    set_membership(tenant, one, "lapsed", version=1)
    set_membership(tenant, one, "member", version=2)

    assert told(tenant, "member_converted") == []


def test_a_level_is_set_once_and_tells_every_step(tenant: Context, member: Make) -> None:
    one = member()
    with tenant.transaction():
        assert members.set_level(tenant, one.id, "gold", passed=("silver", "gold"), up=True)
        assert not members.set_level(tenant, one.id, "gold", up=True)
        assert members.set_level(tenant, one.id, "silver", up=False)
    (up, down) = told(tenant, "level_up", "level_down")
    assert up == ("level_up", {"member": str(one.id), "old": "", "new": "gold", "passed": ["silver", "gold"]})
    assert down == ("level_down", {"member": str(one.id), "old": "gold", "new": "silver"})
    assert get(tenant, one).level == "silver"


def test_class_and_level_are_apart(tenant: Context, member: Make) -> None:
    one = member()
    with tenant.transaction():
        members.set_level(tenant, one.id, "gold", up=True)
        assert members.set_class(tenant, one.id, "vip", "the owner's friend")
        assert not members.set_class(tenant, one.id, "vip", "again")
    view = get(tenant, one)
    assert (view.level, view.class_) == ("gold", "vip")


# --- merge --------------------------------------------------------------------------------------------------


def merge(ctx: Context, member: MemberView, merged: MemberView) -> MemberView:
    return ctx.run(lambda: members.merge(ctx, member.id, merged.id, "one person"))


def credit(ctx: Context, member: MemberView, amount: int, key: str) -> None:
    ctx.run(lambda: points.credit(ctx, member.id, "points", amount, key=key, reason="test"))


def balance(ctx: Context, member: MemberView) -> int:
    with ctx.transaction():
        return points.balance(ctx, member.id).available


def test_a_merge_joins_two_records_and_both_ids_lead_to_the_survivor(tenant: Context, member: Make) -> None:
    kept, gone = member(name="Li Lei"), member(name="Lei Li", phone="13800005678", state="member")
    tenant.run(lambda: members.link_identity(tenant, gone.id, "wechat", "open-1"))
    credit(tenant, kept, 10, "a")
    credit(tenant, gone, 32, "b")

    with tenant.transaction():
        preview = members.merge_preview(tenant, kept.id, gone.id)
    assert (preview.blockers, preview.assets, preview.identities) == ((), {"points": 32}, 1)
    assert "membership" in preview.taken
    assert set(preview.differing) == {"name", "phone"}
    assert balance(tenant, kept) == 10

    view = merge(tenant, kept, gone)
    assert (view.id, view.name, view.state) == (kept.id, "Li Lei", "member")
    with tenant.transaction():
        assert members.get(tenant, gone.id) == view
        assert members.resolve(tenant, gone.id) == kept.id
        assert members.find_by_phone(tenant, "13800005678") == view
        assert members.find_by_identity(tenant, "wechat", "open-1") == view
        assert members.get_many(tenant, [gone.id, kept.id]) == {gone.id: view, kept.id: view}
        assert [m.id for m in members.find(tenant).items] == [kept.id]
        assert members.register(tenant, channel="wechat", phone="13800005678") == (view, False)
    assert balance(tenant, kept) == 42
    assert balance(tenant, gone) == 0
    assert told(tenant, "member_merged") == [("member_merged", {"member": str(kept.id), "merged": str(gone.id)})]


def test_what_a_merged_member_earned_and_spent_is_taken_back_with_the_survivor(tenant: Context, member: Make) -> None:
    kept, gone = member(name="Li Lei"), member(name="Lei Li", phone="13800005678")
    earned = tenant.run(lambda: points.credit(tenant, gone.id, "points", 100, key="e", reason="test"))
    spent = tenant.run(lambda: points.debit(tenant, gone.id, "points", 40, key="s", reason="test"))
    merge(tenant, kept, gone)
    assert (balance(tenant, kept), balance(tenant, gone)) == (60, 0)
    for _ in range(2):
        tenant.run(lambda: points.reverse(tenant, spent.id, key="back", amount=30, reason="refund"))
    assert (balance(tenant, kept), balance(tenant, gone)) == (90, 0)
    for _ in range(2):
        tenant.run(lambda: points.reverse(tenant, earned.id, key="gone", amount=50, reason="refund"))
    assert (balance(tenant, kept), balance(tenant, gone)) == (40, 0)
    with tenant.transaction():
        assert points.balance(tenant, gone.id).owed == 0


def test_a_merge_taken_back_restores_both(tenant: Context, member: Make) -> None:
    kept = tenant.run(lambda: members.register(tenant, channel="wechat", external_id="open-1")[0])
    gone = member(name="Lei Li", phone="13800005678", state="member")
    before = get(tenant, kept), get(tenant, gone)
    tenant.run(lambda: members.link_identity(tenant, gone.id, "saas", "C-1"))
    credit(tenant, gone, 32, "b")
    view = merge(tenant, kept, gone)
    assert (view.name, view.phone_masked) == ("Lei Li", "138****5678")

    undone = tenant.run(lambda: members.unmerge(tenant, gone.id, "two people after all"))

    assert (undone.returned, undone.short, undone.kept) == ({"points": 32}, {}, ())
    assert (get(tenant, kept), get(tenant, gone)) == before
    with tenant.transaction():
        found = members.find_by_phone(tenant, "13800005678"), members.find_by_identity(tenant, "saas", "C-1")
        assert [f.id for f in found if f] == [gone.id, gone.id]
        assert points.verify(tenant) == []
    assert (balance(tenant, kept), balance(tenant, gone)) == (0, 32)
    with pytest.raises(NotFound):
        tenant.run(lambda: members.unmerge(tenant, gone.id, "again"))
    assert merge(tenant, kept, gone).id == kept.id


def test_what_was_spent_or_changed_since_the_merge_stays_and_is_said(tenant: Context, member: Make) -> None:
    kept = tenant.run(lambda: members.register(tenant, channel="wechat", name="Li Lei")[0])
    gone = member(phone="13800005678", state="member")
    credit(tenant, gone, 32, "b")
    merge(tenant, kept, gone)
    with tenant.transaction():
        points.debit(tenant, kept.id, "points", 20, key="c", reason="spent")
        members.change_phone(tenant, kept.id, "13700001111")
    set_membership(tenant, kept, "lapsed", version=9)

    undone = tenant.run(lambda: members.unmerge(tenant, gone.id, "two people"))

    assert (undone.returned, undone.short) == ({"points": 12}, {"points": 20})
    assert set(undone.kept) == {"phone", "membership"}
    assert get(tenant, kept).phone_masked == "137****1111"
    with tenant.transaction():
        found = members.find_by_phone(tenant, "13800005678")
    assert found is not None
    assert found.id == gone.id


def test_a_merge_is_final_after_thirty_days(tenant: Context, member: Make, clock: ManualClock) -> None:
    kept, gone = member(), member()
    merge(tenant, kept, gone)
    clock.advance(days=31)
    with pytest.raises(Conflict) as caught:
        tenant.run(lambda: members.unmerge(tenant, gone.id, "too late"))
    assert caught.value.code == "too_late"


def test_merges_of_merges_resolve_and_come_apart_in_order(tenant: Context, member: Make) -> None:
    one, two, three = member(), member(), member()
    merge(tenant, two, three)
    merge(tenant, one, two)
    assert get(tenant, three).id == one.id
    with pytest.raises(Conflict):
        tenant.run(lambda: members.unmerge(tenant, three.id, "out of order"))
    tenant.run(lambda: members.unmerge(tenant, two.id, "no"))
    assert (get(tenant, three).id, get(tenant, two).id) == (two.id, two.id)
    tenant.run(lambda: members.unmerge(tenant, three.id, "no"))
    assert get(tenant, three).id == three.id


def test_a_merge_that_would_lose_something_is_refused_with_the_reason(
    tenant: Context, member: Make, clock: ManualClock, staff: Callable[..., Context]
) -> None:
    kept, gone = member(), member()
    credit(tenant, gone, 10, "a")
    with tenant.transaction():
        points.hold(tenant, gone.id, "points", 4, key="h", deadline=clock.now().replace(hour=23), reason="an order")
        assert "on hold" in members.merge_preview(tenant, kept.id, gone.id).blockers[0]
    with pytest.raises(Conflict, match="on hold"):
        merge(tenant, kept, gone)
    with pytest.raises(Invalid):
        merge(tenant, kept, kept)
    with pytest.raises(Forbidden):
        merge(staff("members.edit"), kept, gone)
    assert get(tenant, gone).id == gone.id


# --- taking away and being forgotten ------------------------------------------------------------------------


def test_a_member_takes_away_all_that_is_kept_of_them(
    tenant: Context, member: Make, staff: Callable[..., Context]
) -> None:
    one, other = member(name="韩梅梅", phone="13800005678"), member()
    credit(tenant, one, 10, "a")
    with tenant.transaction():
        members.link_identity(tenant, one.id, "wechat", "open-1")
        members.give_consent(tenant, one.id, "privacy", policy_version="1", channel="wechat")
        kept = members.export(tenant.acting(Actor("member", one.id)), one.id)
        for nosy in (tenant.acting(Actor("member", other.id)), staff("members.view")):
            with pytest.raises(Forbidden):
                members.export(nosy, one.id)
    assert (kept["member"]["phone"], kept["member"]["name"]) == ("+8613800005678", "韩梅梅")
    assert kept["identities"] == [{"provider": "wechat", "subject": "open-1"}]
    assert kept["consents"][0]["purpose"] == "privacy"
    assert kept["accounts"]["points"]["available"] == 10
    assert [e["amount"] for e in kept["accounts"]["points"]["entries"]] == [10]
    json.dumps(kept)


def test_an_erased_member_leaves_no_name_phone_or_way_in(tenant: Context, runtime: Runtime, member: Make) -> None:
    one = member(name="韩梅梅", phone="13800005678", state="member")
    twin = member(name="韩梅", phone="13900005678")
    with tenant.transaction():
        members.update_profile(tenant, one.id, {"birthday": "1990-01-01", "gender": "female"})
        members.link_identity(tenant, one.id, "wechat", "open-1")
    merge(tenant, one, twin)
    with tenant.transaction():
        token = identity.open_session(tenant, "member", one.id)
        code = members.member_code(tenant, one.id)
    assert identity.authenticate(runtime, token).actor.id == one.id

    own = tenant.acting(Actor("member", one.id))
    own.run(lambda: members.erase(own, one.id, "asked to"))
    tenant.run(lambda: members.erase(tenant, one.id, "twice changes nothing"))

    view = get(tenant, one)
    assert (view.name, view.phone_masked, view.birthday, view.gender, view.erased) == ("", "", None, "", True)
    with pytest.raises(Unauthorized):
        identity.authenticate(runtime, token)
    with tenant.transaction():
        assert members.find_by_phone(tenant, "13800005678") is None
        assert members.find_by_phone(tenant, "13900005678") is None
        assert members.find_by_identity(tenant, "wechat", "open-1") is None
        assert members.find(tenant).items == []
        with pytest.raises(Invalid):
            members.resolve_member_code(tenant, code)
        rows = db.fetch_all(tenant.scope, db.Sql("SELECT phone, phone_blind, phone_last_four, name FROM member"))
        assert set(rows) == {(None, None, None, None)}
        stranger, created = members.register(tenant, channel="wechat", phone="13800005678")
        assert created
        assert stranger.id != one.id
    assert told(tenant, "member_erased") == [("member_erased", {"member": str(one.id)})]
    assert not set_membership(tenant, one, "member", version=99)


def test_a_member_is_not_erased_by_others_without_reason_or_with_an_order_open(
    tenant: Context, member: Make, clock: ManualClock, staff: Callable[..., Context]
) -> None:
    one, other = member(), member()
    for nosy in (tenant.acting(Actor("member", other.id)), staff("members.edit")):
        with pytest.raises(Forbidden):
            nosy.run(lambda nosy=nosy: members.erase(nosy, one.id, "malice"))  # type: ignore[misc]  # bound now
    with pytest.raises(Invalid):
        tenant.run(lambda: members.erase(tenant, one.id, " "))
    credit(tenant, one, 10, "a")
    with tenant.transaction():
        points.hold(tenant, one.id, "points", 4, key="h", deadline=clock.now().replace(hour=23), reason="an order")
    with pytest.raises(Conflict, match="on hold"):
        tenant.run(lambda: members.erase(tenant, one.id, "asked to"))
    assert not get(tenant, one).erased


# --- the member code ----------------------------------------------------------------------------------------


def test_a_member_code_names_its_owner_for_a_minute(tenant: Context, member: Make, clock: ManualClock) -> None:
    one = member()
    with tenant.transaction():
        code = members.member_code(tenant, one.id)
        assert len(code) == 18
        assert code.isdigit()
        assert members.resolve_member_code(tenant, f"{code[:4]} {code[4:]}") == one.id
        clock.advance(seconds=49)
        assert members.member_code(tenant, one.id) != code
        assert identity.resolve_member_code(tenant, code) == one.id
        clock.advance(seconds=12)
        with pytest.raises(Invalid):
            members.resolve_member_code(tenant, code)


def test_a_member_code_cannot_be_altered_or_used_at_another_brand(
    tenant: Context, member: Make, new_tenant: Callable[..., Context]
) -> None:
    one, _ = member(), member()
    with tenant.transaction():
        code = members.member_code(tenant, one.id)
        guesses = {f"{(int(code) ^ (1 << bit)) % 10**18:018d}" for bit in range(59)} | {
            "0" * 18,
            "9" * 18,
            "",
            "x" * 18,
        }
        for guess in guesses - {code}:
            with pytest.raises(Invalid):
                members.resolve_member_code(tenant, guess)
    other = new_tenant("other")
    with other.transaction(), pytest.raises(Invalid):
        members.resolve_member_code(other, code)


def test_the_code_of_a_merged_member_names_the_survivor_and_is_found_by_an_index(tenant: Context, member: Make) -> None:
    kept, gone = member(), member()
    with tenant.transaction():
        code = members.member_code(tenant, gone.id)
    merge(tenant, kept, gone)
    with tenant.transaction():
        assert members.resolve_member_code(tenant, code) == kept.id
        if db.dialect() == "sqlite":
            query = Member.scoped(tenant).select(Member.id).where(Member.code_tag.in_([1, 2, 3]))
            plan = db.database.execute_sql("EXPLAIN QUERY PLAN " + query.sql()[0], query.sql()[1]).fetchall()
            assert "code_tag" in str(plan)
