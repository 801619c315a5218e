"""Who coaches whom: told by pushes, by the SaaS or at night, with one effect whatever the order."""

import random
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any  # a story of the conftest
from uuid import UUID

import pytest

from core import members, tenants
from core.clock import ManualClock
from core.contract.context import Context
from hosts.testkit.plugin import Api
from integrations import ivep as face
from integrations.ivep import reading, service, wire
from integrations.ivep.client import IvepClient
from integrations.ivep.models import IvepCoach, IvepCursor, IvepEvent, IvepRelation
from integrations.qinniao.client import Code
from integrations.qinniao.fake import Failure
from integrations.qinniao.fake import Push as SaasPush
from integrations.qinniao.models import QinniaoCircuit
from integrations.qinniao.signing import HmacSigner

PHONE = "13800001111"
ZHOU = {"id": "s-101", "name": "周岚", "title": "力量教练", "picture": "https://cdn.example/101.jpg", "store_id": "001"}
XU = {"id": "s-102", "name": "许川", "store_id": "002"}

pytestmark = pytest.mark.usefixtures("listening")


def relation(number: str = "r-1", coach: str = "s-101", member: str = "m-1", **more: Any) -> dict[str, Any]:
    return {"id": number, "member_id": member, "coach_id": coach, "store_id": "001", **more}


def my_coach(api: Api, person: Any) -> Any:
    reply = api.get("/v1/ivep/coach", token=api.as_member(person))
    assert reply.status_code == 200, reply.text
    return reply.json["coach"]


@pytest.fixture
def reconcile(brand: Context, drain: Callable[[], int]) -> Callable[[], None]:
    def once() -> None:
        with brand.transaction():
            reading.start(brand)
        drain()

    return once


class TestMyCoach:
    def test_a_member_sees_their_coach_with_name_picture_and_venue(self, story: Any, api: Api, brand: Context) -> None:
        person = story.register()
        assert my_coach(api, person) is None
        story.fake.put("coaches", ZHOU)
        assert story.push("coach.assigned", relation()) == [200]
        story.drain()
        venue = tenants.venue(brand, "001")
        seen = my_coach(api, person)
        assert UUID(seen.pop("id")) == face.coach_of(brand, person.id).id
        assert seen == {
            "name": "周岚", "title": "力量教练", "picture": "https://cdn.example/101.jpg", "venue": str(venue.id),
            "venue_name": "江湾店",
        }  # fmt: skip
        assert api.get("/v1/me", token=api.as_member(person)).json["summary"]["ivep"] == {"coach": "周岚"}
        assert face.members_of(brand, face.coach_of(brand, person.id).id) == [person.id]

    def test_a_release_ends_it_and_a_change_of_coach_is_a_release_and_an_assignment(
        self, story: Any, api: Api, clock: ManualClock
    ) -> None:
        person = story.register()
        story.fake.put("coaches", ZHOU)
        story.fake.put("coaches", XU)
        story.push("coach.assigned", relation())
        story.drain()
        clock.advance(minutes=1)
        story.push("coach.assigned", relation(coach="s-102"))
        story.drain()
        assert my_coach(api, person)["name"] == "许川"
        assert [len(story.facts(name)) for name in ("coach_assigned", "coach_released")] == [2, 1]
        story.push("coach.released", relation(coach="s-102"))
        story.drain()
        assert my_coach(api, person) is None
        assert [len(story.facts(name)) for name in ("coach_assigned", "coach_released")] == [2, 2]
        assert {fact.origin for fact in story.facts("coach_assigned")} == {"live"}

    def test_of_two_coaches_the_one_assigned_last_is_mine_and_one_who_left_is_nobodys(
        self, story: Any, api: Api, clock: ManualClock
    ) -> None:
        person = story.register()
        story.fake.put("coaches", ZHOU)
        story.fake.put("coaches", XU)
        story.push("coach.assigned", relation(since=(clock.now() - timedelta(days=2)).isoformat()))
        story.push("coach.assigned", relation("r-2", "s-102", since=clock.now().isoformat()))
        story.drain()
        assert my_coach(api, person)["name"] == "许川"
        story.push("coach.updated", {**XU, "deleted": True})
        story.drain()
        assert my_coach(api, person)["name"] == "周岚"

    def test_a_picture_that_is_no_plain_address_is_left_out(self, story: Any, api: Api) -> None:
        person = story.register()
        story.push("coach.updated", {**ZHOU, "picture": "javascript:alert(1)"})
        story.push("coach.assigned", relation())
        story.drain()
        assert my_coach(api, person)["picture"] is None

    def test_another_member_sees_nothing_of_it(self, story: Any, api: Api) -> None:
        story.register()
        other = story.register("13800002222", number="m-2")
        story.push("coach.assigned", relation())
        story.drain()
        assert my_coach(api, other) is None


