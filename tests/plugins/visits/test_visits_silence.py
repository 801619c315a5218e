"""Who has stayed away, who is only frozen, and who came back."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from core import tenants
from core.events.models import Event
from hosts.cli.purging import purge_plugin
from plugins import visits
from plugins.visits import service, silence
from plugins.visits.models import VisitsPresence
from plugins.visits.schemas import VisitSettings
from roost import members


@pytest.fixture(autouse=True)
def on(enable_plugin):
    enable_plugin("visits")


@pytest.fixture
def guest(member, drain):
    """Return a member in good standing, whose conversion was heard."""
    made = member(state="member").id
    drain()
    return made


@pytest.fixture
def day(clock, tick):
    """Return a function that lets days pass, one at a time, each with its night."""

    def pass_days(count: int = 1) -> None:
        for _ in range(count):
            clock.advance(days=1)
            tick()

    return pass_days


def come(ctx, member, key, at=None):
    with ctx.transaction():
        return visits.record(ctx, member, None, at or ctx.now(), "saas", key)[0]


def told(ctx, name: str) -> list[dict]:
    with ctx.transaction():
        rows = Event.scoped(ctx).select().where(Event.name == name).order_by(Event.id)
        return [json.loads(row.body) for row in rows]


def standing(ctx, member, **changes) -> None:
    with ctx.transaction():
        members.set_membership(ctx, member, **{"state": "member", **changes})


def test_thirty_days_without_a_visit_is_silence_told_once(tenant, guest, day):
    come(tenant, guest, "g1")
    day(30)
    assert told(tenant, "member_went_silent") == []
    day()
    (fact,) = told(tenant, "member_went_silent")
    assert (fact["member"], fact["days"]) == (str(guest), 31)
    assert datetime.fromisoformat(fact["since"]) == datetime(2026, 11, 22, 2, tzinfo=UTC)
    day(5)
    assert len(told(tenant, "member_went_silent")) == 1


def test_who_never_came_is_silent_from_the_beginning_of_the_membership(tenant, guest, day):
    day(31)
    assert len(told(tenant, "member_went_silent")) == 1


def test_a_visit_in_time_begins_the_count_anew(tenant, guest, day):
    day(29)
    come(tenant, guest, "g1")
    day(30)
    assert told(tenant, "member_went_silent") == []


def test_the_first_visit_after_silence_is_a_return_the_second_is_not(tenant, guest, day):
    come(tenant, guest, "g1")
    day(31)
    visit = come(tenant, guest, "g2")
    (fact,) = told(tenant, "member_returned")
    assert (fact["member"], fact["visit"]) == (str(guest), str(visit.id))
    assert datetime.fromisoformat(fact["silent_since"]) == datetime(2026, 11, 22, 2, tzinfo=UTC)
    come(tenant, guest, "g3")
    assert len(told(tenant, "member_returned")) == 1
    day(31)
    assert len(told(tenant, "member_went_silent")) == 2


def test_a_late_told_visit_from_before_only_ends_the_silence(tenant, guest, day):
    come(tenant, guest, "g1")
    day(31)
    come(tenant, guest, "late", tenant.now() - timedelta(days=5))
    assert told(tenant, "member_returned") == []
    come(tenant, guest, "g2")
    assert told(tenant, "member_returned") == []


def test_an_older_visit_told_late_does_not_move_the_count_back(tenant, guest, day):
    day(20)
    come(tenant, guest, "g1")
    come(tenant, guest, "older", tenant.now() - timedelta(days=15))
    day(20)
    assert told(tenant, "member_went_silent") == []


def test_the_frozen_and_the_lapsed_and_leads_are_not_silent(tenant, member, drain, day):
    frozen, lapsed, lead = member(state="member").id, member(state="member").id, member().id
    standing(tenant, frozen, frozen=True)
    standing(tenant, lapsed, state="lapsed")
    come(tenant, lead, "g1")
    drain()
    day(40)
    assert told(tenant, "member_went_silent") == []


def test_after_a_freeze_the_count_begins_anew(tenant, guest, drain, day):
    standing(tenant, guest, frozen=True)
    day(60)
    standing(tenant, guest, frozen=False)
    drain()
    day(30)
    assert told(tenant, "member_went_silent") == []
    day()
    assert len(told(tenant, "member_went_silent")) == 1


def test_who_lapses_or_freezes_is_no_longer_counted_among_the_silent(tenant, guest, member, drain, day):
    frozen = member(state="member").id
    drain()
    standing(tenant, guest, valid_until=tenant.today() + timedelta(days=40))
    day(31)
    assert service.silent_members(tenant) == 2
    standing(tenant, frozen, frozen=True)
    drain()
    assert service.silent_members(tenant) == 1
    day(10)  # the membership ends by itself
    assert service.silent_members(tenant) == 0
    come(tenant, guest, "g9")
    assert told(tenant, "member_returned") == []


def test_how_long_is_a_setting(tenant, guest, day, enable_plugin):
    enable_plugin("visits", silent_days=7)
    day(7)
    assert told(tenant, "member_went_silent") == []
    day()
    assert len(told(tenant, "member_went_silent")) == 1


def test_members_from_before_the_plugin_was_on_are_counted_from_then(new_tenant, member, day, clock):

    ctx = new_tenant("older")
    veteran = member(ctx=ctx, state="member").id
    clock.advance(days=300)
    tenants.enable_plugin(ctx, "visits")
    object.__setattr__(ctx, "tenant", tenants.by_id(ctx.tenant.id))
    day(2)
    assert told(ctx, "member_went_silent") == []
    day(31)
    assert [fact["member"] for fact in told(ctx, "member_went_silent")] == [str(veteran)]


def test_the_night_goes_through_many_members_in_small_steps(tenant, member, drain, day, monkeypatch):
    monkeypatch.setattr(silence, "BATCH", 3)
    monkeypatch.setattr(silence, "ADOPTED", 2)
    guests = {str(member(state="member").id) for _ in range(8)}
    drain()
    day(31)
    assert {fact["member"] for fact in told(tenant, "member_went_silent")} == guests
    assert len(told(tenant, "member_went_silent")) == 8


def test_erasure_deletes_and_a_merge_keeps_the_later_presence(tenant, guest, member, drain, clock):
    come(tenant, guest, "g1")
    clock.advance(days=3)
    other = member().id
    come(tenant, other, "g2")
    with tenant.transaction():
        members.merge(tenant, guest, other, "the same person")
        (row,) = VisitsPresence.scoped(tenant).select()
        assert (row.member, row.since) == (guest, tenant.now())
        exported = members.export(tenant, guest)["plugins"]["visits"]["visits"]
        assert [visit["number"] for visit in exported] == ["g1", "g2"]
        assert exported[0].keys() == {"occurred_at", "day", "venue", "source", "number", "points", "growth"}
        members.erase(tenant, guest, "asked for it")
        assert "visits" not in members.export(tenant, guest)["plugins"]
        assert VisitsPresence.scoped(tenant).select().count() == 0


def test_a_purge_leaves_nothing(tenant, guest):
    come(tenant, guest, "g1")
    tenants.disable_plugin(tenant, "visits")
    purge_plugin(tenant.services.system(tenants.by_id(tenant.tenant.id), "test"), "visits")
    with tenant.transaction():
        assert visits.find(tenant, "saas", "g1") is None
        assert VisitsPresence.scoped(tenant).select().count() == 0


def test_every_setting_has_a_default_and_a_description():
    assert (VisitSettings().points, VisitSettings().silent_days) == (10, 30)
    assert all(field.description for field in VisitSettings.model_fields.values())
