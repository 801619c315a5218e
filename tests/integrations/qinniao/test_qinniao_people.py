"""Members of the SaaS from a file; what becomes of its records when one is erased, merged or exported."""

import io
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any  # a story of the conftest

import pytest

from core import members, points
from core.clock import ManualClock
from core.contract.context import Context
from core.errors import Invalid
from integrations.qinniao.csv_import import import_csv
from integrations.qinniao.models import QinniaoEvent, QinniaoLead, QinniaoObject

PHONE = "13800001111"


def file(*rows: str, heading: str = "id,phone,status,ends_on,name") -> io.StringIO:
    return io.StringIO("\n".join([heading, *rows]))


class TestFile:
    def test_known_phones_are_taken_over_and_others_wait_for_their_registration(
        self, story: Any, brand: Context
    ) -> None:
        story.register(channel="saas")
        report = import_csv(brand, file(f"m-1,{PHONE},active,2027-05-01,Li", "m-2,13800002222,frozen,,Han"))
        assert (report.rows, report.applied, report.waiting, report.failed) == (2, 1, 1, 0)
        now = story.member()
        assert (now.state, now.valid_until) == ("member", date(2027, 5, 1))
        story.register("13800002222")
        other = story.member("13800002222")
        assert (other.state, other.frozen) == ("member", True)
        assert {fact.origin for fact in story.facts("member_converted")} == {"import"}

    def test_chinese_headings_and_statuses_are_read(self, story: Any, brand: Context) -> None:
        story.register(channel="saas")
        given = file(f"m-1,{PHONE},停卡,001", heading="\ufeff会员号,手机号,会籍状态,门店编号")
        assert import_csv(brand, given).applied == 1
        assert story.member().frozen is True

    def test_the_same_file_again_changes_nothing_and_a_newer_one_does(
        self, story: Any, brand: Context, clock: ManualClock
    ) -> None:
        story.register(channel="saas")
        rows, written = f"m-1,{PHONE},active,,", clock.now()
        import_csv(brand, file(rows), as_of=written)
        assert import_csv(brand, file(rows), as_of=written).unchanged == 1
        clock.advance(days=1)
        assert import_csv(brand, file(f"m-1,{PHONE},expired,,")).applied == 1
        assert story.member().state == "lapsed"
        late = import_csv(brand, file(rows), as_of=written + timedelta(hours=1))
        assert (late.unchanged, story.member().state) == (1, "lapsed"), "an older file does not undo a newer one"

    def test_unknown_people_are_registered_when_asked_and_not_pushed(self, story: Any, brand: Context) -> None:
        report = import_csv(brand, file(f"m-1,{PHONE},active,,Li Lei"), register=True)
        story.drain()
        assert (report.registered, report.applied) == (1, 1)
        assert (story.member().name, story.member().channel) == ("Li Lei", "saas")
        assert story.fake.leads == []

    def test_a_bad_row_is_named_by_its_line_and_the_others_are_taken(self, story: Any, brand: Context) -> None:
        rows = (
            "m-1,13800001111,active,,",
            ",13800002222,active,,",
            "m-3,13800003333,gone,,",
            "m-4,12,active,,",
            "m-5,13800005555,active,soon,",
        )
        report = import_csv(brand, file(*rows), register=True)
        assert (report.rows, report.applied, report.failed) == (5, 1, 4)
        assert [line for line, _ in report.errors] == [3, 4, 5, 6]
        assert "13800002222" not in str(report.errors)

    def test_a_file_without_the_columns_is_refused_whole(self, brand: Context) -> None:
        with pytest.raises(Invalid, match="status"):
            import_csv(brand, file("m-1,13800001111", heading="id,phone"))

    def test_many_rows_are_taken_in_chunks_that_are_kept(self, story: Any, brand: Context) -> None:
        rows = [f"m-{n},138{n:08d},active,," for n in range(450)]
        report = import_csv(brand, file(*rows), register=True)
        assert report.applied == 450
        assert QinniaoObject.scoped(brand).select().count() == 450


@pytest.mark.usefixtures("listening")
class TestDuties:
    def known(self, story: Any, clock: ManualClock, phone: str = PHONE, saas_id: str = "m-1") -> Any:
        person = story.register(phone)
        story.push("member.converted", {"id": saas_id, "phone": phone})
        story.drain()
        return person

    def test_an_erased_member_is_forgotten_and_the_saas_brings_nobody_back(
        self, story: Any, clock: ManualClock, brand: Context
    ) -> None:
        person = self.known(story, clock)
        with brand.transaction():
            members.erase(brand, person.id, "asked for it")
        assert QinniaoLead.scoped(brand).select().count() == 0
        assert all(row.body is None and row.member is None for row in QinniaoEvent.scoped(brand).select())
        clock.advance(hours=1)
        story.push("member.updated", {"id": "m-1", "phone": PHONE})
        story.push(
            "order.paid",
            {"id": "o-1", "member_id": "m-1", "amount_fen": 5, "paid_at": clock.now().isoformat()},
        )
        story.drain()
        assert story.event_states() == {"done": 1, "ignored": 2}
        assert story.bought() == (0, 0)
        assert all(row.body is None for row in QinniaoObject.scoped(brand).select())
        assert members.find_by_identity(brand, "qinniao", "m-1") is None

    def test_who_registers_again_after_that_is_matched_again(
        self, story: Any, clock: ManualClock, brand: Context
    ) -> None:
        person = self.known(story, clock)
        with brand.transaction():
            members.erase(brand, person.id, "asked for it")
        again = story.register()
        assert again.id != person.id
        assert story.member().state == "member"
        assert story.lead(again).state == "matched"

    def test_a_merged_members_records_follow(self, story: Any, clock: ManualClock, brand: Context) -> None:
        kept = self.known(story, clock)
        merged = self.known(story, clock, "13800002222", "m-2")
        with brand.transaction():
            members.merge(brand, kept.id, merged.id, "one person")
        story.drain()
        owners = {row.member for row in QinniaoObject.scoped(brand).select().where(QinniaoObject.kind == "members")}
        assert owners == {kept.id}
        clock.advance(hours=1)
        paid = {"id": "o-2", "member_id": "m-2", "amount_fen": 300_00, "paid_at": clock.now().isoformat()}
        story.push("order.paid", paid)
        story.drain()
        assert points.balance(brand, kept.id).available == 300

    def test_of_two_records_of_one_person_the_better_counts(
        self, story: Any, clock: ManualClock, brand: Context
    ) -> None:
        kept = self.known(story, clock)
        merged = self.known(story, clock, "13800002222", "m-2")
        with brand.transaction():
            members.merge(brand, kept.id, merged.id, "one person")
        clock.advance(hours=1)
        story.push("member.updated", {"id": "m-2", "phone": "13800002222", "status": "expired"})
        story.drain()
        assert members.get(brand, kept.id).state == "member"

    def test_a_member_takes_away_how_they_stand_with_the_saas(
        self, story: Any, clock: ManualClock, brand: Context
    ) -> None:
        person = self.known(story, clock)
        with brand.transaction():
            kept = members.export(brand, person.id)["plugins"]["qinniao"]
        assert kept["lead"]["state"] in ("pushed", "matched")
        assert [event["type"] for event in kept["events"]] == ["member.converted"]
        assert [record["kind"] for record in kept["records"]] == ["members"]


def test_the_plugin_holds_to_the_rules(assert_plugin_conforms: Callable[[str], None]) -> None:
    assert_plugin_conforms("qinniao")