class TestOrder:
    def test_versions_decide_and_not_the_order_of_arrival(self, story: Any, api: Api, clock: ManualClock) -> None:
        person = story.register()
        at = clock.now().isoformat()
        news = {1: ("s-101", "assigned"), 2: ("s-102", "assigned"), 3: ("s-102", "released")}
        for version in (3, 1, 2):
            coach, status = news[version]
            story.push("coach.assigned", relation(coach=coach, status=status, updated_at=at), version=version)
            story.drain()
        assert my_coach(api, person) is None
        assert story.facts("coach_assigned") == []
        assert story.event_states() == {"done": 1, "stale": 2}

    @pytest.mark.parametrize("seed", range(3))
    def test_a_whole_story_ten_times_shuffled_ends_the_same(
        self, story: Any, api: Api, clock: ManualClock, seed: int
    ) -> None:
        person = story.register()
        at = clock.now().isoformat()
        told = [
            relation("r-1", "s-101", version=1, updated_at=at),
            relation("r-1", "s-101", version=2, updated_at=at, status="released"),
            relation("r-2", "s-102", version=1, updated_at=at),
        ] * 10
        random.Random(seed).shuffle(told)
        for number, data in enumerate(told):
            story.push("coach.assigned", data, event_id=f"e-{number}")
            if number % 7 == 0:
                story.drain()
        story.drain()
        assert face.coach_of(story.ctx, person.id).number == "s-102"
        assert [row.assigned for row in IvepRelation.scoped(story.ctx).select().order_by(IvepRelation.number)] == [
            False, True,
        ]  # fmt: skip
        assigned, released = len(story.facts("coach_assigned")), len(story.facts("coach_released"))
        assert (assigned - released, released <= 1) == (1, True)

    def test_the_same_event_ten_times_is_one(self, story: Any) -> None:
        story.register()
        assert story.push("coach.assigned", relation(), times=10) == [200] * 10
        story.drain()
        assert story.event_states() == {"done": 1}
        assert len(story.facts("coach_assigned")) == 1

    @pytest.mark.parametrize("how", [{"bad_signature": True}, {"old_timestamp": True}])
    def test_a_forged_or_old_push_is_refused_and_leaves_nothing(self, story: Any, how: dict[str, bool]) -> None:
        assert story.push("coach.assigned", relation(), **how) == [401]
        assert story.event_states() == {}

    def test_the_saas_secret_does_not_open_this_door(self, story: Any, api: Api, clock: ManualClock) -> None:
        path, body = "/callbacks/ivep/acme", b"{}"
        headers = dict(HmacSigner("roost-demo", "fake-qinniao-secret", clock=clock.now).headers("POST", path, body))
        assert api.client.simulate_post(path, body=body, headers=headers).status_code == 401

    def test_while_the_plugin_is_off_nothing_is_there(self, story: Any, brand: Context) -> None:
        tenants.disable_plugin(brand, "ivep")
        assert story.push("coach.assigned", relation()) == [404]

    def test_what_cannot_be_read_has_failed_and_names_its_fields_only(self, story: Any, brand: Context) -> None:
        story.push("coach.assigned", {"id": "r-1", "member_id": PHONE, "coach_id": ""})
        story.drain()
        row = IvepEvent.scoped(brand).get()
        assert (row.state, row.note) == ("failed", "coach_id: string_too_short")
        assert PHONE not in str(IvepEvent.scoped(brand).select().dicts().get())


