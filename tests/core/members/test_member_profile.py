"""Profiles: who may change what, birthdays, the brand's own fields, consents, bars, lists for staff."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from core import members, tenants
from core.clock import ManualClock, local_date, local_day_end, local_time
from core.contract.context import Actor, Context
from core.contract.rest import PageQuery
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.events.models import Event
from core.ids import new_id
from core.members import Attribute, MemberFilter, MemberView

Make = Callable[..., MemberView]


def update(ctx: Context, member: MemberView, **changes: Any) -> MemberView:
    return ctx.run(lambda: members.update_profile(ctx, member.id, changes))


def acting_as(ctx: Context, member: MemberView) -> Context:
    return ctx.acting(Actor("member", member.id))


def changed(ctx: Context) -> list[str]:
    with ctx.transaction():
        events = Event.scoped(ctx).select().where(Event.name == "member_updated").order_by(Event.id)
        return [e.body for e in events]


def test_a_member_changes_their_own_profile_and_the_fact_names_only_the_fields(tenant: Context, member: Make) -> None:
    one = member()
    view = update(acting_as(tenant, one), one, name="韩梅梅", gender="female", birthday="1990-02-28", locale="en")

    assert (view.name, view.gender, view.birthday, view.locale) == (
        "韩梅梅",
        "female",
        date(1990, 2, 28),
        "en",
    )
    (body,) = changed(tenant)
    assert '"changed":["birthday","gender","locale","name"]' in body
    assert "1990" not in body


def test_saying_the_same_again_tells_nobody(tenant: Context, member: Make) -> None:
    one = member(name="Li Lei")
    update(tenant, one, name="Li Lei", gender="", venue=None, attributes={})

    assert changed(tenant) == []


def test_nobody_changes_somebody_elses_profile(tenant: Context, member: Make, staff: Callable[..., Context]) -> None:
    one, two = member(), member()
    with pytest.raises(Forbidden):
        update(acting_as(tenant, two), one, name="Mine")
    with pytest.raises(Forbidden):
        update(staff("members.view"), one, name="Mine")
    assert update(staff("members.view", "members.edit"), one, name="Corrected").name == "Corrected"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"phone": "13900000000"}, "phone"),
        ({"gender": "x"}, "gender"),
        ({"locale": "fr"}, "locale"),
        ({"name": "x" * 61}, "name"),
        ({"birthday": "1990-02-30"}, "birthday"),
        ({"birthday": "1890-01-01"}, "birthday"),
        ({"birthday": "2090-01-01"}, "birthday"),
        ({"attributes": {"shoe": 42}}, "attributes.shoe"),
        ({"consents": {"marketing": "yes"}}, "consents.marketing"),
    ],
)
def test_a_wrong_value_is_refused_with_its_path(
    tenant: Context, member: Make, changes: dict[str, Any], path: str
) -> None:
    with pytest.raises(Invalid) as caught:
        update(tenant, member(), **changes)

    assert caught.value.fields[0]["path"] == path


def test_a_birthday_is_filled_in_and_then_changed_once_a_year(
    tenant: Context, member: Make, clock: ManualClock
) -> None:
    one = member()
    own = acting_as(tenant, one)
    assert update(own, one, birthday=date(1990, 1, 1)).birthday_changed_on is None
    assert update(own, one, birthday=date(1990, 1, 2)).birthday_changed_on == date(2026, 11, 22)
    clock.advance(days=364)
    with pytest.raises(Conflict) as caught:
        update(own, one, birthday=date(1990, 1, 3))
    assert caught.value.details["again_on"] == "2027-11-22"
    with pytest.raises(Conflict):
        update(own, one, birthday=None)
    clock.advance(days=1)
    assert update(own, one, birthday=date(1990, 1, 3)).birthday == date(1990, 1, 3)
    assert update(tenant, one, birthday=date(1990, 1, 4)).birthday == date(1990, 1, 4)


def test_a_home_venue_must_be_one_of_the_brands(tenant: Context, member: Make) -> None:
    one = member()
    with tenant.transaction():
        venue = tenants.add_venue(tenant, "v1", "One")
    assert update(tenant, one, venue=venue.id).venue == venue.id
    with pytest.raises(NotFound):
        update(tenant, one, venue=new_id())


# --- the brand's own fields ---------------------------------------------------------------------------------


def test_a_brand_defines_its_own_fields_and_their_types_are_kept(tenant: Context, member: Make) -> None:
    one = member()
    with tenant.transaction():
        for attribute in (
            Attribute("shoe", "鞋码", "int", by_member=True),
            Attribute("goal", "目标", "choice", ("减脂", "增肌"), by_member=True),
            Attribute("since", "入会", "date"),
            Attribute("note", "备注", "text"),
            Attribute("vegan", "素食", "bool"),
        ):
            members.define_attribute(tenant, attribute)
    good = {"shoe": 42, "goal": "减脂", "since": "2020-02-29", "note": "likes mornings", "vegan": True}
    assert update(tenant, one, attributes=good).attributes == good
    assert "shoe" not in update(tenant, one, attributes={"shoe": None}).attributes

    for wrong in (
        {"shoe": "42"},
        {"shoe": True},
        {"goal": "躺平"},
        {"since": "2021-02-29"},
        {"note": 7},
        {"vegan": 1},
    ):
        with pytest.raises(Invalid):
            update(tenant, one, attributes=wrong)
    own = acting_as(tenant, one)
    assert update(own, one, attributes={"goal": "增肌"}).attributes["goal"] == "增肌"
    with pytest.raises(Invalid):
        update(own, one, attributes={"note": "not mine to write"})


def test_a_field_keeps_its_kind_and_can_be_put_away(tenant: Context, member: Make) -> None:
    with tenant.transaction():
        members.define_attribute(tenant, Attribute("shoe", "鞋码", "int"))
        with pytest.raises(Invalid, match="kind int"):
            members.define_attribute(tenant, Attribute("shoe", "鞋码", "text"))
        members.define_attribute(tenant, Attribute("shoe", "Shoe size", "int", active=False))
        assert members.attributes(tenant) == [Attribute("shoe", "Shoe size", "int", active=False)]
        for wrong in (
            Attribute("Shoe", "x", "int"),
            Attribute("goal", "x", "choice"),
            Attribute("n", "x", "int", ("1",)),
        ):
            with pytest.raises(Invalid):
                members.define_attribute(tenant, wrong)
    with pytest.raises(Invalid):
        update(tenant, member(), attributes={"shoe": 42})


# --- consents -----------------------------------------------------------------------------------------------


def test_a_consent_holds_until_it_is_withdrawn_and_names_its_policy(
    tenant: Context, member: Make, clock: ManualClock
) -> None:
    one = member()
    own = acting_as(tenant, one)
    update(own, one, consents={"marketing": {"given": True, "policy_version": "2026-10", "channel": "wechat"}})
    with tenant.transaction():
        assert members.has_consent(tenant, one.id, "marketing")
        assert not members.has_consent(tenant, one.id, "marketing", policy_version="2026-11")
        assert not members.has_consent(tenant, one.id, "portrait")
        given = members.consents(tenant, one.id)["marketing"]
        assert (given.policy_version, given.channel, given.at) == ("2026-10", "wechat", clock.now())
    clock.advance(days=1)
    update(own, one, consents={"marketing": {"given": False}})
    with tenant.transaction():
        assert not members.has_consent(tenant, one.id, "marketing")
        assert members.consents(tenant, one.id)["marketing"].policy_version == "2026-10"
        with pytest.raises(Invalid):
            members.give_consent(tenant, one.id, "marketing", policy_version="")
    two = member()
    with pytest.raises(Forbidden), tenant.transaction():
        members.give_consent(acting_as(tenant, two), one.id, "marketing", policy_version="1")


# --- bars ---------------------------------------------------------------------------------------------------


def test_a_barred_member_is_kept_out_of_one_function_to_the_end_of_the_last_day(
    tenant: Context, member: Make, clock: ManualClock
) -> None:
    one = member()
    with tenant.transaction():
        members.bar(tenant, one.id, "seckill", "3 unpaid orders", until=date(2026, 11, 24))
        members.require_not_barred(tenant, one.id, "lottery")
        with pytest.raises(Forbidden) as caught:
            members.require_not_barred(tenant, one.id, "seckill")
        assert caught.value.code == "barred"
    clock.advance(days=2)
    with tenant.transaction():
        assert [b.function for b in members.bars(tenant, one.id)] == ["seckill"]
    clock.advance(hours=14)  # midnight in Shanghai
    with tenant.transaction():
        members.require_not_barred(tenant, one.id, "seckill")


def test_a_bar_may_end_within_a_day(tenant: Context, member: Make, clock: ManualClock) -> None:
    one, start = member(), clock.now()
    end = start + timedelta(hours=30)
    with tenant.transaction():
        made = members.bar(tenant, one.id, "seckill", "3 unpaid orders", ends_at=end)
        assert (made.ends_at, made.until) == (end, local_date(end, tenant.tenant.zone))
        assert members.bars(tenant, one.id) == [made]
    clock.set(end - timedelta(seconds=1))
    with tenant.transaction(), pytest.raises(Forbidden) as caught:
        members.require_not_barred(tenant, one.id, "seckill")
    assert caught.value.details["until"] == local_time(end, tenant.tenant.zone).isoformat()
    clock.set(end)
    with tenant.transaction():
        members.require_not_barred(tenant, one.id, "seckill")
        for wrong in ({"ends_at": end}, {"ends_at": end + timedelta(days=2), "until": date(2030, 1, 1)}):
            with pytest.raises(Invalid):
                members.bar(tenant, one.id, "seckill", "3 unpaid orders", **wrong)


def test_a_bar_until_midnight_names_the_day_before_and_one_until_a_day_its_end(tenant: Context, member: Make) -> None:
    one, day = member(), tenant.today() + timedelta(days=3)
    midnight = local_day_end(day, tenant.tenant.zone)
    with tenant.transaction():
        for ended in ({"until": day}, {"ends_at": midnight}):
            made = members.bar(tenant, one.id, "seckill", "resells", **ended)
            assert (made.until, made.ends_at) == (day, midnight)


def test_the_later_of_two_bars_of_a_merged_member_holds(tenant: Context, member: Make, clock: ManualClock) -> None:
    one, other, start = member(), member(), clock.now()
    with tenant.transaction():
        members.bar(tenant, one.id, "seckill", "twice", ends_at=start + timedelta(hours=1))
        members.bar(tenant, other.id, "seckill", "thrice", ends_at=start + timedelta(hours=5))
        members.merge(tenant, one.id, other.id, "the same person")
    clock.advance(minutes=1)
    with tenant.transaction(), pytest.raises(Forbidden) as caught:
        members.require_not_barred(tenant, one.id, "seckill")
    assert caught.value.details["until"] == local_time(start + timedelta(hours=5), tenant.tenant.zone).isoformat()


def test_a_bar_is_lifted_after_an_appeal(tenant: Context, member: Make) -> None:
    one = member()
    with tenant.transaction():
        members.bar(tenant, one.id, "lottery", "fraud")
        members.bar(tenant, one.id, "lottery", "fraud, again")
        assert [b.reason for b in members.bars(tenant, one.id)] == ["fraud, again"]
        members.lift_bar(tenant, one.id, "lottery", "it was the brother")
        members.require_not_barred(tenant, one.id, "lottery")
        with pytest.raises(NotFound):
            members.lift_bar(tenant, one.id, "lottery", "twice")
        with pytest.raises(Invalid):
            members.bar(tenant, one.id, "lottery", "late", until=date(2026, 11, 21))


# --- lists --------------------------------------------------------------------------------------------------


def test_staff_page_through_members_newest_first_without_gaps(
    tenant: Context, member: Make, staff: Callable[..., Context]
) -> None:
    made = [member().id for _ in range(7)]
    clerk, seen, cursor = staff("members.view"), [], ""
    with tenant.transaction():
        while True:
            page = members.find(clerk, MemberFilter(), PageQuery(limit=3, cursor=cursor))
            seen += [m.id for m in page.items]
            if page.next_cursor is None:
                break
            cursor = page.next_cursor
        with pytest.raises(Invalid):
            members.find(clerk, MemberFilter(), PageQuery(cursor="'; --"))
        with pytest.raises(Forbidden):
            members.find(staff(), MemberFilter())
    assert seen == made[::-1]


def test_a_list_narrows_by_state_class_channel_and_venue(tenant: Context, member: Make) -> None:
    one, two = member(state="member"), member(channel="saas")
    with tenant.transaction():
        venue = tenants.add_venue(tenant, "v1", "One").id
        members.set_class(tenant, two.id, "staff", "joined us")
        members.set_membership(tenant, two.id, state="member", venue=venue)

        def ids(**wanted: Any) -> set[Any]:
            return {m.id for m in members.find(tenant, MemberFilter(**wanted)).items}

        assert ids(state="lead") == set()
        assert ids(state="member") == {one.id, two.id}
        assert ids(class_="staff") == ids(channel="saas") == ids(venue=venue) == {two.id}
        assert ids(level="") == {one.id, two.id}
        assert ids(phone="139 0000 0001") == {one.id}


def test_staff_of_a_venue_see_its_members_and_others_only_by_their_whole_phone(
    tenant: Context, member: Make, staff: Callable[..., Context]
) -> None:
    with tenant.transaction():
        here, there = tenants.add_venue(tenant, "v1", "One").id, tenants.add_venue(tenant, "v2", "Two").id
    mine, other, nowhere = member(venue=here), member(venue=there, phone="13800005678"), member()
    clerk = staff("members.view", "members.edit", "members.reveal", venues=(here,))
    with tenant.transaction():
        assert [m.id for m in members.find(clerk, MemberFilter()).items] == [mine.id]
        assert members.find(clerk, MemberFilter(venue=there)).items == []
        assert members.find_by_last_four(clerk, "5678") == []
        assert [m.id for m in members.find(clerk, MemberFilter(phone="13800005678")).items] == [other.id]
        assert members.get_in_scope(clerk, mine.id).id == mine.id
        for beyond in (other, nowhere):
            with pytest.raises(NotFound):
                members.get_in_scope(clerk, beyond.id)
            with pytest.raises(NotFound):
                members.update_profile(clerk, beyond.id, {"name": "x"})
            with pytest.raises(NotFound):
                members.reveal_phone(clerk, beyond.id, "wants a call back")
