"""Events that the SaaS pushes over HTTP: verified, stored, and each with one effect, whatever the order."""

import json
import random
import threading
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any  # a story of the conftest

import pytest

from core import members, points, tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.errors import KeyReused
from core.events.models import Event, Job
from hosts.testkit.plugin import Api
from integrations.qinniao import inbox, service
from integrations.qinniao.door import AGAIN, PUSH
from integrations.qinniao.fake import APP_ID, SECRET, Push, Running
from integrations.qinniao.models import QinniaoEvent, QinniaoNonce, QinniaoObject
from integrations.qinniao.signing import HmacSigner
from tests.once import assert_same_by_all_its_content

PHONE = "13800001111"

pytestmark = pytest.mark.usefixtures("listening")


def order(saas_id: str, at: Any, fen: int = 100_00, **more: Any) -> dict[str, Any]:
    return {"id": saas_id, "member_id": "m-1", "amount_fen": fen, "paid_at": at.isoformat(), **more}


def refund(saas_id: str, order_id: str, at: Any, fen: int) -> dict[str, Any]:
    return {
        "id": saas_id,
        "order_id": order_id,
        "member_id": "m-1",
        "amount_fen": fen,
        "refunded_at": at.isoformat(),
    }


def checkin(saas_id: str, at: Any, **more: Any) -> dict[str, Any]:
    return {"id": saas_id, "member_id": "m-1", "checked_in_at": at.isoformat(), **more}


class TestDoor:
    def test_a_push_is_stored_answered_and_then_processed_by_a_job(self, story: Any, brand: Context) -> None:
        story.register()
        assert story.push("member.converted", {"id": "m-1", "phone": PHONE}) == [200]
        assert story.event_states() == {"received": 1}
        assert story.member().state == "lead"
        story.drain()
        assert story.event_states() == {"done": 1}
        assert story.member().state == "member"

    def test_it_answers_within_a_second(self, story: Any) -> None:
        story.register()
        began = time.monotonic()
        assert story.push("member.converted", {"id": "m-1", "phone": PHONE}, times=20) == [200] * 20
        assert (time.monotonic() - began) / 20 < 1

    @pytest.mark.parametrize(
        ("how", "code"),
        [({"bad_signature": True}, "wrong_signature"), ({"old_timestamp": True}, "outside_window")],
    )
    def test_a_forged_or_old_push_is_refused_and_leaves_nothing(
        self, story: Any, brand: Context, how: dict[str, bool], code: str
    ) -> None:
        pushed = story.fake.push(Push(event_type="member.converted", data={"id": "m-1", "phone": PHONE}, **how))
        (delivery,) = pushed["deliveries"]
        assert (delivery["status"], delivery["body"]["code"]) == (401, code)
        assert story.event_states() == {}
        assert QinniaoNonce.scoped(brand).select().count() == 0
        assert SECRET not in str(delivery)

    def test_a_nonce_is_good_once_in_ten_minutes(self, story: Any, clock: ManualClock) -> None:
        assert story.push("member.updated", {"id": "m-1", "phone": PHONE}, times=2, nonce="nonce-0001") == [
            200,
            401,
        ]
        assert story.push("order.paid", {"id": "o-1"}, nonce="nonce-0001") == [401]
        clock.advance(minutes=11)
        assert story.push("order.paid", {"id": "o-1"}, nonce="nonce-0001") == [200]

    def test_a_captured_push_cannot_be_replayed_at_all(
        self, story: Any, brand: Context, api: Api, clock: ManualClock
    ) -> None:
        path, body = (
            "/callbacks/qinniao/acme",
            json.dumps({"event_id": "e-1", "event_type": "x", "occurred_at": clock.now().isoformat(), "data": {}}),
        )
        headers = dict(HmacSigner(APP_ID, SECRET, clock=clock.now).headers("POST", path, body.encode()))

        def send() -> int:
            return int(api.client.simulate_post(path, body=body, headers=headers).status_code)

        assert [send(), send()] == [200, 401]
        clock.advance(minutes=10, seconds=1)  # the nonce is forgotten, the timestamp too old by then
        assert send() == 401

    def test_of_the_same_nonce_at_once_one_push_is_taken(self, story: Any) -> None:
        begin, answers = threading.Barrier(4), []

        def send() -> None:
            begin.wait()
            answers.extend(story.push("order.paid", {"id": "o-1"}, nonce="nonce-0002", event_id="e-1"))

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == [200, 401, 401, 401]

    def test_the_same_event_delivered_ten_times_is_one_event(self, story: Any, brand: Context) -> None:
        assert story.push("member.converted", {"id": "m-1", "phone": PHONE}, times=10) == [200] * 10
        assert QinniaoEvent.scoped(brand).select().count() == 1
        assert Job.scoped(brand).select().where(Job.kind == "qinniao.event").count() == 1

    def test_what_is_no_event_is_refused_with_what_is_wrong(self, story: Any, api: Api, clock: ManualClock) -> None:
        path = "/callbacks/qinniao/acme"
        for body in (b"", b"{", b"[]", b'{"event_id":""}', b"\xff"):
            headers = dict(HmacSigner(APP_ID, SECRET, clock=clock.now).headers("POST", path, body))
            reply = api.client.simulate_post(path, body=body, headers=headers)
            assert (reply.status_code, reply.json["code"]) == (422, "bad_event")

    def test_another_tenants_secret_opens_nothing(
        self, story: Any, api: Api, clock: ManualClock, new_tenant: Callable[..., Context]
    ) -> None:
        other = new_tenant("other", plugins=("purchases", "visits", "qinniao"))
        path, body = "/callbacks/qinniao/other", b"{}"
        headers = dict(HmacSigner(APP_ID, SECRET, clock=clock.now).headers("POST", path, body))
        assert api.client.simulate_post(path, body=body, headers=headers).status_code == 401
        tenants.save_settings(other, "qinniao", {"app_id": APP_ID, "secret": "of its own"})
        assert api.client.simulate_post(path, body=body, headers=headers).status_code == 401

    def test_while_the_plugin_is_off_nothing_is_there(self, story: Any, brand: Context) -> None:
        tenants.disable_plugin(brand, "qinniao")
        assert story.push("member.converted", {"id": "m-1", "phone": PHONE}) == [404]

    def test_the_body_is_sealed(self, story: Any, brand: Context) -> None:
        story.push("member.converted", {"id": "m-1", "phone": PHONE, "name": "沈知夏"})
        story.drain()
        for model in (QinniaoEvent, QinniaoObject, Job, Event):
            for row in model.scoped(brand).select().dicts():
                assert PHONE not in str(row)
                assert "沈知夏" not in str(row)