class TestMatching:
    def test_a_relation_of_a_stranger_waits_and_is_matched_when_the_saas_says_who_it_is(
        self, story: Any, api: Api, clock: ManualClock
    ) -> None:
        story.fake.put("coaches", ZHOU)
        story.push("coach.assigned", relation())
        story.drain()
        clock.advance(hours=1)
        assert (story.relation("r-1").state, story.event_states()) == ("waiting", {"waiting": 1})
        person = story.register()
        assert my_coach(api, person)["name"] == "周岚"
        assert story.event_states() == {"done": 1}
        assert [fact.origin for fact in story.facts("coach_assigned")] == ["import"], "they had the coach before us"

    def test_a_live_link_asks_ivep_for_that_member_at_once(self, story: Any, api: Api) -> None:
        story.fake.put("coaches", ZHOU)
        story.fake.put("relations", relation())
        person = story.register()
        assert my_coach(api, person)["name"] == "周岚"
        asked = [call["query"] for call in story.fake.calls("relations")]
        assert [query.get("member") for query in asked] == ["m-1"]

    def test_an_import_of_many_asks_for_nobody_alone(self, story: Any, brand: Context) -> None:
        with brand.transaction():
            ctx = brand.imported().for_plugin("qinniao")
            from integrations.qinniao import service as saas_service

            for number in range(5):
                view, _ = members.register(ctx, channel="saas", phone=f"1380000000{number}")
                saas_service.link(ctx, view.id, f"m-{number}")
        story.drain()
        assert story.fake.calls("relations") == []

    def test_staff_try_an_unmatched_relation_again(self, story: Any, api: Api, brand: Context) -> None:
        story.push("coach.assigned", relation())
        story.drain()
        token = api.as_staff("ivep.view", "ivep.retry", "members.view")
        (row,) = api.get("/admin/v1/ivep/relations?state=waiting", token=token).json["items"]
        assert (row["member_number"], row["member"]) == ("m-1", None)
        story.fake.put("relations", relation(status="released"))
        reply = api.post(f"/admin/v1/ivep/relations/{row['id']}/retry", token=token)
        assert reply.status_code < 300, reply.text
        story.drain()
        assert story.relation("r-1").assigned is False, "IVEP was asked again"
        tenants.save_settings(brand, "ivep", {})
        reply = api.post(f"/admin/v1/ivep/relations/{row['id']}/retry", token=token)
        assert (reply.status_code, reply.json["code"]) == (409, "still_waiting")

    def test_the_night_finds_who_was_linked_while_the_plugin_was_off(
        self, story: Any, brand: Context, api: Api
    ) -> None:
        story.push("coach.assigned", relation())
        story.drain()
        tenants.disable_plugin(brand, "ivep")
        object.__setattr__(brand, "tenant", tenants.by_id(brand.tenant.id))
        person = story.register()
        tenants.enable_plugin(brand, "ivep")
        object.__setattr__(brand, "tenant", tenants.by_id(brand.tenant.id))
        assert my_coach(api, person) is None
        with brand.transaction():
            brand.enqueue("ivep.sweep", reading.SweepJob())
        story.drain()
        assert face.coach_of(brand, person.id) is not None


class TestFromTheSaas:
    def push(self, story: Any, event_type: str, **more: Any) -> None:
        data = {"id": "r-1", "member_id": "m-1", "coach_id": "s-101", **more}
        story.saas.push(SaasPush(event_type=event_type, data=data))
        story.drain()

    def test_ivep_is_asked_and_what_it_says_counts(self, story: Any, api: Api) -> None:
        person = story.register()
        story.fake.put("coaches", XU)
        story.fake.put("relations", relation("r-9", "s-102"))
        self.push(story, "coach.assigned")
        assert my_coach(api, person)["name"] == "许川"

    def test_without_an_ivep_the_saas_is_believed_and_names_the_coach(
        self, story: Any, api: Api, brand: Context
    ) -> None:
        tenants.save_settings(brand, "ivep", {})
        object.__setattr__(brand, "tenant", tenants.by_id(brand.tenant.id))
        person = story.register()
        story.saas.put("staff", {"id": "s-101", "name": "周岚", "role": "coach", "store_id": "001"})
        with brand.transaction():
            from integrations.qinniao import reconcile as saas_lists

            saas_lists.Pull.start(brand, ["staff"])
        self.push(story, "coach.assigned")
        seen = my_coach(api, person)
        assert (seen["name"], seen["venue_name"]) == ("周岚", "江湾店")
        self.push(story, "coach.released")
        assert my_coach(api, person) is None
        assert len(story.facts("coach_released")) == 1

    def test_a_brand_may_not_want_the_saas_word(self, story: Any, api: Api, brand: Context) -> None:
        tenants.save_settings(brand, "ivep", {"saas_relations": False})
        object.__setattr__(brand, "tenant", tenants.by_id(brand.tenant.id))
        person = story.register()
        self.push(story, "coach.assigned")
        assert my_coach(api, person) is None


