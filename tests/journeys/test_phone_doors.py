"""One phone, however it is written, is one person: every spelling goes through every door that reads a phone."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from core import identity, members
from core.clock import ManualClock
from core.contract.context import Context
from core.members import NewMember
from core.privacy import normalise_phone, redact_phones
from core.registry.registry import PluginsFile
from hosts.testkit.plugin import PASSWORD, Api
from integrations.qinniao import service as qinniao
from integrations.qinniao.client import same_phone
from integrations.qinniao.csv_import import import_csv
from integrations.qinniao.wire import SaasMember
from integrations.sms import wire
from plugins.gifts.schemas import Address
from plugins.notify.importing import receivable
from plugins.orders.schemas import AddressIn
from tests.hosts.console.browser import Browser

BARE = "13812345678"
SPELLINGS = (
    BARE,
    f"+86{BARE}",
    f"86{BARE}",
    f"0086{BARE}",
    f"(+86){BARE}",
    f"(86) {BARE}",
    "+86 138 1234 5678",
    "+86-138-1234-5678",
    "138-1234-5678",
    "138.1234.5678",
    "138 1234 5678",
    f"  {BARE}\t",
    "138\u00a01234\u00a05678",  # no-break space
    "138\u30001234\u30005678",  # ideographic space
    "１３８１２３４５６７８",
    "＋８６　１３８－１２３４－５６７８",
    "138\u20101234\u20115678",  # hyphen, non-breaking hyphen
    "138\u20131234\u20145678",  # en and em dash
    "138\u22121234\u22125678",  # minus
    f"\u202d{BARE}\u202c",  # as copied from a phone's address book
    f"\u200e+86 {BARE}\u200f",
    "138\u200b1234\u20605678",
    f"\ufeff{BARE}",
    f"'{BARE}",  # a spreadsheet's mark of a text
    f"{BARE}.0",  # a column of numbers, exported
    "١٣٨١٢٣٤٥٦٧٨",
)
NO_PHONES = ("1380013800.0", f"{BARE}9", f"0{BARE}", "138+12345678", f"x{BARE}", f"{BARE}/13900000000", "1" * 80)


@pytest.fixture
def plugins_file() -> PluginsFile:
    """Load what reads phones."""
    return PluginsFile(load=("purchases", "qinniao", "visits", "sms"))


@pytest.fixture
def person(member: Callable[..., members.MemberView], enable_plugin: Callable[..., None]) -> members.MemberView:
    """Return who has the phone."""
    enable_plugin("purchases", "visits", "sms", "qinniao")
    return member(phone=BARE)


@pytest.mark.parametrize("written", SPELLINGS)
def test_every_spelling_is_read_as_one_number(written: str) -> None:
    assert normalise_phone(written) == f"+86{BARE}"
    assert receivable("sms", written) == f"+86{BARE}"
    assert wire._phone(written) == f"+86{BARE}"
    assert same_phone(written, BARE)
    there = {"name": "王明", "detail": "南京西路 1 号"}
    assert Address(phone=written, region="上海", **there).phone == BARE
    assert AddressIn(phone=written, province="上海", city="上海", **there).phone == BARE


@pytest.mark.parametrize("written", NO_PHONES)
def test_what_is_no_phone_is_not_made_one(written: str) -> None:
    with pytest.raises(Exception, match="mainland"):
        normalise_phone(written)


def test_a_landline_stays_a_landline_where_somebody_is_called() -> None:
    address = Address(name="王明", phone="021–6000 8000", region="上海", detail="南京西路 1 号")
    assert address.phone == "021-60008000"
    with pytest.raises(ValueError, match="6 to 20 digits"):
        Address(name="王明", phone="call me", region="上海", detail="南京西路 1 号")


def test_a_phone_in_a_text_is_masked_whatever_stands_between_its_digits() -> None:
    for written in ("138\u00a01234\u00a05678", "138.1234.5678", "138\u20131234\u20135678", "（+86）138 1234 5678"):
        assert "1234" not in redact_phones(f"call {written} today")
    assert redact_phones("１３８１２３４５６７８") == "１３８****５６７８"


def test_core_registers_and_finds_one_person(tenant: Context, person: members.MemberView) -> None:
    with tenant.transaction():
        for written in SPELLINGS:
            assert members.register(tenant, channel="staff", phone=written) == (person, False)
            found = members.find_by_phone(tenant, written)
            assert found is not None
            assert found.id == person.id
            assert members.change_phone(tenant, person.id, written).id == person.id
        rows = [NewMember(provider="crm", subject=f"s-{n}", phone=written) for n, written in enumerate(SPELLINGS)]
        assert set(members.register_many(tenant, rows).values()) == {person.id}


def test_staff_and_keys_register_and_find_one_person(api: Api, person: members.MemberView) -> None:
    key = api.as_key("members.view", "members.edit")
    for written in SPELLINGS:
        made = api.post("/admin/v1/members", token=key, json={"phone": written})
        assert (made.status_code, made.json["id"], made.json["created"]) == (201, str(person.id), False), written
        found = api.get("/admin/v1/members", token=key, params={"phone": written})
        assert [row["id"] for row in found.json["items"]] == [str(person.id)], written
    last = api.get("/admin/v1/members", token=key, params={"last_four": "５６\u200b７８"})
    assert [row["id"] for row in last.json["items"]] == [str(person.id)]


def test_the_console_finds_and_registers_one_person(api: Api, tenant: Context, person: members.MemberView) -> None:
    with tenant.transaction():
        identity.save_role(tenant, "desk", "desk", ("members.view", "members.edit"))
        made = identity.create_staff(tenant, "desk", PASSWORD, "Desk", ["desk"], ())
    browser = Browser(api.app, tenant, made.id, "desk")
    with tenant.transaction():
        browser.hold(identity.open_session(tenant, "staff", made.id))
    page = f"/console/core/members/{person.id}"
    for written in SPELLINGS:
        found = browser.post("/console/core/find-member", {"who": written, "back": "/console/core/members"})
        assert found.headers.get("Location") == page, written
        created = browser.post("/console/core/members/new", {"phone": written})
        assert created.headers.get("Location") == page, (written, created.text[:2000])


def test_a_code_by_text_message_is_good_for_the_number_however_it_is_written(
    api: Api, tenant: Context, person: members.MemberView, clock: ManualClock
) -> None:
    for written in SPELLINGS:
        clock.advance(minutes=20)  # a phone gets few codes a minute and an hour
        with tenant.transaction():
            code = identity.issue_code(tenant, "sms.login", f"+86{BARE}")
        done = api.post("/v1/sms/login", json={"phone": written, "code": code})
        assert (done.status_code, done.json.get("member", {}).get("id")) == (200, str(person.id)), (written, done.text)


def test_the_business_software_names_one_person(tenant: Context, person: members.MemberView, drain: Any) -> None:
    ctx = tenant.for_plugin("qinniao")
    for number, written in enumerate(SPELLINGS, 1):
        item = SaasMember.model_validate(
            {"id": f"m-{number}", "version": 1, "updated_at": tenant.now(), "phone": written, "status": "active"}
        )
        with ctx.transaction():
            assert qinniao._by_phone(ctx, item.phone) == person
    quoted = [written for written in SPELLINGS if "\t" not in written]
    lines = [f'f-{number},"{written}",active' for number, written in enumerate(quoted)]
    report = import_csv(tenant, io.StringIO("\n".join(["id,phone,status", *lines])))
    assert (report.applied, report.failed, report.waiting) == (len(quoted), 0, 0)