class TestMembership:
    def test_a_lead_who_buys_a_card_becomes_a_member_live(self, story: Any, clock: ManualClock, brand: Context) -> None:
        person = story.register()
        clock.advance(days=2)
        bought = {"id": "m-1", "phone": PHONE, "joined_on": brand.today().isoformat(), "store_id": "001"}
        story.push("member.converted", {**bought, "lead_external_id": str(person.id)})
        story.push("card.opened", {"id": "c-1", "member_id": "m-1", "ends_on": "2027-11-23"})
        story.drain()
        now = story.member()
        assert (now.state, now.valid_until, now.venue) == (
            "member",
            date(2027, 11, 23),
            tenants.venue(brand, "001").id,
        )
        assert [fact.origin for fact in story.facts("member_converted")] == ["live"]
        row = story.lead(person)
        assert (row.saas_member, row.converted_by, row.conversion_lag) == ("m-1", "push", 0)

    def test_our_id_on_the_lead_finds_them_though_the_phone_is_another(self, story: Any) -> None:
        person = story.register()
        story.push("member.converted", {"id": "m-1", "phone": "13999999999", "lead_external_id": str(person.id)})
        story.drain()
        assert story.member().state == "member"

    @pytest.mark.parametrize(
        ("event", "card", "state", "frozen"),
        [
            ("card.frozen", {"status": "frozen"}, "member", True),
            ("card.expired", {"status": "expired"}, "lapsed", False),
            ("card.refunded", {"status": "refunded"}, "lapsed", False),
            ("card.expired", {"status": "active", "ends_on": "2026-11-01"}, "lapsed", False),
            ("card.renewed", {"status": "active", "ends_on": "2028-01-01"}, "member", False),
        ],
    )
    def test_each_state_of_a_card_has_its_membership(
        self, story: Any, clock: ManualClock, event: str, card: dict[str, str], state: str, frozen: bool
    ) -> None:
        story.register()
        story.push("member.converted", {"id": "m-1", "phone": PHONE})
        story.push("card.opened", {"id": "c-1", "member_id": "m-1", "ends_on": "2027-01-01"})
        story.drain()
        clock.advance(minutes=5)
        story.push(event, {"id": "c-1", "member_id": "m-1", **card})
        story.drain()
        now = story.member()
        assert (now.state, now.frozen) == (state, frozen)
        told = story.facts("membership_changed")[-1]
        assert f'"state":"{state}"' in told.body
        assert f'"frozen":{str(frozen).lower()}' in told.body

    def test_the_best_of_several_cards_counts(self, story: Any, clock: ManualClock) -> None:
        story.register()
        story.push("member.converted", {"id": "m-1", "phone": PHONE})
        clock.advance(minutes=1)
        story.push("card.opened", {"id": "c-1", "member_id": "m-1", "ends_on": "2027-01-01"})
        story.push("card.opened", {"id": "c-2", "member_id": "m-1", "ends_on": "2027-06-01"})
        clock.advance(minutes=1)
        story.push("card.refunded", {"id": "c-2", "member_id": "m-1", "status": "refunded"})
        story.drain()
        now = story.member()
        assert (now.state, now.valid_until) == ("member", date(2027, 1, 1))

    def test_a_status_nobody_knows_fails_alone_and_is_seen(self, story: Any) -> None:
        story.register()
        story.push("member.updated", {"id": "m-1", "phone": PHONE, "status": "vacation"})
        story.push("order.paid", order("o-1", story.ctx.now()))
        story.drain()
        assert story.event_states() == {"failed": 1, "waiting": 1}
        assert "vacation" in story.object_state("members", "m-1")[1]
        story.push("member.updated", {"id": "m-1", "phone": PHONE, "status": "active"})
        story.drain()
        assert story.event_states() == {"done": 3}, "news that can be used settles what failed"
        assert story.member().state == "member"

    def test_versions_decide_and_not_the_order_of_arrival(self, story: Any, clock: ManualClock) -> None:
        story.register()
        told = clock.now()
        for version, status in ((3, "expired"), (1, "active"), (2, "frozen")):
            data = {"id": "m-1", "phone": PHONE, "status": status, "updated_at": told.isoformat()}
            story.push("member.updated", data, version=version)
            story.drain()
        assert story.member().state == "lapsed"
        assert story.event_states() == {"done": 1, "stale": 2}

    def test_the_same_version_with_other_content_is_a_conflict_in_the_log_and_no_repeat(
        self, story: Any, clock: ManualClock
    ) -> None:
        story.register()
        data = {"id": "m-1", "phone": PHONE, "status": "active", "updated_at": clock.now().isoformat()}
        story.push("member.updated", data, version=3)
        story.drain()
        story.push("member.updated", data, version=3)
        story.drain()
        assert story.event_states() == {"done": 2}, "told twice, it is one"
        story.push("member.updated", {**data, "status": "expired"}, version=3)
        story.drain()
        assert story.event_states() == {"done": 2, "failed": 1}
        assert story.member().state == "member", "nothing was taken over"
        said = story.object_state("members", "m-1")
        assert said[0] == "applied"
        assert said[1].startswith("version 3 came again with another status")
        story.push("member.updated", {**data, "status": "expired"}, version=4)
        story.drain()
        assert story.member().state == "lapsed"
        assert story.object_state("members", "m-1") == ("applied", "")

    def test_news_of_long_ago_starts_no_gift(self, story: Any, clock: ManualClock) -> None:
        story.register()
        clock.advance(days=30)
        long_ago = clock.now() - timedelta(days=20)
        data = {"id": "m-1", "phone": PHONE, "updated_at": long_ago.isoformat()}
        story.push("member.converted", data, occurred_at=long_ago)
        story.drain()
        assert [fact.origin for fact in story.facts("member_converted")] == ["import"]
        assert story.lead(story.member()).conversion_lag == 20 * 86_400


