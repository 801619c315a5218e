"""What members are told of, in their language, and by which ways."""

from collections.abc import Callable
from typing import Any

import pytest

from core import members, tenants
from core.clock import ManualClock
from core.contract.context import Context
from core.members import MemberView
from hosts.testkit.plugin import Api
from plugins.notify import noticing, templating
from plugins.notify.models import NotifyNotice
from plugins.notify.staff_schemas import NoticeEdit, TemplateIn
from roost import Invalid, Sent, Unavailable
from tests.plugins.notify.conftest import Pigeon, Story


@pytest.fixture
def english(tenant: Context, member: Callable[..., MemberView]) -> MemberView:
    view = member(name="Ann")
    with tenant.transaction():
        return members.update_profile(tenant, view.id, {"locale": "en"})


@pytest.fixture
def edit(brand: Context) -> Callable[..., None]:
    """Return a function that changes a notice as staff do."""

    def change(fact: str, **values: Any) -> None:
        with brand.transaction():
            noticing.write_down(brand)
            row = NotifyNotice.scoped(brand).get(NotifyNotice.fact == fact)
            noticing.edit(brand, row.id, NoticeEdit(**values))
        object.__setattr__(brand, "tenant", tenants.by_id(brand.tenant.id))

    return change


def messages(api: Api, member: MemberView) -> list[dict[str, Any]]:
    reply = api.get("/v1/notify/messages", token=api.as_member(member))
    assert reply.status_code == 200, reply.text
    items: list[dict[str, Any]] = reply.json["items"]
    return items


def test_plugin_conforms(assert_plugin_conforms: Callable[[str], None]) -> None:
    assert_plugin_conforms("notify")


def test_a_fact_of_a_plugin_that_knows_nothing_of_notify_reaches_the_inbox_in_the_members_language(
    story: Story, member: Callable[..., MemberView], english: MemberView, api: Api
) -> None:
    li = member(name="李雷")
    for one in (li, english):
        story.publish("cheered", member=one.id, words="加油 & go")
    said = [messages(api, one)[0] for one in (li, english)]
    assert [one["text"] for one in said] == ["李雷，金卡：加油 & go", "Ann, gold: 加油 & go"]
    assert [one["title"] for one in said] == ["喝彩", "Cheers"]
    assert said[0]["link"] == "pages/cheer?words=%E5%8A%A0%E6%B2%B9%20%26%20go"
    assert said[0]["group"] == "cheer"


def test_nobody_is_told_when_the_plugin_says_nobody(story: Story, member: Callable[..., MemberView]) -> None:
    story.publish("cheered", member=member().id, words="nobody")
    assert story.states() == []


def test_the_same_fact_delivered_twice_tells_once(
    brand: Context, story: Story, member: Callable[..., MemberView], fact: Callable[..., Any]
) -> None:
    li = member()
    story.publish("cheered", member=li.id, words="go")
    event = story.facts("cheered")[0]
    heard = fact("cheered", member=li.id, words="go", event=event.id)
    with brand.transaction():
        noticing.hear(brand, heard)
    story.drain()
    assert story.inbox(li) == 1


def test_a_notice_that_is_switched_off_is_not_even_delivered(
    story: Story, member: Callable[..., MemberView], edit: Callable[..., None]
) -> None:
    li = member()
    edit("cheered", enabled=False)
    story.publish("cheered", member=li.id, words="go")
    assert (story.inbox(li), story.states()) == (0, [])
    edit("cheered", enabled=True)
    story.publish("cheered", member=li.id, words="go")
    assert story.inbox(li) == 1


def test_the_tenants_own_words_replace_the_plugins(
    story: Story, member: Callable[..., MemberView], english: MemberView, edit: Callable[..., None], api: Api
) -> None:
    li = member(name="李雷")
    edit("cheered", title_zh="为你喝彩", text_zh="{{{words}}} 来自 {brand}")
    for one in (li, english):
        story.publish("cheered", member=one.id, words="go")
    assert messages(api, li)[0]["title"] == "为你喝彩"
    assert messages(api, li)[0]["text"] == "{go} 来自 Brand acme"
    assert messages(api, english)[0]["text"] == "Ann, gold: go"


