"""The SaaS desk as staff meet it, at the console and over REST: what waits, failed or came late, and what to do."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any  # a story of the conftest
from uuid import UUID

import pytest

from core import identity, members, tenants
from core.audit.models import Audit
from core.clock import ManualClock
from core.contract.context import Context
from core.ids import new_id
from hosts.testkit.plugin import PASSWORD, Api
from integrations.qinniao import desk
from integrations.qinniao.client import Code
from integrations.qinniao.fake import Failure
from integrations.qinniao.models import QinniaoObject, QinniaoRetry
from tests.hosts.console.browser import Browser, words

PHONE = "13800001111"
ALL = ("qinniao.view", "qinniao.retry", "qinniao.convert", "members.view")
ADMIN, CONSOLE = "/admin/v1/qinniao", "/console/qinniao"

pytestmark = pytest.mark.usefixtures("listening")


@pytest.fixture
def browser(api: Api, brand: Context) -> Callable[..., Browser]:
    """Return a function that makes a signed-in account at the console."""

    def make(*permissions: str, venues: Sequence[UUID] = ()) -> Browser:
        name = f"staff-{new_id().hex[-12:]}"
        with brand.transaction():
            identity.save_role(brand, f"role-{name}", name, permissions)
            made = identity.create_staff(brand, name, PASSWORD, name, [f"role-{name}"], venues)
        opened = Browser(api.app, brand, made.id, name)
        with brand.transaction():
            opened.hold(identity.open_session(brand, "staff", made.id))
        return opened

    return make


def items(api: Api, token: str, path: str) -> list[dict[str, Any]]:
    reply = api.get(f"{ADMIN}/{path}", token=token)
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json["items"]
    return found


def audited(ctx: Context, action: str) -> list[Any]:
    return list(Audit.scoped(ctx).select().where(Audit.action == action))


class TestWhatIsSeen:
    def test_unmatched_phones_are_listed_masked_and_assigned_at_the_console(
        self, story: Any, browser: Callable[..., Browser], brand: Context
    ) -> None:
        person = story.register("13800002222")
        story.push("member.converted", {"id": "m-1", "phone": PHONE})
        story.drain()
        here = browser(*ALL)
        shown = words(here.get(f"{CONSOLE}/records?kind=members&state=waiting").text)
        assert "138****1111" in shown
        assert PHONE not in shown
        row = QinniaoObject.scoped(brand).get(QinniaoObject.saas_id == "m-1")
        done = here.act(
            f"{CONSOLE}/records/{row.id}/assign", {"member": str(person.id), "reason": "showed the card at the desk"}
        )
        assert done.status_code == 303, words(done.text)[-400:]
        assert members.get(brand, person.id).state == "member"
        (kept,) = audited(brand, "qinniao.records.assign")
        assert kept.details["reason"] == "showed the card at the desk"

    def test_late_conversions_can_be_listed(self, story: Any, api: Api, clock: ManualClock) -> None:
        for number, hours in ((1, 3), (2, 0)):
            phone = f"1380000000{number}"
            story.register(phone)
            happened = clock.now()
            clock.advance(hours=hours)
            data = {"id": f"m-{number}", "phone": phone, "updated_at": happened.isoformat()}
            story.push("member.converted", data, occurred_at=happened)
            story.drain()
        (late,) = items(api, api.as_staff(*ALL), "leads?late=true")
        assert (late["saas_member"], late["conversion_lag"], late["converted_by"]) == ("m-1", 3 * 3600, "push")

    def test_failed_leads_can_be_listed_and_tried_again_at_the_console(
        self, story: Any, browser: Callable[..., Browser]
    ) -> None:
        story.fake.fail(Failure(api="leads", errcode=int(Code.INVALID), errmsg="no consultant is free"))
        person = story.register()
        here = browser(*ALL)
        assert "no consultant is free" in words(here.get(f"{CONSOLE}/leads?state=failed").text)
        lead = story.lead(person)
        assert here.act(f"{CONSOLE}/leads/{lead.id}/retry").status_code == 303
        story.drain()
        assert story.lead(person).state == "pushed"

    def test_the_panel_counts_unmatched_phones_and_names_a_server_that_is_down(
        self, story: Any, brand: Context, runtime: Any
    ) -> None:
        story.push("member.converted", {"id": "m-1", "phone": PHONE})
        story.drain()
        story.fake.fail(Failure(errcode=int(Code.BUSY), times=1000))
        for number in range(5):
            story.register(f"1380000000{number}")
        (panel,) = runtime.registry.plugin("qinniao").gives.panels
        shown = dict(panel.read(brand))
        assert shown["未匹配手机号"] == "1"
        (server,) = [words for name, words in shown.items() if name.startswith("接口 ")]
        assert server.startswith("熔断")

    def test_none_of_it_is_shown_without_the_permission(self, api: Api, browser: Callable[..., Browser]) -> None:
        token = api.as_staff("members.view")
        for name in ("leads", "events", "records", "lists", "servers", "retries"):
            assert api.get(f"{ADMIN}/{name}", token=token).status_code == 403, name
            assert browser("members.view").get(f"{CONSOLE}/{name}").status_code in (403, 404), name


class TestAllAgain:
    def test_every_failed_lead_is_put_in_line(self, story: Any, api: Api, brand: Context) -> None:
        story.fake.fail(Failure(api="leads", errcode=int(Code.INVALID), times=3))
        people = [story.register(f"1380000000{number}") for number in range(4)]
        assert [story.lead(person).state for person in people] == ["failed", "failed", "failed", "pushed"]
        token = api.as_staff(*ALL)
        reply = api.post(f"{ADMIN}/retries", token=token, json={"what": "leads"})
        assert reply.status_code == 201, reply.text
        story.drain()
        assert {story.lead(person).state for person in people} == {"pushed"}
        row = api.get(f"{ADMIN}/retries/{reply.json['id']}", token=token).json
        assert (row["state"], row["found"], row["settled"]) == ("done", 3, 3)
        assert len(audited(brand, "qinniao.retries.created")) == 1

    def test_records_and_events_are_settled_over_many_steps_at_the_console(
        self, story: Any, brand: Context, browser: Callable[..., Browser], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(desk, "RETRIES", 2)
        for number in range(5):
            story.push("member.converted", {"id": f"m-{number}", "phone": f"1380000000{number}"})
        story.drain()
        with brand.transaction():  # known by now, through a door that told nobody
            for number in range(4):
                members.register(brand.imported(), channel="import", phone=f"1380000000{number}")
        here = browser(*ALL)
        for what, settled in (("records", 4), ("events", 0)):
            done = here.post(f"{CONSOLE}/retries/new", {"what": what})
            assert done.status_code == 303, words(done.text)[-400:]
            story.drain()
            row = QinniaoRetry.scoped(brand).get(QinniaoRetry.what == what)
            assert (row.state, row.settled) == ("done", settled)
        assert story.event_states() == {"done": 4, "waiting": 1}

    def test_it_is_not_begun_twice_at_once_nor_by_staff_of_one_venue(
        self, story: Any, api: Api, brand: Context
    ) -> None:
        token = api.as_staff(*ALL)
        assert api.post(f"{ADMIN}/retries", token=token, json={"what": "records"}).status_code == 201
        again = api.post(f"{ADMIN}/retries", token=token, json={"what": "records"})
        assert (again.status_code, again.json["code"]) == (409, "at_work")
        scoped = api.as_staff(*ALL, venues=(tenants.venue(brand, "001").id,))
        assert api.post(f"{ADMIN}/retries", token=scoped, json={"what": "events"}).status_code == 403
        assert (
            api.post(f"{ADMIN}/retries", token=api.as_staff("qinniao.view"), json={"what": "leads"}).status_code == 403
        )

    def test_leads_need_a_server_to_go_to(self, story: Any, api: Api, brand: Context) -> None:
        tenants.save_settings(brand, "qinniao", {})
        reply = api.post(f"{ADMIN}/retries", token=api.as_staff(*ALL), json={"what": "leads"})
        assert (reply.status_code, reply.json["code"]) == (409, "not_configured")


class TestReconciliationNow:
    def test_one_list_or_all_at_the_console_and_over_rest(
        self, story: Any, api: Api, browser: Callable[..., Browser]
    ) -> None:
        here, token = browser(*ALL), api.as_staff(*ALL)
        assert '<option value="bookings"' in here.get(f"{CONSOLE}/lists/new").text
        assert here.post(f"{CONSOLE}/lists/new", {"kind": "all"}).status_code == 303
        story.drain()
        assert len(story.fake.calls("bookings")) == len(story.fake.calls("orders")) == 1
        (orders,) = items(api, token, "lists?kind=orders")
        assert orders["state"] == "idle"
        assert here.act(f"{CONSOLE}/lists/{orders['id']}/run").status_code == 303
        assert api.post(f"{ADMIN}/lists", token=token, json={"kind": "cards"}).status_code == 201
        story.drain()
        assert [len(story.fake.calls(kind)) for kind in ("orders", "cards", "bookings")] == [2, 2, 1]

    def test_a_list_that_failed_says_why(self, story: Any, api: Api) -> None:
        story.fake.fail(Failure(api="cards", errcode=int(Code.INVALID), errmsg="no such list"))
        token = api.as_staff(*ALL)
        assert api.post(f"{ADMIN}/reconciliation", token=token).status_code == 204
        story.drain()
        (cards,) = items(api, token, "lists?state=failed")
        assert (cards["kind"], "no such list" in cards["error"]) == ("cards", True)


def test_a_conversion_by_hand_has_its_proof_with_an_attachment_and_is_audited(
    story: Any, browser: Callable[..., Browser], api: Api, brand: Context
) -> None:
    person = story.register()
    lead = story.lead(person)
    here = browser(*ALL)
    until = (brand.today() + timedelta(days=365)).isoformat()
    form = {
        "proof": "contract 2026-118", "attachment": "media:01J9-contract", "valid_until": until, "venue": "",
        "reason": "the SaaS is down since noon",
    }  # fmt: skip
    done = here.act(f"{CONSOLE}/leads/{lead.id}/convert", form)
    assert done.status_code == 303, words(done.text)[-400:]
    assert story.member().state == "member"
    shown = words(here.get(f"{CONSOLE}/leads/{lead.id}").text)
    assert "contract 2026-118" in shown
    assert "media:01J9-contract" in shown
    (kept,) = audited(brand, "qinniao.leads.convert")
    assert (kept.actor, kept.subject) == (f"staff:{here.staff}", str(lead.id))
    assert kept.details["reason"] == "the SaaS is down since noon"
    row = api.get(f"{ADMIN}/leads/{lead.id}", token=api.as_staff(*ALL)).json
    assert (row["proof"], row["attachment"], row["converted_by"]) == (
        "contract 2026-118", "media:01J9-contract", "staff",
    )  # fmt: skip