class TestMoneyAndVisits:
    def test_a_paid_order_is_a_purchase_that_earns(self, story: Any, clock: ManualClock, brand: Context) -> None:
        person = story.register()
        story.push("member.converted", {"id": "m-1", "phone": PHONE})
        story.push("order.paid", order("o-1", clock.now(), 3000_00, store_id="002"))
        story.drain()
        assert story.bought() == (3000_00, 0)
        assert points.balance(brand, person.id).available == 3000
        (fact,) = story.facts("purchase_recorded")
        assert fact.origin == "live"
        assert tenants.venue(brand, "002").id.hex in fact.body.replace("-", "")

    def test_a_refund_that_comes_before_its_order_waits_for_it(self, story: Any, clock: ManualClock) -> None:
        story.register()
        story.push("member.converted", {"id": "m-1", "phone": PHONE})
        story.push("order.refunded", refund("r-1", "o-1", clock.now(), 40_00))
        story.drain()
        assert story.object_state("refunds", "r-1") == ("waiting", "order")
        story.push("order.paid", order("o-1", clock.now()))
        story.drain()
        assert story.bought() == (100_00, 40_00)
        assert story.event_states() == {"done": 3}

    def test_an_order_that_moves_to_another_member_moves_with_its_points_and_refunds(
        self, story: Any, clock: ManualClock, brand: Context
    ) -> None:
        first, second = story.register(), story.register("13800002222")
        story.push("member.converted", {"id": "m-1", "phone": PHONE})
        story.push("member.converted", {"id": "m-2", "phone": "13800002222"})
        story.push("order.paid", order("o-1", clock.now()))
        story.push("order.refunded", refund("r-1", "o-1", clock.now(), 40_00))
        story.drain()

        def held() -> tuple[int, int]:
            return points.balance(brand, first.id).available, points.balance(brand, second.id).available

        assert held() == (60, 0)
        for _ in range(2):
            story.push("order.paid", {**order("o-1", clock.now()), "member_id": "m-2"})
            story.drain()
            assert held() == (0, 60)
        assert story.object_state("orders", "o-1") == ("applied", "")
        story.push("order.paid", {**order("o-1", clock.now()), "member_id": "m-9"})  # nobody here
        story.drain()
        assert held() == (0, 0)
        story.push("order.paid", {**order("o-1", clock.now()), "member_id": "m-2"})
        story.drain()
        assert held() == (0, 60)

    def test_the_lines_of_an_order_earn_by_the_rates_of_their_goods_and_categories(
        self, story: Any, clock: ManualClock, brand: Context, enable_plugin: Any
    ) -> None:
        enable_plugin("purchases", good_percents={"shake": 200}, category_percents={"drinks": 0})
        person = story.register()
        story.push("member.converted", {"id": "m-1", "phone": PHONE})
        lines = [
            {"code": "shake", "name": "奶昔", "category": "drinks", "quantity": 2, "amount_fen": 40_00},
            {"code": "water", "category": "drinks", "amount_fen": 10_00},
            {"code": "towel", "amount_fen": 50_00},
        ]
        story.push("order.paid", order("o-1", clock.now(), lines=lines))
        story.push("order.paid", order("o-2", clock.now(), 99_00, lines=lines))
        story.drain()
        assert points.balance(brand, person.id).available == 2 * 40 + 50
        state, note = story.object_state("orders", "o-2")
        assert (state, "they add up to 10000 fen" in note) == ("failed", True)

    def test_an_event_id_that_comes_again_with_other_content_is_refused_and_noted(
        self, story: Any, clock: ManualClock, brand: Context
    ) -> None:
        story.register()
        story.push("member.converted", {"id": "m-1", "phone": PHONE})
        at = clock.now()
        body = {**order("o-1", at), "version": 1, "updated_at": at.isoformat()}

        def push(**values: Any) -> object:
            (status,) = story.push(
                values["event_type"], values["body"], event_id="e-1", occurred_at=values["occurred_at"],
                store_id=values["store_id"],
            )  # fmt: skip
            row = QinniaoEvent.scoped(brand).get(QinniaoEvent.event_id == "e-1")
            if status == 422:
                assert row.note == AGAIN
                raise KeyReused("names another", "已用于另一笔", fields=[{"path": one} for one in PUSH.fields])
            assert status == 200
            return row.id, row.event_type, row.occurred_at

        base = {"event_type": "order.paid", "occurred_at": at.isoformat(), "store_id": "001", "body": body}
        changed = {
            "event_type": "order.refunded", "occurred_at": (at - timedelta(hours=1)).isoformat(), "store_id": "002",
            "body": body | {"amount_fen": 1},
        }  # fmt: skip
        assert_same_by_all_its_content(PUSH, push, base, changed)
        story.drain()
        assert story.bought() == (100_00, 0)

    def test_an_order_told_with_another_amount_is_kept_for_staff(self, story: Any, clock: ManualClock) -> None:
        story.register()
        story.push("member.converted", {"id": "m-1", "phone": PHONE})
        story.push("order.paid", order("o-1", clock.now()))
        story.drain()
        story.push("order.paid", order("o-1", clock.now(), 200_00))
        story.drain()
        assert story.bought() == (100_00, 0)
        state, note = story.object_state("orders", "o-1")
        assert state == "failed"
        assert "10000 is kept, 20000 was sent" in note

    def test_a_withdrawn_order_is_refunded_in_whole(self, story: Any, clock: ManualClock) -> None:
        story.register()
        story.push("member.converted", {"id": "m-1", "phone": PHONE})
        story.push("order.paid", order("o-1", clock.now()))
        story.push("order.refunded", refund("r-1", "o-1", clock.now(), 40_00))
        story.drain()
        story.push("order.paid", order("o-1", clock.now(), deleted=True))
        story.drain()
        assert story.bought() == (100_00, 100_00)

    def test_a_gate_scan_is_a_visit_in_its_venue(self, story: Any, clock: ManualClock, brand: Context) -> None:
        person = story.register()
        story.push("member.converted", {"id": "m-1", "phone": PHONE})
        story.push("checkin.created", checkin("k-1", clock.now(), store_id=1))  # a number that lost its zeros
        story.drain()
        visit = story.visit("k-1")
        assert (visit.member, visit.venue) == (person.id, tenants.venue(brand, "001").id)

    def test_a_store_that_no_venue_stands_for_is_noted(self, story: Any, clock: ManualClock) -> None:
        story.register()
        story.push("member.converted", {"id": "m-1", "phone": PHONE})
        story.push("checkin.created", checkin("k-1", clock.now(), store_id="009"))
        story.drain()
        assert story.visit("k-1").venue is None
        assert story.object_state("checkins", "k-1") == ("applied", "no venue has the code 009")

    @pytest.mark.parametrize("event_type", ["something.new", "coach.promoted", "order"])
    def test_what_is_no_event_of_the_protocol_is_kept_and_changes_nothing(
        self, story: Any, brand: Context, event_type: str
    ) -> None:
        person = story.register()
        story.push("member.converted", {"id": "m-1", "phone": PHONE})
        story.drain()
        story.push(event_type, {"id": "x-1", "member_id": "m-1"})
        story.drain()
        assert story.event_states() == {"done": 1, "stored": 1}
        row = QinniaoEvent.scoped(brand).get(QinniaoEvent.event_type == event_type)
        assert row.member == person.id

    def test_an_item_that_cannot_be_read_has_failed_and_names_its_fields_only(self, story: Any, brand: Context) -> None:
        story.push("order.paid", {"id": "o-1", "member_id": "m-1", "amount_fen": -5, "paid_at": PHONE})
        story.drain()
        row = QinniaoEvent.scoped(brand).get()
        assert row.state == "failed"
        assert "amount_fen" in row.note
        assert PHONE not in row.note