class TestReconciliation:
    def test_what_pushes_missed_is_found_and_done_once(
        self, story: Any, reconcile: Callable[[], None], api: Api, brand: Context
    ) -> None:
        person = story.register()
        story.fake.put("coaches", ZHOU)
        story.fake.put("relations", relation())
        reconcile()
        reconcile()
        assert my_coach(api, person)["name"] == "周岚"
        assert len(story.facts("coach_assigned")) == 1
        rows = {row.kind: (row.state, row.error) for row in IvepCursor.scoped(brand).select()}
        assert rows == {"coaches": ("idle", ""), "relations": ("idle", "")}

    def test_an_old_relation_is_history(self, story: Any, reconcile: Callable[[], None], clock: ManualClock) -> None:
        story.register()
        clock.advance(days=30)
        story.fake.put("relations", relation(updated_at=(clock.now() - timedelta(days=20)).isoformat()))
        reconcile()
        assert [fact.origin for fact in story.facts("coach_assigned")] == ["import"]

    def test_one_item_without_a_version_holds_up_nobody_and_is_seen(
        self, story: Any, reconcile: Callable[[], None], brand: Context
    ) -> None:
        story.register()
        story.fake.put("relations", relation("r-0", version=None))
        story.fake.put("relations", relation())
        reconcile()
        assert story.relation("r-1").state == "matched"
        assert (story.relation("r-0").state, story.relation("r-0").note) == ("failed", "version: int_type")

    def test_a_server_that_does_not_know_the_filter_gives_nobody_another_ones_coach(
        self, story: Any, ivep: Any, clock: ManualClock
    ) -> None:
        story.fake.put("relations", relation("r-2", member="m-2"))
        everybody = story.fake.list_page("relations", {})
        story.fake.list_page = lambda kind, query: everybody
        signer = HmacSigner("roost-demo", "fake-ivep-secret", clock=clock.now)
        client = IvepClient(ivep.url, "roost-demo", "fake-ivep-secret", signer=signer)
        assert client.relations_of("m-1") == []

    def test_a_server_that_is_down_is_left_alone_and_found_again(
        self, story: Any, api: Api, brand: Context, clock: ManualClock
    ) -> None:
        story.fake.fail(Failure(api="relations", errcode=int(Code.BUSY), times=1000))
        for number in range(6):
            story.register(f"1380000000{number}", number=f"m-{number}")
        circuit = QinniaoCircuit.scoped(brand).get(QinniaoCircuit.state != "closed")
        assert circuit.state == "open"
        asked = len(story.fake.calls("relations"))
        story.register("13800000009", number="m-9")
        assert len(story.fake.calls("relations")) == asked, "nobody is asked while it is open"
        story.fake.reset()
        story.fake.put("coaches", ZHOU)
        story.fake.put("relations", relation(member="m-9"))
        for _ in range(8):
            clock.advance(minutes=2)
            story.drain()
        assert QinniaoCircuit.scoped(brand).get(QinniaoCircuit.id == circuit.id).state == "closed"
        person = members.find_by_phone(brand, "13800000009")
        assert face.coach_of(brand, person.id) is not None

    def test_the_night_reads_both_lists_once_after_its_hour(
        self, story: Any, clock: ManualClock, tick: Callable[[], int]
    ) -> None:
        tick()
        clock.advance(hours=30)
        before = len(story.fake.calls("coaches"))
        tick()
        tick()
        assert len(story.fake.calls("coaches")) == before + 1

    def test_staff_start_it_and_not_without_a_connection(self, story: Any, api: Api, brand: Context) -> None:
        token = api.as_staff("ivep.retry")
        assert api.post("/admin/v1/ivep/reconciliation", token=token).status_code == 204
        story.drain()
        assert len(story.fake.calls("relations")) == 1
        tenants.save_settings(brand, "ivep", {})
        reply = api.post("/admin/v1/ivep/reconciliation", token=token)
        assert (reply.status_code, reply.json["code"]) == (409, "not_configured")
        assert api.post("/admin/v1/ivep/reconciliation", token=api.as_staff("ivep.view")).status_code == 403