@pytest.mark.parametrize(
    "text",
    [
        "{words.__class__}",
        "{words[0]}",
        "{0}",
        "{}",
        "{words!r}",
        "{words:>99999999}",
        "{words:{brand}}",
        "{secret}",
        "{words",
        "words}",
        "{__init__}",
        "{ words }",
        "{Words}",
    ],
)
def test_a_template_that_is_more_than_words_and_values_is_refused_when_it_is_saved(
    text: str, edit: Callable[..., None]
) -> None:
    with pytest.raises(Invalid) as refused:
        edit("cheered", text_zh=text)
    assert refused.value.code == "bad_template"
    assert "{words}" in refused.value.message


def test_a_value_that_looks_like_a_template_is_only_words(
    story: Story, member: Callable[..., MemberView], api: Api
) -> None:
    li = member(name="李雷")
    story.publish("cheered", member=li.id, words="{brand.__class__} {name}\r\nBcc: x{words}")
    assert messages(api, li)[0]["text"] == "李雷，金卡：{brand.__class__} {name}  Bcc: x{words}"


# --- ways ------------------------------------------------------------------------------------------------------------


def test_channels_are_tried_in_order_until_one_takes_the_message(
    story: Story, member: Callable[..., MemberView], edit: Callable[..., None], pigeon: Pigeon, brand: Context
) -> None:
    li = member(phone="13800000001")
    pigeon.nests(li.id)
    with brand.transaction():
        templating.add(brand, TemplateIn(code="cheered", channel="bird", template="t-9", params={"thing1": "{words}!"}))
    pigeon.answer("bird", Sent("refused", "no_quota", "none left"))
    edit("cheered", channels=["inbox", "bird", "sms"])
    story.publish("cheered", member=li.id, words="go")
    assert pigeon.ways() == ["bird", "sms"]
    (_, by_bird), (_, by_sms) = pigeon.sent
    assert (by_bird.address, by_bird.template, dict(by_bird.params)) == ("nest-1", "t-9", {"thing1": "go!"})
    assert (by_sms.address, by_sms.text) == ("+8613800000001", "Li Lei，金卡：go")
    row = story.rows()[0]
    assert (row.state, row.channel, row.receipt) == ("sent", "sms", "r1")
    assert row.trail == [["bird", "no_quota", "none left"]]
    assert len({by_bird.key, by_sms.key}) == 2
    assert all(len(out.key) <= 64 for _, out in pigeon.sent)
    assert pigeon.kept == [("bird", "pigeon", "refused"), ("sms", "pigeon", "sent")]


def test_a_channel_whose_provider_wants_a_template_is_passed_over_without_one(
    story: Story, member: Callable[..., MemberView], edit: Callable[..., None], pigeon: Pigeon
) -> None:
    li = member()
    pigeon.nests(li.id)
    edit("cheered", channels=["bird", "sms"])
    story.publish("cheered", member=li.id, words="go")
    assert pigeon.ways() == ["sms"]
    assert story.rows()[0].trail == [["bird", "no_template", ""]]


def test_what_no_channel_takes_stays_in_the_inbox_and_counts_as_sent(
    story: Story, member: Callable[..., MemberView], edit: Callable[..., None], pigeon: Pigeon
) -> None:
    li = member()
    edit("cheered", channels=["inbox", "sms"])
    pigeon.answer("sms", Sent("refused", "blocked"))
    story.publish("cheered", member=li.id, words="go")
    row = story.rows()[0]
    assert (row.state, row.channel, story.inbox(li)) == ("sent", "inbox", 1)
    assert [e.name for e in (*story.facts("message_sent"), *story.facts("message_failed"))] == ["message_sent"]


def test_what_reaches_nobody_has_failed_and_says_so(
    story: Story, member: Callable[..., MemberView], edit: Callable[..., None], pigeon: Pigeon
) -> None:
    edit("cheered", channels=["sms"])
    pigeon.answer("sms", Sent("refused", "invalid_address"))
    story.publish("cheered", member=member().id, words="go")
    assert (story.states(), story.rows()[0].code) == (["failed"], "invalid_address")
    assert '"code":"invalid_address"' in story.facts("message_failed")[0].body