class TestUnknown:
    def waiting(self, story: Any, clock: ManualClock) -> None:
        story.push("checkin.created", checkin("k-1", clock.now(), store_id="001"))
        story.push("order.refunded", refund("r-1", "o-1", clock.now(), 40_00))
        story.push("order.paid", order("o-1", clock.now()))
        story.push("card.opened", {"id": "c-1", "member_id": "m-1", "ends_on": "2027-05-01"})
        story.push("member.converted", {"id": "m-1", "phone": PHONE})
        story.drain()
        assert story.event_states() == {"waiting": 5}

    def resolved(self, story: Any) -> None:
        now = story.member()
        assert (now.state, now.valid_until) == ("member", date(2027, 5, 1))
        assert story.bought() == (100_00, 40_00)
        assert story.visit("k-1").member == now.id
        assert story.event_states() == {"done": 5}

    def test_all_of_a_stranger_waits_and_a_registration_resolves_it_as_history(
        self, story: Any, clock: ManualClock
    ) -> None:
        self.waiting(story, clock)
        clock.advance(hours=1)
        story.register()
        self.resolved(story)
        assert story.fake.leads == []
        for name in ("member_converted", "purchase_recorded", "visit_recorded"):
            assert [fact.origin for fact in story.facts(name)] == ["import"], name

    def test_without_an_api_the_phone_alone_resolves_it(self, story: Any, clock: ManualClock, brand: Context) -> None:
        self.waiting(story, clock)
        tenants.save_settings(brand, "qinniao", {"app_id": APP_ID})
        object.__setattr__(brand, "tenant", tenants.by_id(brand.tenant.id))
        story.register()
        self.resolved(story)

    def test_staff_say_whose_it_is(self, story: Any, clock: ManualClock, api: Api, brand: Context) -> None:
        person = story.register("13800002222")
        self.waiting(story, clock)
        token = api.as_staff("qinniao.view", "qinniao.convert", "members.view")
        listed = api.get("/admin/v1/qinniao/records?state=waiting&kind=members", token=token).json["items"]
        assert [item["phone"] for item in listed] == ["138****1111"]
        path = f"/admin/v1/qinniao/records/{listed[0]['id']}/assign"
        reply = api.post(path, token=token, json={"member": str(person.id), "reason": "showed the card at the desk"})
        assert reply.status_code < 300, reply.text
        assert members.get(brand, person.id).state == "member"
        assert story.event_states() == {"done": 5}

    def test_a_retry_that_still_finds_nobody_says_so(
        self, story: Any, clock: ManualClock, api: Api, brand: Context
    ) -> None:
        self.waiting(story, clock)
        row = QinniaoObject.scoped(brand).get(QinniaoObject.kind == "orders")
        token = api.as_staff("qinniao.view", "qinniao.retry")
        reply = api.post(f"/admin/v1/qinniao/records/{row.id}/retry", token=token, json={})
        assert (reply.status_code, reply.json["code"]) == (409, "still_waiting")

    def test_an_event_is_tried_again_by_staff(self, story: Any, clock: ManualClock, api: Api, brand: Context) -> None:
        self.waiting(story, clock)
        with brand.transaction():  # known by now, through a door that told nobody
            members.register(brand.imported(), channel="import", phone=PHONE)
        row = QinniaoEvent.scoped(brand).get(QinniaoEvent.event_type == "member.converted")
        token = api.as_staff("qinniao.view", "qinniao.retry")
        reply = api.post(f"/admin/v1/qinniao/events/{row.id}/retry", token=token, json={})
        assert reply.status_code < 300, reply.text
        self.resolved(story)
        assert api.post(f"/admin/v1/qinniao/events/{row.id}/retry", token=token, json={}).status_code == 409


