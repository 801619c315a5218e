"""The three moments: a birthday, a level reached, a conversion."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from core import members, rewards, tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.members import MemberView
from plugins.gifts.giving import days_kept_on
from plugins.gifts.models import GiftsRule, GiftsWelcomed
from plugins.gifts.rules import EVERYONE, create
from plugins.gifts.schemas import RuleIn
from roost import blind

Make = Callable[..., MemberView]
Run = Callable[[], int]
BIRTHDAY = date(1990, 11, 25)


def born(ctx: Context, member: MemberView, day: date = BIRTHDAY) -> MemberView:
    with ctx.transaction():
        return members.update_profile(ctx, member.id, {"birthday": day})


def at(clock: ManualClock, *when: int) -> None:
    """Move the clock to an instant of Shanghai."""
    clock.set(datetime(*when, tzinfo=UTC) - timedelta(hours=8))


# --- new member ---


def test_a_conversion_brings_the_welcome_once(
    gifts: Context, member: Make, convert: Any, claims: Any, available: Any, drain: Run, clock: ManualClock
) -> None:
    li = member()
    drain()
    assert available(li) == 0
    convert(li)
    assert available(li) == 200
    [voucher] = claims(li)
    assert (voucher.kind, voucher.state, voucher.amount_fen, voucher.moment) == (
        "voucher",
        "ready",
        5000,
        "new_member",
    )
    clock.advance(days=300)
    convert(li, state="lapsed", version=1)
    convert(li, version=2)
    assert available(li) == 200
    assert len(claims(li)) == 1


def test_a_phone_that_left_and_comes_again_is_welcomed_once(
    gifts: Context, tenant: Context, member: Make, convert: Any, available: Any, clock: ManualClock, tick: Run
) -> None:
    def come_and_go(phone: str) -> int:
        one = member(phone=phone)
        convert(one)
        had: int = available(one)
        with tenant.transaction():
            members.erase(tenant, one.id, "asked for it")
        return had

    assert [come_and_go("13812345678") for _ in range(2)] == [200, 0]
    assert come_and_go("13912345678") == 200
    [kept] = (
        GiftsWelcomed.scoped(gifts).select().where(GiftsWelcomed.phone_blind == blind(gifts, "phone", "+8613812345678"))
    )
    assert kept.phone is None
    clock.advance(days=366)
    tick()
    assert GiftsWelcomed.scoped(gifts).select().count() == 0
    assert come_and_go("13812345678") == 200


def test_an_imported_conversion_brings_nothing(
    gifts: Context, tenant: Context, member: Make, convert: Any, claims: Any, available: Any
) -> None:
    li = member()
    convert(li, ctx=tenant.imported())
    assert (available(li), claims(li)) == (0, [])


def test_a_refund_within_seven_days_takes_the_welcome_back(
    gifts: Context, member: Make, convert: Any, claims: Any, available: Any, clock: ManualClock
) -> None:
    li = member()
    convert(li, valid_until=date(2027, 11, 22))
    clock.advance(days=6)
    convert(li, state="lapsed", valid_until=date(2027, 11, 22), version=1)
    assert available(li) == 0
    assert [c.state for c in claims(li)] == ["revoked"]


def test_a_lapse_after_seven_days_or_at_the_natural_end_takes_nothing_back(
    gifts: Context, member: Make, convert: Any, available: Any, clock: ManualClock
) -> None:
    late, short = member(), member()
    convert(late, valid_until=date(2027, 11, 22))
    convert(short, valid_until=date(2026, 11, 25))  # a card of three days
    clock.advance(days=4)
    convert(short, state="lapsed", valid_until=date(2026, 11, 25), version=1)
    assert available(short) == 200
    clock.advance(days=4)
    convert(late, state="lapsed", valid_until=date(2027, 11, 22), version=1)
    assert available(late) == 200


# --- growth ---


def test_a_level_reached_brings_its_gift_once_for_life(
    gifts: Context, tenant: Context, member: Make, earn: Any, claims: Any, drain: Run
) -> None:
    li = member()
    earn(li, 150)
    assert [(c.name, c.kind, c.state) for c in claims(li)] == [("运动毛巾", "physical", "offered")]
    with tenant.transaction():
        members.set_level(tenant, li.id, "bronze", up=False)
        members.set_level(tenant, li.id, "silver", passed=("silver",), up=True)
    drain()
    assert len(claims(li)) == 1


def test_once_per_level_for_life_holds_whatever_rules_come_and_go(
    gifts: Context, tenant: Context, member: Make, earn: Any, claims: Any, drain: Run, available: Any
) -> None:
    li = member()
    earn(li, 150)
    had = available(li)
    points = [rewards.RewardSpec(kind="points", spec={"amount": 77})]
    with gifts.transaction():
        GiftsRule.scoped(gifts).update(active=False).where(GiftsRule.standard == "growth_silver").execute()
        for level in ("silver", ""):
            create(gifts, RuleIn(name="新成长礼", moment="growth", level=level, states=EVERYONE, rewards=points))
        members.set_level(tenant, li.id, "bronze", up=False)
        members.set_level(tenant, li.id, "silver", passed=("silver",), up=True)
    drain()
    assert (len(claims(li)), available(li)) == (1, had)
    earn(li, 400)  # gold: for the first time
    assert (len(claims(li)), available(li)) == (2, had + 77)


def test_jumping_two_levels_brings_both_gifts(gifts: Context, member: Make, earn: Any, claims: Any) -> None:
    li = member()
    earn(li, 700)
    assert [c.name for c in claims(li)] == ["运动毛巾", "运动水壶"]


def test_a_level_up_of_an_import_brings_nothing(
    gifts: Context, tenant: Context, member: Make, drain: Run, claims: Any
) -> None:
    from core import points

    li = member()
    drain()
    ctx = tenant.imported()
    with ctx.transaction():
        points.credit(ctx, li.id, "growth", 3000, key="old", reason="purchase")
    drain()
    assert members.get(tenant, li.id).level == "platinum"
    assert claims(li) == []


# --- birthday ---


@pytest.mark.parametrize(
    ("day", "kept"),
    [
        (date(2027, 2, 28), [(2, 28), (2, 29)]),
        (date(2028, 2, 28), [(2, 28)]),
        (date(2028, 2, 29), [(2, 29)]),
        (date(2100, 2, 28), [(2, 28), (2, 29)]),
        (date(2027, 3, 1), [(3, 1)]),
    ],
)
def test_a_leap_days_birthday_is_kept_on_the_28th_of_short_years(day: date, kept: list[tuple[int, int]]) -> None:
    assert days_kept_on(day) == kept


def test_a_birthday_gift_comes_at_five_past_midnight_in_the_tenants_time(
    gifts: Context, member: Make, tick: Run, clock: ManualClock, available: Any, convert: Any, tenant: Context
) -> None:
    li, lead = born(tenant, member(state="member")), born(tenant, member())
    tick()
    base = available(li)
    at(clock, 2026, 11, 25, 0, 4)
    tick()
    assert available(li) == base
    at(clock, 2026, 11, 25, 0, 5)
    tick()
    assert available(li) == base + 50
    assert available(lead) == 0
    assert rewards.why(tenant, lead.id, 1)[0].reason == "condition:state"
    at(clock, 2026, 11, 25, 23, 0)
    tick()
    assert available(li) == base + 50


def test_the_gift_is_that_of_the_members_level(
    gifts: Context, tenant: Context, member: Make, tick: Run, earn: Any, clock: ManualClock, available: Any
) -> None:
    li = born(tenant, member(state="member"))
    earn(li, 600)
    before = available(li)
    at(clock, 2026, 11, 25, 0, 10)
    tick()
    assert available(li) == before + 200


def test_once_a_calendar_year_also_when_the_birthday_moves(
    gifts: Context, tenant: Context, member: Make, tick: Run, clock: ManualClock, available: Any
) -> None:
    li = born(tenant, member(state="member"), date(1990, 1, 15))
    at(clock, 2027, 1, 15, 0, 10)
    tick()
    before = available(li)
    born(tenant, li, date(1990, 6, 15))
    at(clock, 2027, 6, 15, 0, 10)
    tick()
    assert available(li) == before
    at(clock, 2028, 6, 15, 0, 10)
    tick()
    assert available(li) == before + 50


def test_an_edit_in_the_thirty_days_before_brings_none(
    gifts: Context, tenant: Context, member: Make, tick: Run, clock: ManualClock, available: Any
) -> None:
    li = born(tenant, member(state="member"), date(1990, 1, 1))
    tick()
    before = available(li)
    born(tenant, li, BIRTHDAY)
    at(clock, 2026, 11, 25, 0, 10)
    tick()
    assert available(li) == before
    assert rewards.why(tenant, li.id, 1)[0].reason == "birthday_edited_lately"


@pytest.mark.parametrize("days", [1, 30])
def test_a_birthday_first_entered_in_the_thirty_days_before_brings_none_this_year(
    gifts: Context, tenant: Context, member: Make, tick: Run, clock: ManualClock, available: Any, api: Any, days: int
) -> None:
    tick()
    at(clock, 2026, 12, 31 - days, 12, 0)
    li = member(state="member")
    done = api.patch("/v1/me", json={"birthday": "1990-12-31"}, token=api.as_member(li))
    assert done.status_code == 200, done.text
    tick()
    before = available(li)
    at(clock, 2026, 12, 31, 0, 10)
    tick()
    assert available(li) == before
    assert rewards.why(tenant, li.id, 1)[0].reason == "birthday_edited_lately"
    at(clock, 2027, 12, 31, 0, 10)
    tick()
    assert available(li) == before + 50


def test_a_birthday_entered_earlier_brings_its_gift(
    gifts: Context, member: Make, tick: Run, clock: ManualClock, available: Any, api: Any
) -> None:
    li = member(state="member")
    tick()
    before = available(li)
    api.patch("/v1/me", json={"birthday": "1990-12-24"}, token=api.as_member(li))  # 32 days ahead
    at(clock, 2026, 12, 24, 0, 10)
    tick()
    assert available(li) == before + 50


def test_a_birthday_moved_to_yesterday_is_not_caught_up(
    gifts: Context, tenant: Context, member: Make, tick: Run, clock: ManualClock, available: Any
) -> None:
    li = born(tenant, member(state="member"), date(1990, 1, 1))
    tick()
    before = available(li)
    at(clock, 2026, 11, 26, 8, 0)  # the worker has stood still since the 22nd
    born(tenant, li, BIRTHDAY)
    tick()
    assert available(li) == before


def test_after_a_halt_nobodys_birthday_of_the_week_is_forgotten(
    gifts: Context, tenant: Context, member: Make, tick: Run, clock: ManualClock, available: Any
) -> None:
    li = born(tenant, member(state="member"))
    tick()
    before = available(li)
    at(clock, 2026, 11, 28, 12, 0)
    tick()
    assert available(li) == before + 50


# --- rules ---


def test_staff_decide_what_is_given(
    gifts: Context, tenant: Context, member: Make, convert: Any, available: Any, api: Any
) -> None:
    token = api.as_staff("gifts.rules")
    gift = {"code": "tea", "name": "茶", "kind": "virtual", "terms": "前台领取"}
    assert api.post("/admin/v1/gifts/gifts", json=gift, token=token).status_code == 201
    rule = {
        "name": "茶礼",
        "moment": "new_member",
        "rewards": [{"kind": "gift", "spec": {"gift": "tea"}}, {"kind": "points", "spec": {"amount": 7}}],
    }
    made = api.post("/admin/v1/gifts/rules", json=rule, token=token)
    assert made.status_code == 201, made.text
    changed = api.patch(
        f"/admin/v1/gifts/rules/{made.json['id']}",
        json={**rule, "rewards": [{"kind": "points", "spec": {"amount": 9}}]},
        token=token,
    )
    assert (changed.status_code, changed.json["version"]) == (200, 2)
    li = member()
    convert(li)
    assert available(li) == 209


def test_a_rule_that_names_an_unknown_gift_is_refused(gifts: Context, api: Any) -> None:
    rule = {
        "name": "x",
        "moment": "growth",
        "level": "gold",
        "rewards": [{"kind": "gift", "spec": {"gift": "nothing"}}],
    }
    refused = api.post("/admin/v1/gifts/rules", json=rule, token=api.as_staff("gifts.rules"))
    assert refused.status_code == 409
    assert refused.json["code"] == "gift_missing"


def test_a_tenant_that_wants_no_standard_rules_has_none_and_everything_goes_on(
    tenant: Context,
    member: Make,
    enable_plugin: Callable[..., None],
    convert: Any,
    earn: Any,
    available: Any,
    tick: Run,
) -> None:
    enable_plugin("gifts", standard_rules=False)
    li = member()
    convert(li)
    earn(li, 600)
    tick()
    assert available(li) == 0
    assert GiftsRule.scoped(tenant).select().count() == 0


def test_the_standard_rules_are_written_once_and_stay_changed(
    gifts: Context, tenant: Context, tick: Run, clock: ManualClock
) -> None:
    clock.advance(minutes=11)
    tick()
    count = GiftsRule.scoped(tenant).select().count()
    assert count == 8
    GiftsRule.scoped(tenant).update(active=False).execute()
    clock.advance(minutes=11)
    tick()
    rows = list(GiftsRule.scoped(tenant).select())
    assert len(rows) == count
    assert not any(row.active for row in rows)


def test_a_gift_that_is_out_of_stock_is_refused_with_its_reason_and_nothing_half_given(
    gifts: Context, tenant: Context, member: Make, convert: Any, claims: Any, available: Any, api: Any
) -> None:
    token = api.as_staff("gifts.rules")
    api.post(
        "/admin/v1/gifts/gifts",
        json={"code": "cap", "name": "帽", "kind": "physical", "stock": 1},
        token=token,
    )
    with gifts.transaction():
        create(
            gifts,
            RuleIn(
                name="帽子",
                moment="new_member",
                rewards=[
                    rewards.RewardSpec(kind="points", spec={"amount": 5}),
                    rewards.RewardSpec(kind="gift", spec={"gift": "cap"}),
                ],
            ),
        )
    first, second = member(), member()
    convert(first)
    convert(second)
    assert (available(first), available(second)) == (205, 200)
    assert "cap" not in [c.name for c in claims(second)]
    assert "sold_out" in [row.reason for row in rewards.why(tenant, second.id, 10)]


def test_off_means_that_nothing_is_given(
    gifts: Context, tenant: Context, member: Make, convert: Any, available: Any
) -> None:
    tenants.disable_plugin(tenant, "gifts")
    object.__setattr__(tenant, "tenant", tenants.by_id(tenant.tenant.id))
    li = member()
    convert(li)
    assert available(li) == 0


def test_the_plugin_conforms(assert_plugin_conforms: Callable[[str], None]) -> None:
    assert_plugin_conforms("gifts")