class TestDuties:
    def known(self, story: Any) -> Any:
        person = story.register()
        story.fake.put("coaches", ZHOU)
        story.push("coach.assigned", relation())
        story.drain()
        return person

    def test_an_erased_member_is_forgotten_and_ivep_brings_nobody_back(
        self, story: Any, brand: Context, clock: ManualClock
    ) -> None:
        person = self.known(story)
        with brand.transaction():
            members.erase(brand, person.id, "asked for it")
        row = story.relation("r-1")
        assert (row.state, row.member) == ("erased", None)
        assert all(event.body is None and event.member is None for event in IvepEvent.scoped(brand).select())
        clock.advance(hours=1)
        story.push("coach.assigned", relation(coach="s-102"))
        story.drain()
        assert (story.relation("r-1").state, story.event_states()) == ("erased", {"done": 1, "ignored": 1})

    def test_a_merged_members_coach_is_the_survivors(self, story: Any, brand: Context) -> None:
        merged = self.known(story)
        kept = story.register("13800002222", number="m-2")
        with brand.transaction():
            members.merge(brand, kept.id, merged.id, "one person")
        assert face.coach_of(brand, kept.id).number == "s-101"
        assert face.coach_of(brand, merged.id).number == "s-101", "the old id still leads there"

    def test_a_member_takes_away_who_coached_them(self, story: Any, brand: Context) -> None:
        person = self.known(story)
        with brand.transaction():
            kept = members.export(brand, person.id)["plugins"]["ivep"]
        assert [(one["coach"], one["assigned"]) for one in kept["coaches"]] == [("周岚", True)]

    def test_a_tenant_that_leaves_leaves_nothing(self, story: Any, brand: Context, purge: Any) -> None:
        self.known(story)
        purge(brand, "ivep")
        assert [model.scoped(brand).select().count() for model in (IvepCoach, IvepRelation, IvepEvent)] == [0, 0, 0]


def test_staff_of_one_venue_see_its_relations_and_coaches_only(story: Any, api: Api, brand: Context) -> None:
    for coach in (ZHOU, XU):
        story.push("coach.updated", coach)
    story.register()
    story.register("13800002222", number="m-2")
    story.push("coach.assigned", relation())
    story.push("coach.assigned", relation("r-2", "s-102", "m-2", store_id="002"))
    story.drain()
    token = api.as_staff("ivep.view", venues=(tenants.venue(brand, "001").id,))
    rows = api.get("/admin/v1/ivep/relations", token=token).json["items"]
    assert [(row["number"], row["coach_name"]) for row in rows] == [("r-1", "周岚")]
    assert [row["number"] for row in api.get("/admin/v1/ivep/coaches", token=token).json["items"]] == ["s-101"]


def test_the_panel_counts_what_holds_and_what_waits(story: Any, brand: Context, runtime: Any) -> None:
    story.register()
    story.push("coach.assigned", relation())
    story.push("coach.assigned", relation("r-2", member="m-2"))
    story.drain()
    (panel,) = runtime.registry.plugin("ivep").gives.panels
    shown = dict(panel.read(brand))
    assert (shown["在教关系"], shown["待匹配 / 失败"]) == ("1", "1 / 0")


def test_the_plugin_holds_to_the_rules(assert_plugin_conforms: Callable[[str], None]) -> None:
    assert_plugin_conforms("ivep")