@pytest.mark.parametrize("seed", range(4))
def test_a_whole_life_pushed_ten_times_shuffled_and_late_has_one_effect(
    story: Any, clock: ManualClock, brand: Context, seed: int
) -> None:
    """Whatever the order and however often: the same membership, purchases, refunds, visits and points."""
    shuffled = random.Random(seed)
    person = story.register()
    now = clock.now()
    told = [
        ("member.converted", {"id": "m-1", "phone": PHONE}, 1, 0),
        ("member.updated", {"id": "m-1", "phone": PHONE, "name": "Li"}, 2, 1),
        ("card.opened", {"id": "c-1", "member_id": "m-1", "ends_on": "2027-01-01"}, 1, 2),
        ("card.frozen", {"id": "c-1", "member_id": "m-1", "status": "frozen", "ends_on": "2027-01-01"}, 2, 3),
        (
            "card.renewed",
            {"id": "c-1", "member_id": "m-1", "status": "active", "ends_on": "2028-01-01"},
            3,
            4,
        ),
        ("order.paid", order("o-1", now, 1000_00), 1, 5),
        ("order.paid", order("o-2", now, 500_00), 1, 5),
        ("order.refunded", refund("r-1", "o-1", now, 200_00), 1, 6),
        ("order.refunded", refund("r-2", "o-1", now, 300_00), 1, 7),
        ("checkin.created", checkin("k-1", now), 1, 8),
        ("checkin.created", checkin("k-2", now + timedelta(hours=1)), 1, 9),
    ]
    deliveries = [(number, one) for number, one in enumerate(told) for _ in range(10)]
    shuffled.shuffle(deliveries)
    clock.advance(hours=6)
    for number, (event_type, data, version, minutes) in deliveries:
        at = (now + timedelta(minutes=minutes)).isoformat()
        item = {**data, "updated_at": at}
        assert story.push(event_type, item, version=version, event_id=f"e-{number}", keep=False) == [200]
        if shuffled.random() < 0.1:
            story.drain()
    story.drain()
    state = story.member()
    assert (state.state, state.frozen, state.valid_until) == ("member", False, date(2028, 1, 1))
    assert story.bought() == (1500_00, 500_00)
    assert len(story.facts("member_converted")) == 1
    assert len(story.facts("purchase_recorded")) == 2
    assert len(story.facts("purchase_refunded")) == 2
    assert len(story.facts("visit_recorded")) == 2
    assert points.balance(brand, person.id).available == 1000 + 10
    assert set(story.event_states()) <= {"done", "stale"}
    assert QinniaoEvent.scoped(brand).select().count() == len(told)


