"""The SaaS names the day of a conversion by a zone of its own: whom our lead brought is welcomed all the same, once."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any  # JSON as it came
from zoneinfo import ZoneInfo

import pytest

from core import points
from core.clock import ManualClock
from core.contract.context import Context
from core.registry.registry import PluginsFile
from integrations.qinniao.fake import Failure

ZONES = ("Asia/Shanghai", "America/Los_Angeles", "Pacific/Kiritimati")
LEAP_DAY = date(2028, 2, 29)
WELCOME = 200  # points of the standard rule
PHONE = "13800001111"

pytestmark = pytest.mark.usefixtures("listening")


@pytest.fixture(scope="session")
def plugins_file() -> PluginsFile:
    """Load gifts too, and so all, which most tests do."""
    return PluginsFile()


@pytest.fixture(autouse=True)
def _gifts(brand: Context, enable_plugin: Callable[..., None]) -> None:
    enable_plugin("gifts")


@pytest.fixture
def given(story: Any, clock: ManualClock, tick: Callable[[], int]) -> Callable[[str], int]:
    """Return the points of a person a day later, when the SaaS has told all again and its lists were read."""

    def points_of(phone: str) -> int:
        story.drain()
        clock.advance(days=1)
        tick()
        return points.balance(story.ctx, story.member(phone).id, "points").available

    return points_of


@pytest.mark.parametrize("tenant_zone", ZONES)
@pytest.mark.parametrize("at", [time(0, 5), time(23, 55)], ids=["00:05", "23:55"])
def test_who_buys_a_card_as_they_register_is_welcomed_once_whatever_day_is_named(
    story: Any, brand: Context, clock: ManualClock, at: time, given: Callable[[str], int]
) -> None:
    clock.set(datetime.combine(LEAP_DAY, at, ZoneInfo(brand.tenant.zone)))
    own, early, late = (LEAP_DAY + timedelta(days=days) for days in (0, -1, 1))
    named: dict[str, dict[str, Any]] = {
        "13800000001": {"joined_on": own.isoformat()},
        "13800000002": {"joined_on": early.isoformat()},
        "13800000003": {"joined_on": late.isoformat()},
        "13800000004": {},
    }
    people = {phone: story.register(phone) for phone in named}
    clock.advance(minutes=1)
    for phone, day in named.items():
        bought = {"id": f"m-{phone}", "phone": phone, "lead_external_id": str(people[phone].id), **day}
        story.push("member.converted", bought)
        story.push("member.converted", {**bought, "version": 2})
    # One more, whom the SaaS knows by phone alone.
    story.register("13800000005")
    story.push("member.converted", {"id": "m-5", "phone": "13800000005", "joined_on": early.isoformat()})
    assert {phone: given(phone) for phone in (*named, "13800000005")} == dict.fromkeys((*named, "13800000005"), WELCOME)
    assert {fact.origin for fact in story.facts("member_converted")} == {"live"}
    assert not any(story.lead(person).late for person in people.values())


def test_an_old_member_whom_the_saas_joins_with_our_lead_is_history(
    story: Any, clock: ManualClock, given: Callable[[str], int]
) -> None:
    clock.set(datetime(2028, 2, 29, 4, tzinfo=UTC))
    person = story.register(PHONE)
    old = {"id": "m-1", "phone": PHONE, "lead_external_id": str(person.id), "joined_on": "2028-02-27"}
    story.push("member.converted", old)
    assert given(PHONE) == 0
    assert story.member(PHONE).state == "member"


def test_a_lead_that_converts_before_we_know_it_was_taken_is_live(
    story: Any, clock: ManualClock, given: Callable[[str], int]
) -> None:
    """The answer to the lead was lost; when it is tried again its phone is a member's, of no day."""
    story.fake.fail(Failure(api="leads", status=502, after=True))
    person = story.register(PHONE)
    assert [lead["external_id"] for lead in story.fake.leads] == [str(person.id)]
    story.fake.put("members", {"id": "m-1", "phone": PHONE, "lead_external_id": str(person.id)})
    clock.advance(minutes=1)
    assert given(PHONE) == WELCOME


def test_a_match_that_names_somebody_elses_lead_is_history(story: Any, given: Callable[[str], int]) -> None:
    other = story.register("13800002222")
    story.fake.put("members", {"id": "m-1", "phone": PHONE, "lead_external_id": str(other.id)})
    story.register(PHONE)
    assert given(PHONE) == 0
