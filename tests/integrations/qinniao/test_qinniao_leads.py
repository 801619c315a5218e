"""New people on their way to the SaaS: matched first, pushed only when unknown, and once."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any  # a story of the conftest

import pytest

from core import members, tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.events.models import Event, Job
from hosts.testkit.plugin import Api
from integrations.qinniao import leads
from integrations.qinniao.client import Code
from integrations.qinniao.fake import Failure, Running
from integrations.qinniao.models import QinniaoLead

PHONE = "13800001111"


def test_an_unknown_person_is_pushed_as_a_lead_under_our_id(story: Any, brand: Context) -> None:
    venue = tenants.venue(brand, "001")
    person = story.register(name="Li Lei", venue=venue.id)
    (lead,) = story.fake.leads
    assert lead["external_id"] == str(person.id)
    assert (lead["phone"], lead["name"], lead["store_id"], lead["source"]) == (
        PHONE,
        "Li Lei",
        "001",
        "wechat",
    )
    row = story.lead(person)
    assert (row.state, row.saas_lead, row.error) == ("pushed", lead["lead_id"], "")


def test_a_member_of_the_saas_is_matched_by_phone_and_not_pushed(story: Any, brand: Context) -> None:
    story.fake.put("members", {"id": "m-1", "phone": PHONE, "ends_on": "2027-03-31", "store_id": "002"})
    person = story.register()
    assert story.fake.leads == []
    row = story.lead(person)
    assert (row.state, row.saas_member) == ("matched", "m-1")
    now = story.member()
    assert (now.state, now.valid_until, now.venue) == (
        "member",
        date(2027, 3, 31),
        tenants.venue(brand, "002").id,
    )
    assert members.find_by_identity(brand, "qinniao", "m-1").id == person.id


def test_a_match_at_login_is_history_and_starts_no_gift(story: Any) -> None:
    story.fake.put("members", {"id": "m-1", "phone": PHONE})
    story.register()
    assert [fact.origin for fact in story.facts("member_converted")] == ["import"]
    assert [fact.origin for fact in story.facts("membership_changed")] == ["import"]


@pytest.mark.parametrize(("status", "state", "frozen"), [("frozen", "member", True), ("expired", "lapsed", False)])
def test_a_match_takes_the_membership_over_as_it_stands(story: Any, status: str, state: str, frozen: bool) -> None:
    story.fake.put("members", {"id": "m-1", "phone": PHONE, "status": status})
    story.register()
    now = story.member()
    assert (now.state, now.frozen) == (state, frozen)


@pytest.mark.parametrize(
    "failure",
    [
        Failure(api="members", status=500, times=2),
        Failure(api="members", errcode=int(Code.BUSY), times=2),
        Failure(api="leads", errcode=int(Code.FAILED), times=2),
        Failure(api="leads", body="<html>busy</html>", times=2),
        Failure(api="leads", errcode=int(Code.SESSION_EXPIRED), times=2),
        Failure(api="leads", status=502, after=True, times=2),
        Failure(api="leads", delay=30, times=2),
    ],
    ids=["http 500", "busy in 200", "failed in 200", "no json", "session over", "answer lost", "slow"],
)
def test_a_saas_that_is_down_gets_the_lead_later_and_once(
    story: Any, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, failure: Failure
) -> None:
    monkeypatch.setattr(leads, "TIMEOUT", (1, 0.1))
    story.fake.fail(failure.model_copy())
    person = story.register()
    row = story.lead(person)
    assert (row.state, row.tries) == ("pending", 1)
    assert row.error
    assert PHONE not in row.error
    clock.advance(seconds=14)
    assert story.drain() == 0
    monkeypatch.setattr(leads, "TIMEOUT", (1, 5))
    clock.advance(seconds=1)
    assert story.drain() == 1
    assert story.lead(person).state == "pushed"
    assert len(story.fake.leads) == 1


def test_a_job_that_runs_again_pushes_nobody_twice(story: Any, brand: Context) -> None:
    person = story.register()
    calls = len(story.fake.log)
    for _ in range(3):
        with brand.transaction():
            brand.enqueue("qinniao.lead", leads.LeadJob(member=person.id))
        story.drain()
    assert len(story.fake.leads) == 1
    assert len(story.fake.log) == calls, "nobody was asked again"


def test_two_jobs_at_once_push_one_lead(story: Any, brand: Context) -> None:
    person = story.register(drain=False)
    job, payload = leads.BringLead(), leads.LeadJob(member=person.id)
    with brand.transaction():
        leads.start(brand.for_plugin("qinniao"), person.id)
        first, second = (job.prepare(brand.for_plugin("qinniao"), payload=payload) for _ in range(2))
    answers = job.call(first), job.call(second)
    for prepared, answer in zip((first, second), answers, strict=True):
        with brand.transaction():
            assert job.complete(brand.for_plugin("qinniao"), prepared, answer) is None
    assert len(story.fake.leads) == 1
    assert story.lead(person).state == "pushed"


def test_what_the_saas_refuses_for_good_has_failed_and_staff_try_again(story: Any, api: Api, saas: Running) -> None:
    saas.fake.fail(Failure(api="leads", errcode=int(Code.INVALID), errmsg=f"phone {PHONE} is barred"))
    person = story.register()
    row = story.lead(person)
    assert row.state == "failed"
    assert "42200" in row.error
    assert PHONE not in row.error
    token = api.as_staff("qinniao.view", "qinniao.retry", "members.view")
    listed = api.get("/admin/v1/qinniao/leads?state=failed", token=token)
    assert [item["id"] for item in listed.json["items"]] == [str(row.id)]
    reply = api.post(f"/admin/v1/qinniao/leads/{row.id}/retry", token=token, json={})
    assert reply.status_code < 300, reply.text
    story.drain()
    assert story.lead(person).state == "pushed"
    again = api.post(f"/admin/v1/qinniao/leads/{row.id}/retry", token=token, json={})
    assert again.status_code == 409


def test_it_gives_up_after_a_dozen_failures_and_the_night_goes_on(
    story: Any, clock: ManualClock, saas: Running, brand: Context
) -> None:
    saas.fake.fail(Failure(api="members", errcode=int(Code.BUSY), times=24))
    person = story.register()
    for _ in range(leads.MOST_TRIES):
        clock.advance(hours=1)
        story.drain()
    row = story.lead(person)
    assert (row.state, row.tries) == ("failed", leads.MOST_TRIES)
    clock.advance(hours=3)
    with brand.transaction():
        brand.enqueue("qinniao.leads", leads.SweepJob())
    story.drain()
    assert story.lead(person).state == "pushed"


def test_people_whom_the_saas_brought_are_not_pushed_back(story: Any) -> None:
    story.register(channel="saas")
    assert story.fake.log == []


def test_a_brand_that_does_not_push_still_matches(
    story: Any, brand: Context, enable_plugin: Callable[..., None], saas: Running
) -> None:
    tenants.save_settings(brand, "qinniao", {"base_url": saas.url, "app_id": "roost-demo", "push_leads": False})
    object.__setattr__(brand, "tenant", tenants.by_id(brand.tenant.id))
    person = story.register()
    assert story.fake.leads == []
    assert story.lead(person).state == "pending"


def test_people_wait_for_a_connection_that_is_set_up_later(
    tenant: Context, enable_plugin: Callable[..., None], drain: Callable[[], int], saas: Running, clock:
    ManualClock, member: Callable[..., Any],
) -> None:  # fmt: skip
    enable_plugin("qinniao")
    person = member(phone=PHONE)
    drain()
    assert QinniaoLead.scoped(tenant).get(QinniaoLead.member == person.id).state == "pending"
    tenants.save_settings(
        tenant, "qinniao", {"base_url": saas.url, "app_id": saas.fake.app_id, "secret": "fake-qinniao-secret"}
    )
    object.__setattr__(tenant, "tenant", tenants.by_id(tenant.tenant.id))
    clock.advance(hours=24)
    with tenant.transaction():
        tenant.enqueue("qinniao.leads", leads.SweepJob())
    drain()
    assert [lead["external_id"] for lead in saas.fake.leads] == [str(person.id)]


def test_no_row_shows_the_phone(story: Any, brand: Context) -> None:
    story.register()
    for model in (Event, Job, QinniaoLead):
        for row in model.scoped(brand).select().dicts():
            assert PHONE not in str(row)


class TestByHand:
    def convert(self, api: Api, lead: QinniaoLead, token: str, **body: Any) -> Any:
        sent = {"proof": "contract 2026-118", "valid_until": "2027-11-21", **body}
        return api.post(f"/admin/v1/qinniao/leads/{lead.id}/convert", token=token, json=sent)

    def test_staff_convert_on_proof_and_it_is_a_conversion_like_any_other(
        self, story: Any, api: Api, brand: Context
    ) -> None:
        person = story.register()
        token = api.as_staff("qinniao.view", "qinniao.convert", "members.view")
        reply = self.convert(api, story.lead(person), token, reason="the SaaS is down since noon")
        assert reply.status_code < 300, reply.text
        now = story.member()
        assert (now.state, now.valid_until) == ("member", date(2027, 11, 21))
        assert [fact.origin for fact in story.facts("member_converted")] == ["live"]
        assert len(story.facts("membership_changed")) == 1
        row = story.lead(person)
        assert (row.converted_by, row.proof, row.conversion_lag) == ("staff", "contract 2026-118", 0)
        assert self.convert(api, row, token, reason="again").status_code == 409

    def test_it_needs_a_reason_a_proof_and_the_permission(self, story: Any, api: Api) -> None:
        lead = story.lead(story.register())
        token = api.as_staff("qinniao.view", "qinniao.convert")
        assert self.convert(api, lead, token).status_code == 422
        assert self.convert(api, lead, token, reason="x", proof=" ").status_code == 422
        assert self.convert(api, lead, api.as_staff("qinniao.view"), reason="x").status_code == 403
        assert story.member().state == "lead"

    def test_later_news_of_the_saas_wins_and_earlier_does_not(
        self, story: Any, api: Api, clock: ManualClock, listening: str
    ) -> None:
        person = story.register()
        token = api.as_staff("qinniao.view", "qinniao.convert")
        before = clock.now()
        clock.advance(hours=1)
        assert self.convert(api, story.lead(person), token, reason="x").status_code < 300
        story.push(
            "member.updated",
            {
                "id": "m-1",
                "phone": PHONE,
                "status": "expired",
                "version": 1,
                "updated_at": before.isoformat(),
            },
        )
        story.drain()
        assert story.member().state == "member"
        clock.advance(hours=1)
        story.push("member.updated", {"id": "m-1", "phone": PHONE, "status": "expired"})
        story.drain()
        assert story.member().state == "lapsed"


def test_staff_of_one_venue_see_its_leads_only(story: Any, api: Api, brand: Context) -> None:
    here, there = tenants.venue(brand, "001").id, tenants.venue(brand, "002").id
    mine = story.register(venue=here)
    story.register("13800002222", venue=there)
    token = api.as_staff("qinniao.view", venues=(here,))
    listed = api.get("/admin/v1/qinniao/leads", token=token).json["items"]
    assert [item["member"] for item in listed] == [str(mine.id)]


def test_staff_bring_a_member_whom_nobody_brought(
    story: Any, brand: Context, api: Api, drain: Callable[[], int]
) -> None:
    with brand.transaction():
        person, _ = members.register(brand.imported(), channel="import", phone=PHONE)
    drain()
    assert story.fake.leads == []
    token = api.as_staff("qinniao.view", "qinniao.retry")
    reply = api.post("/admin/v1/qinniao/leads", token=token, json={"member": str(person.id)})
    assert reply.status_code in (200, 201), reply.text
    drain()
    assert [lead["external_id"] for lead in story.fake.leads] == [str(person.id)]


def test_the_wait_grows_up_to_an_hour() -> None:
    waits = [leads.backoff(tries) for tries in range(1, 12)]
    assert waits[:3] == [timedelta(seconds=15), timedelta(seconds=30), timedelta(seconds=60)]
    assert max(waits) == timedelta(hours=1)