@pytest.mark.engines("postgresql")  # SQLite writes one at a time anyway
def test_two_workers_on_the_same_object_at_once_have_one_effect(
    story: Any, brand: Context, clock: ManualClock, saas: Running
) -> None:
    person = story.register()
    for number in range(6):
        story.push("order.paid", order("o-1", clock.now()), version=1, event_id=f"e-{number}", keep=False)
    story.push("member.converted", {"id": "m-1", "phone": PHONE})
    ids = [row.id for row in QinniaoEvent.scoped(brand).select().order_by(QinniaoEvent.id.desc())]
    begin = threading.Barrier(len(ids))

    def work(event: Any) -> None:
        begin.wait()
        brand.run(lambda: inbox.INBOX.process(brand, event))

    threads = [threading.Thread(target=work, args=(event,)) for event in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert story.bought() == (100_00, 0)
    assert points.balance(brand, person.id).available == 100
    assert story.event_states() == {"done": 7}


def test_events_past_their_keeping_go_and_what_they_told_stays(story: Any, brand: Context, clock: ManualClock) -> None:
    story.register()
    story.push("member.converted", {"id": "m-1", "phone": PHONE})
    story.drain()
    clock.advance(days=91)
    with brand.transaction():
        assert inbox.INBOX.clean(brand) is False
    assert story.event_states() == {}
    assert story.object_state("members", "m-1")[0] == "applied"
    assert service.SLUG == "qinniao"


def test_a_stranger_who_left_the_saas_does_not_wait_for_ever(story: Any) -> None:
    story.push("member.updated", {"id": "m-1", "phone": PHONE, "deleted": True})
    story.drain()
    assert story.event_states() == {"ignored": 1}


def test_a_member_who_is_deleted_in_the_saas_has_lapsed(story: Any) -> None:
    story.register()
    story.push("member.converted", {"id": "m-1", "phone": PHONE})
    story.push("member.updated", {"id": "m-1", "phone": PHONE, "deleted": True})
    story.drain()
    assert story.member().state == "lapsed"
