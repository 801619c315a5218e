"""Every event of the protocol, and the lists behind them: bookings, leads of the SaaS, coaches, stores, staff."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any  # a story of the conftest

import pytest

from core import tenants
from core.clock import ManualClock
from core.contract.context import Context
from hosts.testkit.plugin import Api
from integrations import qinniao
from integrations.qinniao import reconcile
from integrations.qinniao.client import Code
from integrations.qinniao.fake import Failure
from integrations.qinniao.models import QinniaoLead, QinniaoObject
from integrations.qinniao.wire import KIND_OF_EVENT

PHONE = "13800001111"

pytestmark = pytest.mark.usefixtures("listening")


@pytest.fixture
def known(story: Any) -> Any:
    """A member whom the SaaS knows as m-1."""
    person = story.register()
    story.push("member.converted", {"id": "m-1", "phone": PHONE})
    story.drain()
    return person


def booking(clock: ManualClock, saas_id: str = "b-1", **more: Any) -> dict[str, Any]:
    starts = (clock.now() + timedelta(days=1)).isoformat()
    return {"id": saas_id, "member_id": "m-1", "title": "晨间瑜伽", "starts_at": starts, "store_id": "001", **more}


def told(story: Any, name: str) -> list[dict[str, Any]]:
    return [json.loads(fact.body) for fact in story.facts(name)]


def test_every_event_type_of_the_protocol_has_an_effect() -> None:
    cards = {f"card.{what}" for what in ("opened", "renewed", "frozen", "expired", "refunded")}
    assert set(KIND_OF_EVENT) == cards | {
        "lead.created", "member.converted", "member.updated", "order.paid", "order.refunded", "checkin.created",
        "booking.created", "booking.cancelled", "booking.attended", "coach.assigned", "coach.released",
    }  # fmt: skip


class TestBookings:
    def test_a_booking_is_told_when_it_is_made_and_when_it_is_attended(
        self, story: Any, known: Any, clock: ManualClock, brand: Context
    ) -> None:
        story.push("booking.created", booking(clock))
        story.drain()
        story.push("booking.attended", booking(clock))
        story.drain()
        (made,) = told(story, "booking_recorded")
        assert (made["member"], made["booking"], made["title"]) == (str(known.id), "b-1", "晨间瑜伽")
        assert made["venue"] == str(tenants.venue(brand, "001").id)
        assert len(told(story, "booking_attended")) == 1
        assert told(story, "booking_cancelled") == []
        assert [fact.origin for fact in story.facts("booking_attended")] == ["live"]

    def test_a_cancelled_or_deleted_booking_is_told_once(self, story: Any, known: Any, clock: ManualClock) -> None:
        story.push("booking.created", booking(clock))
        story.push("booking.created", booking(clock, "b-2"))
        story.drain()
        story.push("booking.cancelled", booking(clock), times=3)
        story.push("booking.created", booking(clock, "b-2", deleted=True))
        story.push("booking.cancelled", booking(clock, "b-2", deleted=True))
        story.push("booking.cancelled", booking(clock, "b-3", deleted=True))
        story.drain()
        assert [one["booking"] for one in told(story, "booking_cancelled")] == ["b-1", "b-2"]

    def test_versions_decide_and_what_came_too_late_is_not_told(
        self, story: Any, known: Any, clock: ManualClock
    ) -> None:
        story.push("booking.attended", booking(clock), version=3)
        story.push("booking.created", booking(clock), version=1)
        story.push("booking.cancelled", booking(clock), version=2)
        story.drain()
        assert len(told(story, "booking_attended")) == 1
        assert told(story, "booking_recorded") == told(story, "booking_cancelled") == []
        assert story.event_states() == {"done": 2, "stale": 2}

    def test_a_strangers_booking_waits_and_is_then_told_as_history(self, story: Any, clock: ManualClock) -> None:
        story.push("booking.created", booking(clock))
        story.drain()
        assert told(story, "booking_recorded") == []
        clock.advance(hours=1)
        story.fake.put("members", {"id": "m-1", "phone": PHONE})
        story.register()
        assert [fact.origin for fact in story.facts("booking_recorded")] == ["import"]

    def test_the_night_finds_what_pushes_missed_and_does_not_tell_it_twice(
        self, story: Any, known: Any, clock: ManualClock, brand: Context
    ) -> None:
        story.push("booking.created", booking(clock))
        story.drain()
        story.fake.put("bookings", booking(clock, status="attended"))
        story.fake.put("bookings", booking(clock, "b-2"))
        for _ in range(2):
            with brand.transaction():
                reconcile.Pull.start(brand, ["bookings"])
            story.drain()
        assert [one["booking"] for one in told(story, "booking_recorded")] == ["b-1", "b-2"]
        assert [one["booking"] for one in told(story, "booking_attended")] == ["b-1"]


class TestLeadsOfTheSaas:
    def test_a_walk_in_lead_is_not_pushed_again_when_the_person_registers(self, story: Any) -> None:
        story.push("lead.created", {"id": "L-7", "phone": PHONE, "name": "沈知夏"})
        story.drain()
        assert story.event_states() == {"waiting": 1}
        person = story.register()
        lead = story.lead(person)
        assert (lead.state, lead.saas_lead, story.fake.leads) == ("pushed", "L-7", [])
        assert story.event_states() == {"done": 1}

    def test_a_lead_whose_answer_never_came_is_settled_by_the_event(self, story: Any, brand: Context) -> None:
        story.fake.fail(Failure(api="leads", errcode=int(Code.INVALID)))
        person = story.register()
        assert story.lead(person).state == "failed"
        data = {"id": "L-8", "phone": "13999999999", "external_id": str(person.id)}
        story.push("lead.created", data)
        story.drain()
        lead = story.lead(person)
        assert (lead.state, lead.saas_lead, lead.error) == ("pushed", "L-8", "")

    def test_somebody_who_is_a_member_there_is_matched_and_not_only_a_lead(self, story: Any) -> None:
        story.push("lead.created", {"id": "L-7", "phone": PHONE})
        story.drain()
        story.fake.put("members", {"id": "m-1", "phone": PHONE})
        person = story.register()
        assert (story.lead(person).state, story.member().state) == ("matched", "member")

    def test_the_desk_shows_the_phone_masked(self, story: Any, api: Api) -> None:
        story.push("lead.created", {"id": "L-7", "phone": PHONE})
        story.drain()
        token = api.as_staff("qinniao.view")
        (row,) = api.get("/admin/v1/qinniao/records?kind=leads&state=waiting", token=token).json["items"]
        assert row["phone"] == "138****1111"


def test_a_coach_is_passed_on_with_what_decides_the_order(story: Any, known: Any) -> None:
    story.push("coach.assigned", {"id": "r-1", "member_id": "m-1", "coach_id": "s-1"})
    story.push("coach.released", {"id": "r-1", "member_id": "m-1", "coach_id": "s-1"})
    story.drain()
    passed = told(story, "coach_relation_told")
    assert [(one["status"], one["version"], one["number"]) for one in passed] == [
        ("assigned", 1, "m-1"),
        ("released", 2, "m-1"),
    ]
    assert passed[0]["member"] == str(known.id)


@pytest.mark.parametrize("event", ["card.frozen", "card.expired", "card.refunded"])
def test_the_type_of_an_event_says_the_status_when_its_data_do_not(story: Any, known: Any, event: str) -> None:
    story.push("card.opened", {"id": "c-1", "member_id": "m-1", "status": "active"})
    story.drain()
    before = story.member()
    data = {"id": "c-2", "member_id": "m-1"}
    story.push(event, {**data, "updated_at": (story.ctx.now() + timedelta(seconds=1)).isoformat()})
    story.drain()
    row = QinniaoObject.scoped(story.ctx).get(QinniaoObject.saas_id == "c-2")
    assert row.facts["status"] == event.partition(".")[2]
    assert before.state == story.member().state == "member", "the other card still holds"


def test_a_number_is_linked_once_and_told_once(story: Any, known: Any) -> None:
    story.push("member.updated", {"id": "m-1", "phone": PHONE})
    story.drain()
    (linked,) = told(story, "saas_member_linked")
    assert (linked["member"], linked["number"]) == (str(known.id), "m-1")


class TestListsOfTheBrand:
    @pytest.fixture
    def run(self, brand: Context, drain: Callable[[], int]) -> Callable[[], None]:
        def once() -> None:
            with brand.transaction():
                reconcile.Pull.start(brand)
            drain()

        return once

    def test_stores_staff_and_classes_are_read_by_cursor(
        self, story: Any, run: Callable[[], None], brand: Context
    ) -> None:
        story.fake.put("stores", {"id": "001", "name": "江湾店"})
        story.fake.put("staff", {"id": "s-1", "name": "周岚", "role": "coach", "store_id": 1})
        story.fake.put("classes", {"id": "k-1", "title": "晨间瑜伽", "store_id": "002"})
        run()
        found = qinniao.staff_of(brand, "s-1")
        assert found is not None
        assert (found.name, found.role, found.venue) == ("周岚", "coach", tenants.venue(brand, "001").id)
        assert story.object_state("classes", "k-1") == ("applied", "")
        story.fake.put("staff", {"id": "s-1", "deleted": True})
        run()
        assert qinniao.staff_of(brand, "s-1") is None

    def test_a_store_without_a_venue_is_seen_and_found_later(
        self, story: Any, run: Callable[[], None], brand: Context, runtime: Any, tick: Callable[[], int],
        clock: ManualClock,
    ) -> None:  # fmt: skip
        story.fake.put("stores", {"id": "003", "name": "云栖店"})
        run()
        (panel,) = runtime.registry.plugin("qinniao").gives.panels
        assert story.object_state("stores", "003") == ("applied", "no venue has the code 003")
        assert dict(panel.read(brand))["无对应门店的 SaaS 门店"] == "1"
        with brand.transaction():
            tenants.add_venue(brand, "003", "云栖店")
        tick()
        clock.advance(hours=30)
        tick()
        assert dict(panel.read(brand))["无对应门店的 SaaS 门店"] == "0"


def test_who_is_whom_is_told_by_the_face(story: Any, known: Any, brand: Context) -> None:
    found = qinniao.member_of(brand, "m-1")
    assert found is not None
    assert (found.id, qinniao.numbers_of(brand, known.id)) == (known.id, ["m-1"])
    assert qinniao.member_of(brand, "m-9") is None
    assert QinniaoLead.scoped(brand).select().count() == 1
