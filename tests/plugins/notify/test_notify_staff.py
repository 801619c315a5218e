"""Staff are told of what they asked for, by the ways that they gave, within what they may see."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from core import identity, tenants
from core.contract.context import Context
from core.identity import Staff
from hosts.testkit.plugin import Api
from plugins.notify import keeping, noticing
from plugins.notify.models import NotifyNotice, NotifyStaff
from plugins.notify.staff_schemas import NoticeEdit
from tests.plugins.notify.conftest import Pigeon, Story

PATH = "/admin/v1/notify/staff"
MAY = ("notify.told", "cheer.view")


@pytest.fixture
def venues(brand: Context) -> tuple[UUID, UUID]:
    with brand.transaction():
        return tenants.add_venue(brand, "001", "江湾店").id, tenants.add_venue(brand, "002", "苏河店").id


def ask(api: Api, token: str, phone: str = "13800001111", **more: Any) -> Any:
    return api.post(PATH, token=token, json={"channel": "sms", "address": phone, "notices": ["grumbled"], **more})


def told(pigeon: Pigeon) -> list[tuple[str, str]]:
    return sorted((message.address, message.text) for _, message in pigeon.sent)


def test_an_account_is_told_of_its_venues_and_head_office_of_all(
    brand: Context, story: Story, pigeon: Pigeon, api: Api, venues: tuple[UUID, UUID]
) -> None:
    ask(api, api.as_staff(*MAY, venues=(venues[0],)), "138 0000 1111")
    ask(api, api.as_staff(*MAY, venues=(venues[1],)), "13800002222")
    ask(api, api.as_staff(*MAY), "13800003333")
    story.publish("grumbled", venue=venues[0])
    words = "江湾店 有人抱怨"
    assert told(pigeon) == [("+8613800001111", words), ("+8613800003333", words)]
    assert {message.marketing for _, message in pigeon.sent} == {False}


def test_the_same_fact_delivered_twice_tells_once(
    brand: Context, story: Story, pigeon: Pigeon, api: Api, venues: tuple[UUID, UUID], fact: Callable[..., Any]
) -> None:
    ask(api, api.as_staff(*MAY))
    story.publish("grumbled", venue=venues[0])
    event = story.facts("grumbled")[0]
    with brand.transaction():
        brand.services.registry.plugins["notify"].gives.listener.hear(
            brand, fact("grumbled", venue=venues[0], event=event.id)
        )
    story.drain()
    assert len(pigeon.sent) == 1


def test_who_asked_for_nothing_may_not_see_it_or_is_switched_off_is_not_told(
    brand: Context, story: Story, pigeon: Pigeon, api: Api, venues: tuple[UUID, UUID]
) -> None:
    api.as_staff(*MAY)
    lost, gone = api.as_staff(*MAY), api.as_staff(*MAY)
    for token in (lost, gone):
        assert ask(api, token).status_code == 201
    names = [row.username for row in Staff.scoped(brand).select().order_by(Staff.created_at, Staff.id)][-2:]
    with brand.transaction():
        identity.save_role(brand, f"role-{names[0]}", "fewer", ["notify.told"])
        identity.set_staff_active(brand, Staff.scoped(brand).get(Staff.username == names[1]).id, False)
    story.publish("grumbled", venue=venues[0])
    assert pigeon.sent == []
    with brand.transaction():
        keeping.clean(brand)
    assert NotifyStaff.scoped(brand).select().count() == 1, "the address of an account that is off is forgotten"


def test_an_account_asks_for_itself_changes_its_mind_and_its_address_is_shown_masked(
    brand: Context, api: Api, story: Story, pigeon: Pigeon, venues: tuple[UUID, UUID]
) -> None:
    token = api.as_staff(*MAY)
    first = ask(api, token).json
    again = ask(api, token, "13800009999").json
    assert (again["id"], again["address"]) == (first["id"], "138****9999")
    kept = bytes(NotifyStaff.scoped(brand).get().staff_address)
    assert b"13800009999" not in kept
    assert api.post(f"{PATH}/{first['id']}/end", token=token, json={}).status_code == 200
    story.publish("grumbled", venue=venues[0])
    assert pigeon.sent == []


def test_what_is_no_account_no_phone_or_not_theirs_to_see_is_refused(brand: Context, api: Api) -> None:
    assert ask(api, api.as_key(*MAY)).status_code == 403
    assert ask(api, api.as_staff(*MAY), "021-555").json["code"] == "bad_phone"
    refused = ask(api, api.as_staff("notify.told"))
    assert (refused.status_code, "grumbled" in refused.json["fields"][0]["message"]) == (422, True)
    assert ask(api, api.as_staff(*MAY), notices=["cheered"]).status_code == 422, "members are told of it"


def test_the_tenant_switches_it_off_and_writes_its_words(
    brand: Context, story: Story, pigeon: Pigeon, api: Api, venues: tuple[UUID, UUID]
) -> None:
    ask(api, api.as_staff(*MAY))

    def edit(**values: Any) -> None:
        with brand.transaction():
            noticing.write_down(brand)
            row = NotifyNotice.scoped(brand).get(NotifyNotice.fact == "grumbled")
            noticing.edit(brand, row.id, NoticeEdit(**values))
        object.__setattr__(brand, "tenant", tenants.by_id(brand.tenant.id))

    edit(text_zh="{venue}：请看")
    story.publish("grumbled", venue=venues[0])
    assert [message.text for _, message in pigeon.sent] == ["江湾店：请看"]
    edit(enabled=False)
    story.publish("grumbled", venue=venues[0])
    assert len(pigeon.sent) == 1
