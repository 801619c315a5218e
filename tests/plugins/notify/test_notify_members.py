"""What members do: read, say what they want, and take away or lose what is kept of them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core import members, tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.members import MemberView
from hosts.testkit.plugin import Api
from plugins.notify import announcements, keeping, preferences
from plugins.notify.models import NotifyContact, NotifyInbox, NotifyMember, NotifyMessage
from plugins.notify.schemas import PreferencesIn
from plugins.notify.staff_schemas import AnnouncementIn
from tests.plugins.notify.conftest import Pigeon, Story

NOTIFY = "/v1/notify"


@pytest.fixture
def li(member: Callable[..., MemberView]) -> MemberView:
    return member(name="李雷")


def cheer(story: Story, member: MemberView, count: int = 1) -> None:
    for number in range(count):
        story.publish("cheered", member=member.id, words=f"go {number}")


def test_the_inbox_pages_newest_first_and_counts_what_is_unread(story: Story, li: MemberView, api: Api) -> None:
    cheer(story, li, 5)
    token = api.as_member(li)
    first = api.get(f"{NOTIFY}/messages?limit=3", token=token).json
    second = api.get(f"{NOTIFY}/messages?limit=3&cursor={first['next_cursor']}", token=token).json
    assert [m["text"][-4:] for m in (*first["items"], *second["items"])] == [f"go {n}" for n in (4, 3, 2, 1, 0)]
    assert second["next_cursor"] is None
    assert api.get(f"{NOTIFY}/news", token=token).json == {"unread": 5, "newest": first["items"][0]["id"]}


def test_read_one_read_all_up_to_what_was_seen(story: Story, li: MemberView, api: Api) -> None:
    cheer(story, li, 3)
    token = api.as_member(li)
    newest, middle, _ = api.get(f"{NOTIFY}/messages", token=token).json["items"]
    for _ in range(2):
        assert api.post(f"{NOTIFY}/messages/{middle['id']}/read", token=token).status_code == 204
    assert api.get(f"{NOTIFY}/news", token=token).json["unread"] == 2
    cheer(story, li)  # came after the list was shown
    done = api.post(f"{NOTIFY}/messages/read-all", token=token, json={"until": newest["id"]})
    assert done.json == {"read": 2}
    left = api.get(f"{NOTIFY}/messages?unread=true", token=token).json["items"]
    assert len(left) == 1
    assert left[0]["id"] > newest["id"]
    assert api.post(f"{NOTIFY}/messages/read-all", token=token, json={}).json == {"read": 1}


def test_nobody_reads_another_members_messages(
    story: Story, li: MemberView, member: Callable[..., MemberView], api: Api
) -> None:
    cheer(story, li)
    mine = api.get(f"{NOTIFY}/messages", token=api.as_member(li)).json["items"][0]
    other = api.as_member(member())
    assert api.get(f"{NOTIFY}/messages", token=other).json["items"] == []
    assert api.post(f"{NOTIFY}/messages/{mine['id']}/read", token=other).status_code == 404
    assert api.post(f"{NOTIFY}/messages/read-all", token=other, json={}).json == {"read": 0}


def test_asking_for_news_where_there_is_none_costs_one_statement(
    story: Story, li: MemberView, api: Api, statements: list[str], brand: Context
) -> None:
    cheer(story, li, 3)
    token = api.as_member(li)
    api.post(f"{NOTIFY}/messages/read-all", token=token, json={})
    statements.clear()
    assert api.get(f"{NOTIFY}/news", token=token).json == {"unread": 0, "newest": None}
    mine = [sql for sql in statements if "notify" in sql]
    assert len(mine) == 1
    assert len(statements) <= 3, "who asks, and the question"


# --- what they want --------------------------------------------------------------------------------------------------


def test_preferences_show_every_group_and_channel_in_the_readers_language(
    brand: Context, li: MemberView, api: Api
) -> None:
    shown = api.get(f"{NOTIFY}/preferences", token=api.as_member(li), headers={"Accept-Language": "en"}).json
    assert {c["channel"] for c in shown["channels"]} == {"inbox", "email", "sms", "bird"}
    assert {c["channel"]: c["marketing"] for c in shown["channels"]}["inbox"] is True
    assert {g["group"] for g in shown["groups"]} >= {"cheer", "notify", "campaign"}
    assert {g["group"]: g["title"] for g in shown["groups"]}["campaign"] == "News and offers"


def test_a_group_that_a_member_does_not_want_by_a_channel_does_not_come_by_it(
    story: Story, li: MemberView, api: Api, pigeon: Pigeon, use: Callable[..., None]
) -> None:
    use(channels=["inbox", "sms"])
    token = api.as_member(li)
    off = api.put(f"{NOTIFY}/preferences", token=token, json={"off": {"cheer": ["sms"]}})
    assert {g["group"]: g["off"] for g in off.json["groups"]}["cheer"] == ["sms"]
    cheer(story, li)
    assert (pigeon.sent, story.inbox(li), story.states()) == ([], 1, ["sent"])
    api.put(f"{NOTIFY}/preferences", token=token, json={"off": {"cheer": ["sms", "inbox"]}})
    cheer(story, li)
    assert (story.inbox(li), story.states()[-1], story.rows()[-1].code) == (1, "skipped", "off")
    api.put(f"{NOTIFY}/preferences", token=token, json={"off": {"cheer": []}})
    cheer(story, li)
    assert pigeon.ways() == ["sms"]


@pytest.mark.parametrize(
    "body",
    [
        {"off": {"nothing": ["sms"]}},
        {"off": {"cheer": ["smoke"]}},
        {"marketing": {"smoke": True}, "policy_version": "1"},
        {"marketing": {"sms": True}},
        {"marketing": {"sms": True}, "policy_version": "0"},
        {"of": {}},
    ],
)
def test_what_is_not_there_cannot_be_wanted(brand: Context, li: MemberView, api: Api, body: dict[str, Any]) -> None:
    assert api.put(f"{NOTIFY}/preferences", token=api.as_member(li), json=body).status_code == 422
    assert members.consents(brand, li.id) == {}


def test_a_yes_and_a_no_to_marketing_hold_at_once_and_name_the_text_they_answer(
    brand: Context, story: Story, li: MemberView, api: Api, pigeon: Pigeon, clock: ManualClock
) -> None:
    token = api.as_member(li)
    yes = api.put(f"{NOTIFY}/preferences", token=token, json={"marketing": {"sms": True}, "policy_version": "1"})
    assert {c["channel"]: c["marketing"] for c in yes.json["channels"]}["sms"] is True
    held = members.consents(brand, li.id)["marketing.sms"]
    assert (held.given, held.policy_version, held.channel) == (True, "1", "notify")
    story.letter(li)
    story.drain()
    clock.advance(days=1)
    api.put(f"{NOTIFY}/preferences", token=token, json={"marketing": {"all": False}})
    story.letter(li, channels=("inbox", "sms"))
    story.drain()
    assert (pigeon.ways(), story.states(), story.inbox(li)) == (["sms"], ["sent", "skipped"], 0)


# --- banners ---------------------------------------------------------------------------------------------------------


def test_a_banner_shows_in_its_time_to_its_venue_without_a_row_for_each_member(
    brand: Context, member: Callable[..., MemberView], api: Api, clock: ManualClock
) -> None:
    with brand.transaction():
        shop = tenants.add_venue(brand, "001", "Centre")
    here, there = member(venue=shop.id), member()
    now = clock.now()
    token = api.as_staff("notify.announce")
    for title, venue, starts in (("all", None, now), ("shop", shop.id, now), ("later", None, now + timedelta(days=1))):
        body = {
            "title_zh": title,
            "venue": str(venue) if venue else None,
            "starts_at": starts.isoformat(),
            "ends_at": (starts + timedelta(days=2)).isoformat(),
        }
        made = api.post("/admin/v1/notify/announcements", token=token, json=body)
        assert made.status_code == 201, made.text

    def titles(who: MemberView) -> list[str]:
        items = api.get(f"{NOTIFY}/announcements", token=api.as_member(who)).json["items"]
        return sorted(item["title"] for item in items)

    assert (titles(here), titles(there)) == (["all", "shop"], ["all"])
    clock.advance(days=1)
    assert titles(there) == ["all", "later"]
    clock.advance(days=1)
    assert titles(there) == ["later"]
    assert NotifyInbox.scoped(brand).select().count() == 0


def test_a_banner_is_taken_down_and_read_in_english(
    brand: Context, member: Callable[..., MemberView], api: Api, clock: ManualClock
) -> None:
    body = AnnouncementIn(
        title_zh="闭店", title_en="Closed", starts_at=clock.now(), ends_at=clock.now() + timedelta(days=1)
    )
    with brand.transaction():
        row = announcements.announce(brand, body)
    token = api.as_member(member())
    shown = api.get(f"{NOTIFY}/announcements", token=token, headers={"Accept-Language": "en"}).json["items"]
    assert shown[0]["title"] == "Closed"
    with brand.transaction():
        announcements.take_down(brand, row.id, None)
    assert api.get(f"{NOTIFY}/announcements", token=token).json["items"] == []


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_a_member_takes_away_what_is_kept_and_loses_it_when_they_leave(
    brand: Context, story: Story, li: MemberView, use: Callable[..., None]
) -> None:
    use(channels=["inbox", "sms"])
    story.agree(li)
    cheer(story, li)
    story.letter(li)
    story.drain()
    with brand.transaction():
        preferences.change(brand, li.id, PreferencesIn(off={"cheer": ["bird"]}))
        kept = members.export(brand, li.id)["plugins"]["notify"]
    assert kept["off"] == {"cheer": ["bird"]}
    assert kept["inbox"][0]["text"] == "李雷，金卡：go 0"
    assert [m["channel"] for m in kept["messages"]] == ["sms", "sms"]
    waiting = story.letter(li)
    with brand.transaction():
        members.erase(brand, li.id, "asked for it")
    story.drain()
    for model in (NotifyInbox, NotifyMember, NotifyContact):
        assert model.scoped(brand).select().count() == 0, model
    assert NotifyMessage.scoped(brand).select().where(NotifyMessage.content.is_null(False)).count() == 0
    assert (story.row(waiting).state, story.row(waiting).member) == ("skipped", None)
    assert NotifyMessage.scoped(brand).select().where(NotifyMessage.member == li.id).count() == 0


def test_two_records_become_one_with_both_their_refusals_contacts_and_messages(
    brand: Context, story: Story, li: MemberView, member: Callable[..., MemberView], use: Callable[..., None]
) -> None:
    use(marketing_a_day=2)
    again = member()
    for one, off in ((li, {"notify": ["sms"]}), (again, {"notify": ["bird"], "campaign": ["sms"]})):
        story.agree(one)
        cheer(story, one)
        story.letter(one)
        story.drain()
        with brand.transaction():
            preferences.change(brand, one.id, PreferencesIn(off=off))
    with brand.transaction():
        members.merge(brand, li.id, again.id, "the same person")
    row = NotifyMember.scoped(brand).get(NotifyMember.member == li.id)
    assert row.off == {"campaign": ["sms"], "notify": ["bird", "sms"]}
    assert NotifyMember.scoped(brand).select().count() == 1
    assert story.inbox(li) == 2
    third = story.letter(li)
    story.drain()
    assert story.row(third).code == "capped", "they were contacted twice today, once under each record"


def test_what_is_past_its_keeping_goes(
    brand: Context, story: Story, li: MemberView, clock: ManualClock, use: Callable[..., None]
) -> None:
    use(keep_days=30)
    cheer(story, li)
    clock.advance(days=20)
    cheer(story, li)
    clock.advance(days=11)
    with brand.transaction():
        assert keeping.clean(brand) is False
    assert (len(story.rows()), story.inbox(li)) == (1, 1)
