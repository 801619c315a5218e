"""A period's end: kept or one level down; the notice before; levels by hand."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from core import members, points
from core.clock import ManualClock
from core.contract.context import Context
from core.errors import Invalid
from core.events.models import Event
from core.ids import new_id
from core.members import MemberView
from plugins.levels import service
from plugins.levels.models import LevelsHistory, LevelsStanding
from plugins.levels.schemas import NewManualLevel

Make = Callable[..., MemberView]
Run = Callable[[], int]


@pytest.fixture(autouse=True)
def _on(enable_plugin: Callable[..., None]) -> None:
    enable_plugin("levels")


def earn(ctx: Context, member: MemberView, amount: int) -> None:
    with ctx.transaction():
        points.credit(ctx, member.id, "growth", amount, key=str(new_id()), reason="purchase")


def level(ctx: Context, member: MemberView) -> str:
    with ctx.transaction():
        return members.get(ctx, member.id).level


def days_pass(clock: ManualClock, tick: Run, days: int) -> None:
    for _ in range(days // 30):
        clock.advance(days=30)
        tick()
    clock.advance(days=days % 30)
    tick()


def facts(ctx: Context, name: str) -> list[str]:
    return [row.body for row in Event.scoped(ctx).select().where(Event.name == name).order_by(Event.id)]


def test_without_new_growth_a_level_falls_one_step_a_period(
    tenant: Context, member: Make, drain: Run, tick: Run, clock: ManualClock
) -> None:
    li = member()
    earn(tenant, li, 2500)
    drain()
    assert level(tenant, li) == "platinum"
    days_pass(clock, tick, 366)
    assert level(tenant, li) == "gold"
    days_pass(clock, tick, 366)
    assert level(tenant, li) == "silver"
    days_pass(clock, tick, 366)
    assert level(tenant, li) == "bronze"
    days_pass(clock, tick, 366)
    assert level(tenant, li) == "bronze"
    moves = LevelsHistory.scoped(tenant).select().where(LevelsHistory.reason == "requalified")
    assert [(m.old, m.new) for m in moves.order_by(LevelsHistory.at)] == [
        ("platinum", "gold"),
        ("gold", "silver"),
        ("silver", "bronze"),
    ]


def test_growth_earned_again_keeps_the_level_for_another_period(
    tenant: Context, member: Make, drain: Run, tick: Run, clock: ManualClock
) -> None:
    li = member()
    earn(tenant, li, 150)
    drain()
    days_pass(clock, tick, 200)
    earn(tenant, li, 120)
    days_pass(clock, tick, 166)
    assert level(tenant, li) == "silver"
    [kept] = LevelsHistory.scoped(tenant).select().where(LevelsHistory.reason == "kept")
    assert kept.growth == 120
    [standing] = LevelsStanding.scoped(tenant).select()
    assert standing.period_end > tenant.today() + timedelta(days=360)


def every_day(clock: ManualClock, tick: Run, days: int) -> None:
    """Let days pass one by one, as they do for a worker."""
    for _ in range(days):
        clock.advance(days=1)
        tick()


def test_what_raised_a_member_does_not_keep_them_and_notice_comes_thirty_days_before(
    tenant: Context, member: Make, drain: Run, tick: Run, clock: ManualClock, api: Any
) -> None:
    li, safe = member(), member()
    earn(tenant, li, 150)
    earn(tenant, safe, 150)
    drain()
    end = date(2027, 11, 22)
    days_pass(clock, tick, 334)
    assert facts(tenant, "level_at_risk") == []
    earn(tenant, li, 30)
    earn(tenant, safe, 100)
    drain()
    every_day(clock, tick, 2)
    [told] = [json.loads(body) for body in facts(tenant, "level_at_risk")]
    assert (told["member"], told["falls_to"], told["missing"]) == (str(li.id), "bronze", 70)
    assert date.fromisoformat(told["ends_on"]) == end == tenant.today() + timedelta(days=29)
    assert api.get("/v1/levels/me", token=api.as_member(li)).json["keep_missing"] == 70
    every_day(clock, tick, 28)
    assert (level(tenant, li), tenant.today()) == ("silver", end - timedelta(days=1))
    every_day(clock, tick, 1)
    assert (level(tenant, li), level(tenant, safe)) == ("bronze", "silver")
    assert len(facts(tenant, "level_at_risk")) == 1


def test_a_level_by_hand_ends_on_its_day_and_becomes_what_growth_earned(
    tenant: Context, member: Make, drain: Run, tick: Run, clock: ManualClock
) -> None:
    li = member()
    earn(tenant, li, 150)
    drain()
    until = tenant.today() + timedelta(days=10)
    with tenant.transaction():
        service.give_by_hand(
            tenant.for_plugin("levels"),
            NewManualLevel(member=li.id, level="platinum", until=until, reason="guest of honour"),
        )
    assert level(tenant, li) == "platinum"
    days_pass(clock, tick, 10)
    assert level(tenant, li) == "platinum"
    assert facts(tenant, "manual_level_ended") == []
    days_pass(clock, tick, 1)
    assert level(tenant, li) == "silver"
    assert len(facts(tenant, "manual_level_ended")) == 1


def test_thirty_days_before_a_level_by_hand_ends_its_member_is_told_once(
    tenant: Context, member: Make, drain: Run, tick: Run, clock: ManualClock
) -> None:
    li, rich = member(), member()
    earn(tenant, rich, 2500)
    drain()
    until = tenant.today() + timedelta(days=40)
    for one in (li, rich):  # growth keeps the second where staff put them
        with tenant.transaction():
            service.set_by_hand(tenant.for_plugin("levels"), one.id, "platinum", until, "guest of honour")
    every_day(clock, tick, 9)
    assert facts(tenant, "manual_level_ending") == []
    every_day(clock, tick, 3)
    [told] = [json.loads(body) for body in facts(tenant, "manual_level_ending")]
    assert (told["member"], told["level"], told["falls_to"], told["ends_on"]) == (
        str(li.id),
        "platinum",
        "bronze",
        until.isoformat(),
    )


def test_a_level_by_hand_names_no_passed_level_so_that_no_growth_gift_follows(
    tenant: Context, member: Make, drain: Run
) -> None:
    li = member()
    drain()
    with tenant.transaction():
        service.set_by_hand(tenant.for_plugin("levels"), li.id, "gold", tenant.today(), "why not")
    assert '"passed":[]' in facts(tenant, "level_up")[0]


@pytest.mark.parametrize(("code", "days"), [("diamond", 5), ("gold", -1)])
def test_an_unknown_level_or_a_day_in_the_past_is_refused(
    tenant: Context, member: Make, drain: Run, code: str, days: int
) -> None:
    li = member()
    drain()
    with pytest.raises(Invalid), tenant.transaction():
        service.set_by_hand(tenant.for_plugin("levels"), li.id, code, tenant.today() + timedelta(days=days), "no")
    assert level(tenant, li) == "bronze"


def test_an_erased_members_standing_is_gone(tenant: Context, member: Make, drain: Run) -> None:
    li = member()
    earn(tenant, li, 150)
    drain()
    with tenant.transaction():
        exported = members.export(tenant, li.id)["plugins"]["levels"]
        members.erase(tenant, li.id, "asked for it")
    assert exported["standing"]["level"] == "silver"
    assert [(told["old"], told["new"], told["reason"]) for told in exported["history"]] == [
        ("bronze", "silver", "growth")
    ]
    assert LevelsStanding.scoped(tenant).select().count() == LevelsHistory.scoped(tenant).select().count() == 0


def test_a_survivor_keeps_the_history_of_both(tenant: Context, member: Make, drain: Run) -> None:
    li, double = member(), member()
    for one in (li, double):
        earn(tenant, one, 150)
    drain()
    with tenant.transaction():
        members.merge(tenant, li.id, double.id, "one person")
    assert {row.member for row in LevelsHistory.scoped(tenant).select()} == {li.id}
    assert [row.member for row in LevelsStanding.scoped(tenant).select()] == [li.id]


# --- over HTTP ---


def test_a_member_reads_the_ladder_and_where_they_stand(tenant: Context, member: Make, drain: Run, api: Any) -> None:
    li = member()
    earn(tenant, li, 150)
    drain()
    token = api.as_member(li)
    ladder = api.get("/v1/levels", token=token).json
    assert [(level["code"], level["threshold"]) for level in ladder["items"]] == [
        ("bronze", 0),
        ("silver", 100),
        ("gold", 500),
        ("platinum", 2000),
    ]
    assert ladder["items"][1]["name"] == "银卡"
    mine = api.get("/v1/levels/me", token=token, headers={"Accept-Language": "en"}).json
    assert (mine["level"]["name"], mine["growth"], mine["next"]["code"], mine["missing"]) == (
        "Silver",
        150,
        "gold",
        350,
    )
    assert date.fromisoformat(mine["period_end"]) == date(2027, 11, 22)
    assert api.get("/v1/levels/me").status_code == 401


def test_levels_are_not_there_when_the_plugin_is_off(tenant: Context, member: Make, api: Any) -> None:
    from core import tenants

    token = api.as_member(member())
    tenants.disable_plugin(tenant, "levels")
    assert api.get("/v1/levels/me", token=token).status_code == 404


def test_staff_set_a_level_over_http_and_it_is_audited(tenant: Context, member: Make, drain: Run, api: Any) -> None:
    li = member()
    drain()
    token = api.as_staff("levels.view", "levels.edit")
    body = {"member": str(li.id), "level": "gold", "until": "2026-12-31", "reason": "competition winner"}
    made = api.post("/admin/v1/levels/standings", json=body, token=token)
    assert made.status_code == 201, made.text
    assert level(tenant, li) == "gold"
    seen = api.get("/admin/v1/levels/history", token=token).json["items"]
    assert [(row["new"], row["reason"], row["words"]) for row in seen] == [("gold", "manual", "competition winner")]
    ended = api.post(f"/admin/v1/levels/standings/{made.json['id']}/end", json={"reason": "was a mistake"}, token=token)
    assert ended.status_code == 200, ended.text
    assert level(tenant, li) == "bronze"
    assert api.post("/admin/v1/levels/standings", json=body, token=api.as_staff("levels.view")).status_code == 403


def test_the_plugin_conforms(assert_plugin_conforms: Callable[[str], None]) -> None:
    assert_plugin_conforms("levels")
