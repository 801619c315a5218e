"""Visits are recorded once, and the first of a member's day earns."""

from datetime import timedelta

import pytest

from core import tenants
from core.clock import local_midnight
from core.errors import Invalid, KeyReused, NotFound
from core.events.models import Event
from core.ids import new_id
from plugins import visits
from roost import members, points, rewards

VIEW, RECORD = "visits.view", "visits.record"


@pytest.fixture(autouse=True)
def on(enable_plugin):
    enable_plugin("visits")


def come(ctx, member, key, at=None, venue=None):
    with ctx.transaction():
        return visits.record(ctx, member, venue, at or ctx.now(), "saas", key)


def available(ctx, member) -> int:
    with ctx.transaction():
        return points.balance(ctx, member).available


def told(ctx, name: str) -> list[str]:
    with ctx.transaction():
        return [row.body for row in Event.scoped(ctx).select().where(Event.name == name).order_by(Event.id)]


def test_the_first_visit_of_a_day_earns_ten_points_and_the_second_none(tenant, member, clock):
    guest = member(state="member").id
    first, created = come(tenant, guest, "g1")
    assert (created, first.points, first.day.isoformat()) == (True, 10, "2026-11-22")
    clock.advance(hours=3)
    second, created = come(tenant, guest, "g2")
    assert (created, second.points) == (True, 0)
    assert available(tenant, guest) == 10
    clock.advance(days=1)
    come(tenant, guest, "g3")
    assert available(tenant, guest) == 20
    assert ['"first_of_day":true' in body for body in told(tenant, "visit_recorded")] == [True, False, True]


def test_the_day_is_the_tenants_not_utcs(tenant, member):
    guest = member(state="member").id
    midnight = local_midnight(tenant.today(), tenant.tenant.zone)
    come(tenant, guest, "late", midnight - timedelta(minutes=1))
    come(tenant, guest, "early", midnight + timedelta(minutes=1))
    assert available(tenant, guest) == 20  # two minutes, one date in UTC, two days here


def test_told_ten_times_it_is_one_visit(tenant, member):
    guest = member(state="member").id
    ids = {come(tenant, guest, "g1")[0].id for _ in range(10)}
    assert len(ids) == 1
    assert available(tenant, guest) == 10
    assert len(told(tenant, "visit_recorded")) == 1


def test_a_key_of_another_members_visit_is_refused(tenant, member):
    come(tenant, member().id, "g1")
    stranger = member().id
    with pytest.raises(KeyReused):
        come(tenant, stranger, "g1")
    assert available(tenant, stranger) == 0


def test_a_late_told_visit_earns_for_its_own_day_until_it_is_too_late(tenant, member):
    guest = member(state="member").id
    come(tenant, guest, "today")
    assert come(tenant, guest, "yesterday", tenant.now() - timedelta(days=1))[0].points == 10
    assert come(tenant, guest, "yesterday-2", tenant.now() - timedelta(days=1, hours=1))[0].points == 0
    assert come(tenant, guest, "week", tenant.now() - timedelta(days=7))[0].points == 10
    assert come(tenant, guest, "long", tenant.now() - timedelta(days=8))[0].points == 0


def test_who_earns_and_how_much_are_settings(tenant, member, enable_plugin):
    enable_plugin("visits", points=3, earning_states=["member"])
    assert come(tenant, member().id, "lead")[0].points == 0
    assert come(tenant, member(state="member").id, "member")[0].points == 3
    enable_plugin("visits", points=0)
    assert come(tenant, member(state="member").id, "none")[0].points == 0


def test_what_cannot_be_is_refused(tenant, member):
    guest = member().id
    for at in (tenant.now() + timedelta(days=2), tenant.now() - timedelta(days=365 * 60)):
        with pytest.raises(Invalid):
            come(tenant, guest, "g", at)
    with pytest.raises(NotFound):
        come(tenant, new_id(), "g")
    assert told(tenant, "visit_recorded") == []


def test_members_see_their_visits_and_staff_record_and_list_those_of_their_venue(tenant, api, member):
    with tenant.transaction():
        here, there = (tenants.add_venue(tenant, code, code).id for code in ("001", "002"))
    guest = member(state="member")
    body = {"member": str(guest.id), "venue": str(here), "number": "v1"}
    staff = api.as_staff(VIEW, RECORD)
    for key in ("k1", "k1", "k2"):
        reply = api.post("/admin/v1/visits", json=body, token=staff, key=key)
        assert reply.status_code == 200, reply.text
    api.post("/admin/v1/visits", json={**body, "venue": str(there), "number": "v2"}, token=staff, key="k3")
    mine = api.get("/v1/visits", token=api.as_member(guest)).json["items"]
    assert [row["points"] for row in mine] == [0, 10]
    scoped = api.as_staff(VIEW, RECORD, venues=(here,))
    listed = api.get("/admin/v1/visits/records", token=scoped).json["items"]
    assert [row["source_key"] for row in listed] == ["v1"]
    foreign = api.post("/admin/v1/visits", json={**body, "venue": str(there), "number": "v3"}, token=scoped, key="k4")
    assert foreign.status_code == 403
    assert api.get("/v1/visits", token=api.as_member(member())).json["items"] == []
    assert api.post("/admin/v1/visits", json=body, token=api.as_staff(VIEW), key="k5").status_code == 403
    assert api.post("/admin/v1/visits", json=body, token=staff).status_code == 400