def test_a_busy_channel_is_asked_again_when_it_said_and_then_given_up(
    story: Story,
    member: Callable[..., MemberView],
    edit: Callable[..., None],
    pigeon: Pigeon,
    clock: ManualClock,
    use: Callable[..., None],
) -> None:
    use(tries=3)
    edit("cheered", channels=["sms"])
    pigeon.answer("sms", Sent("later", "too_often", retry_after=600))
    story.publish("cheered", member=member().id, words="go")
    assert len(pigeon.sent) == 1
    clock.advance(minutes=9)
    story.drain()
    assert len(pigeon.sent) == 1
    clock.advance(minutes=1)
    story.drain()
    assert (len(pigeon.sent), story.states()) == (2, ["waiting"])
    clock.advance(minutes=10)
    story.drain()
    assert (len(pigeon.sent), story.states()) == (3, ["failed"])
    assert len({out.key for _, out in pigeon.sent}) == 1, "the provider sees one message"


def test_an_error_that_certainly_sent_nothing_is_tried_again(
    story: Story, member: Callable[..., MemberView], edit: Callable[..., None], pigeon: Pigeon, clock: ManualClock
) -> None:
    edit("cheered", channels=["sms"])
    pigeon.answer("sms", Unavailable("down", retry_after=60))
    story.publish("cheered", member=member().id, words="go")
    pigeon.answer("sms")
    clock.advance(minutes=1)
    story.drain()
    assert (len(pigeon.sent), story.states()) == (2, ["sent"])


def test_an_unknown_outcome_is_final(
    story: Story, member: Callable[..., MemberView], edit: Callable[..., None], pigeon: Pigeon, clock: ManualClock
) -> None:
    edit("cheered", channels=["sms"])
    pigeon.answer("sms", Sent("unknown"))
    story.publish("cheered", member=member().id, words="go")
    clock.advance(days=1)
    story.drain()
    assert (len(pigeon.sent), story.states()) == (1, ["unknown"])


def test_a_channel_that_breaks_after_it_may_have_sent_leaves_it_unknown(
    story: Story, member: Callable[..., MemberView], edit: Callable[..., None], pigeon: Pigeon, clock: ManualClock
) -> None:
    edit("cheered", channels=["sms"])
    pigeon.answer("sms", RuntimeError("a fault of the channel's"))
    story.publish("cheered", member=member().id, words="go")
    pigeon.answer("sms")
    clock.advance(minutes=5)
    story.drain()
    assert (len(pigeon.sent), story.states()) == (1, ["unknown"])


def test_a_channel_that_cannot_prepare_is_passed_over(
    story: Story, member: Callable[..., MemberView], edit: Callable[..., None], pigeon: Pigeon
) -> None:
    edit("cheered", channels=["inbox", "sms"])
    pigeon.answer("sms", prepare=Invalid("no signature", code="not_configured"))
    story.publish("cheered", member=member().id, words="go")
    assert (story.states(), story.rows()[0].trail) == (["sent"], [["sms", "not_configured", ""]])


def test_a_channel_whose_plugin_is_off_is_passed_over(
    story: Story, member: Callable[..., MemberView], edit: Callable[..., None], pigeon: Pigeon, brand: Context
) -> None:
    edit("cheered", channels=["inbox", "sms"])
    tenants.disable_plugin(brand, "pigeon")
    object.__setattr__(brand, "tenant", tenants.by_id(brand.tenant.id))
    story.publish("cheered", member=member().id, words="go")
    assert (pigeon.sent, story.rows()[0].trail) == ([], [["sms", "not_configured", ""]])


def test_old_news_is_not_told(
    story: Story, member: Callable[..., MemberView], edit: Callable[..., None], clock: ManualClock, pigeon: Pigeon
) -> None:
    edit("cheered", channels=["inbox", "sms"])
    pigeon.answer("sms", Sent("later", retry_after=49 * 3600))
    story.publish("cheered", member=member().id, words="go")
    clock.advance(hours=50)
    story.drain()
    assert (len(pigeon.sent), story.states()) == (1, ["sent"]), "it lies in the inbox; the text message is given up"


def test_nothing_personal_stands_in_clear_in_a_row(
    brand: Context, story: Story, member: Callable[..., MemberView], edit: Callable[..., None]
) -> None:
    edit("cheered", channels=["inbox", "sms"])
    story.publish("cheered", member=member(phone="13800000077", name="韩梅梅").id, words="secret words")
    kept = repr([{**row.__data__} for row in story.rows()])
    assert "secret" not in kept
    assert "韩梅梅" not in kept
    assert "13800000077" not in kept