class TestAtOnce:
    """Six workers that take the same relation over: one tells of it."""

    def take_six_times(self, brand: Context, clock: ManualClock) -> None:
        item = wire.IvepRelation(
            id="r-1", version=1, updated_at=clock.now(), member_id="m-1", coach_id="s-101", since=clock.now()
        )
        begin = threading.Barrier(6)

        def work() -> None:
            begin.wait()
            brand.run(lambda: service.take_relation(brand, item, "ivep"))

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def test_a_relation_taken_over_by_many_workers_is_told_once(
        self, story: Any, brand: Context, clock: ManualClock
    ) -> None:
        story.register()
        self.take_six_times(brand, clock)
        assert len(story.facts("coach_assigned")) == 1

    @pytest.mark.engines("postgresql")  # SQLite has one writer, so there nothing needs the lock
    def test_without_the_lock_it_would_be_told_more_than_once(
        self, story: Any, brand: Context, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        story.register()
        with brand.transaction():  # the row is there, so that only the lock would make them wait
            IvepRelation.scoped(brand).create(number="r-1", changed_at=clock.now())
        all_have_read = threading.Barrier(6, timeout=30)
        scope_class = type(IvepRelation.scoped(brand))

        def unlocked(scope: Any, *where: Any) -> Any:
            found = scope.get(*where)
            if scope.model is IvepRelation:
                all_have_read.wait()
            return found

        monkeypatch.setattr(scope_class, "lock", unlocked)
        self.take_six_times(brand, clock)
        assert len(story.facts("coach_assigned")) > 1


class TestWhatAVersionSays:
    def test_the_same_version_with_other_content_is_a_conflict_that_staff_see(
        self, story: Any, api: Api, brand: Context, clock: ManualClock
    ) -> None:
        person = story.register()
        story.fake.put("coaches", ZHOU)
        at = clock.now().isoformat()
        story.push("coach.assigned", relation(version=3, updated_at=at))
        story.drain()
        story.push("coach.assigned", relation(coach="s-102", version=3, updated_at=at))
        story.drain()
        assert my_coach(api, person)["name"] == "周岚"
        assert story.event_states() == {"done": 1, "failed": 1}
        both = "version 3 was told before with other content: coach_id was s-101, is now s-102"
        assert story.relation("r-1").note == both
        assert IvepEvent.scoped(brand).get(IvepEvent.state == "failed").note == both
        story.push("coach.assigned", relation(version=3, updated_at=at))
        story.drain()
        assert story.event_states() == {"done": 2, "failed": 1}, "the same content is no conflict"

    @pytest.mark.parametrize(
        ("name", "value"),
        [("name", "周蓝"), ("title", "店长"), ("picture", "https://img.example.com/other.jpg"), ("deleted", True)],
    )
    def test_a_coach_told_again_with_other_content_is_a_conflict_that_changes_nothing(
        self, story: Any, brand: Context, clock: ManualClock, name: str, value: object
    ) -> None:
        at = clock.now().isoformat()
        told = {**ZHOU, "version": 3, "updated_at": at}
        story.push("coach.updated", told)
        story.drain()
        before = IvepCoach.scoped(brand).get(IvepCoach.number == ZHOU["id"])
        story.push("coach.updated", {**told, name: value}, keep=False)
        story.push("coach.updated", {key: told[key] for key in ("id", "name", "version", "updated_at")}, keep=False)
        story.drain()
        assert story.event_states() == {"done": 2, "failed": 1}, "what a repeat leaves out is no contradiction"
        note = IvepEvent.scoped(brand).get(IvepEvent.state == "failed").note
        assert note.startswith(f"version 3 was told before with other content: {name} was ")
        assert note.endswith(f"is now {value}")
        after = IvepCoach.scoped(brand).get(IvepCoach.number == ZHOU["id"])
        assert (after.name, after.title, after.picture, after.gone) == (
            before.name, before.title, before.picture, before.gone,
        )  # fmt: skip


class TestClasses:
    def test_a_coach_of_the_list_is_a_coach_among_the_members_until_they_leave(
        self, story: Any, brand: Context, clock: ManualClock
    ) -> None:
        person = story.register()
        story.push("coach.updated", {**ZHOU, "phone": PHONE})
        story.drain()
        assert members.get(brand, person.id).class_ == "coach"
        clock.advance(minutes=1)
        story.push("coach.updated", {**ZHOU, "phone": PHONE, "deleted": True})
        story.drain()
        assert members.get(brand, person.id).class_ == "ordinary"