def test_the_form_of_the_console_sent_twice_is_one_visit(tenant, api, member):
    guest = member(state="member")
    body = {"member": str(guest.id), "occurred_at": "2026-11-22T09:30:00+08:00"}
    staff = api.as_staff(VIEW, RECORD)
    ids = {api.post("/admin/v1/visits/records", json=body, token=staff).json["id"] for _ in range(2)}
    assert len(ids) == 1
    assert available(tenant, guest.id) == 10


def test_a_merged_members_old_id_records_for_who_they_became_and_the_day_still_earns_once(tenant, member):
    survivor, gone = member(state="member").id, member().id
    come(tenant, gone, "g1")
    with tenant.transaction():
        members.merge(tenant, survivor, gone, "the same person")
    view, _ = come(tenant, gone, "g2")
    assert (view.member, view.points) == (survivor, 0)
    assert available(tenant, survivor) == 10


def test_the_plugin_conforms(assert_plugin_conforms):
    assert_plugin_conforms("visits")


def test_a_number_told_again_without_a_time_is_the_same_visit_later(tenant, member, api, clock):
    guest, key = member(state="member"), api.as_key("visits.record")
    body = {"member": str(guest.id), "number": "g-7"}
    first = api.post("/admin/v1/visits", json=body, token=key, key="k1")
    clock.advance(minutes=5)
    again = api.post("/admin/v1/visits", json=body, token=key, key="k2")
    assert (again.status_code, again.json["id"]) == (200, first.json["id"])


def growth(ctx, member) -> int:
    with ctx.transaction():
        return points.balance(ctx, member, "growth").available


def test_the_first_visit_of_a_day_brings_growth_by_setting(tenant, member, enable_plugin, clock, drain):
    guest = member(state="member").id
    come(tenant, guest, "g1")
    assert come(tenant, guest, "g2")[0].growth == 0
    assert growth(tenant, guest) == 1
    enable_plugin("visits", growth=5, points=0)
    clock.advance(days=1)
    visit = come(tenant, guest, "g3")[0]
    assert (visit.points, visit.growth) == (0, 5)
    assert (available(tenant, guest), growth(tenant, guest)) == (10, 6)
    assert '"growth":5' in told(tenant, "visit_recorded")[-1]
    assert [row["growth"] for row in export(tenant, guest)["visits"]["visits"]] == [1, 0, 5]


def export(ctx, member):
    with ctx.transaction():
        return members.export(ctx, member)["plugins"]


def test_why_tells_of_each_live_visit_and_why_it_earned_nothing(tenant, member, enable_plugin, api):
    guest = member().id
    come(tenant, guest, "g1")
    come(tenant, guest, "g2")
    come(tenant, guest, "long", tenant.now() - timedelta(days=8))
    enable_plugin("visits", earning_states=["member"])
    come(tenant, guest, "lead", tenant.now() - timedelta(days=1))
    come(tenant.imported(), guest, "old", tenant.now() - timedelta(days=3))
    with tenant.transaction():
        notes = rewards.why(tenant, guest, limit=9)
    said = [(one.outcome, one.reason, one.evidence["points"], one.evidence["growth"]) for one in notes]
    assert said == [
        ("refused", "state_earns_nothing", 0, 0),
        ("refused", "told_too_late", 0, 0),
        ("refused", "not_first_of_day", 0, 0),
        ("noted", "visit", 10, 1),
    ]
    assert notes[0].evidence["state"] == "lead"
    assert notes[0].evidence["settings"]["earning_states"] == ["member"]


def test_a_number_names_one_visit_of_a_venues_day_unless_the_tenant_says_otherwise(
    tenant, member, enable_plugin, clock
):
    with tenant.transaction():
        here, there = (tenants.add_venue(tenant, code, code).id for code in ("001", "002"))
    one, two = member(state="member").id, member(state="member").id
    first = come(tenant, one, "0001", venue=here)[0]
    assert come(tenant, one, "0001", first.occurred_at, here) == (first, False)
    assert come(tenant, two, "0001", venue=there)[1]
    with pytest.raises(KeyReused):
        come(tenant, two, "0001", venue=here)
    clock.advance(days=1)
    second, created = come(tenant, two, "0001", venue=here)
    assert created

    enable_plugin("visits", number_scopes={"saas": "brand"})
    assert come(tenant, one, "0001", first.occurred_at, here) == (first, False), "known from before the setting"
    third = come(tenant, one, "0002", venue=here)[0]
    with pytest.raises(KeyReused):
        come(tenant, one, "0002", third.occurred_at, there)
    clock.advance(days=1)
    with pytest.raises(KeyReused):
        come(tenant, one, "0002", venue=here)
    enable_plugin("visits", number_scope="venue", number_scopes={})
    assert come(tenant, two, "0001", second.occurred_at, here) == (second, False)
    come(tenant, one, "0003", venue=here)
    clock.advance(days=1)
    with pytest.raises(KeyReused):
        come(tenant, one, "0003", venue=here)
    assert come(tenant, one, "0003", venue=there)[1]
