"""Marketing: only with consent, never too often over all plugins, never at night, and never after a no."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from core import db, members
from core.clock import ManualClock
from core.contract.context import Context
from core.events import jobs
from core.members import MemberView
from core.runtime import Runtime
from hosts.testkit.plugin import Api
from plugins.notify import allowing, choosing, sending, unsubscribing
from plugins.notify.models import NotifyContact, NotifyMessage
from plugins.notify.timing import quiet_until
from roost import Sent
from tests.plugins.notify.conftest import Pigeon, Story

SHANGHAI, BERLIN, NEW_YORK = "Asia/Shanghai", "Europe/Berlin", "America/New_York"
NIGHT = (time(21), time(9))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# --- consent ---------------------------------------------------------------------------------------------------------


def test_without_a_yes_marketing_reaches_the_inbox_only(
    story: Story, member: Callable[..., MemberView], pigeon: Pigeon
) -> None:
    li = member()
    message = story.letter(li, channels=("inbox", "sms"))
    story.drain()
    assert (pigeon.sent, story.inbox(li)) == ([], 1)
    assert story.row(message).trail == [["sms", "no_consent", ""]]


def test_a_yes_to_one_channel_is_no_yes_to_another(
    story: Story, member: Callable[..., MemberView], pigeon: Pigeon
) -> None:
    li = member()
    story.agree(li, "bird")
    message = story.letter(li)
    story.drain()
    assert (pigeon.sent, story.row(message).state, story.row(message).code) == ([], "skipped", "no_consent")
    assert story.facts("message_failed") == [], "a wish is no failure"
    story.agree(li, "sms")
    story.letter(li)
    story.drain()
    assert pigeon.ways() == ["sms"]


def test_the_newest_answer_counts_whichever_it_is(
    story: Story, member: Callable[..., MemberView], pigeon: Pigeon, clock: ManualClock, use: Callable[..., None]
) -> None:
    use(marketing_a_day=9, marketing_a_week=9)
    li = member()
    story.agree(li, "sms")
    clock.advance(seconds=1)
    with story.ctx.transaction():
        members.withdraw_consent(story.ctx, li.id, "marketing")
    no = story.letter(li, channels=("inbox", "sms"))
    story.drain()
    assert (pigeon.sent, story.row(no).state) == ([], "skipped"), "a no to all is a no to the inbox too"
    clock.advance(seconds=1)
    story.agree(li, "sms")
    story.letter(li)
    story.drain()
    assert pigeon.ways() == ["sms"]


def test_of_a_yes_and_a_no_at_one_moment_the_no_counts(story: Story, member: Callable[..., MemberView]) -> None:
    li = member()
    story.agree(li, "sms")
    with story.ctx.transaction():
        members.withdraw_consent(story.ctx, li.id, "marketing")
    answers = allowing.answers_of(story.ctx, [li.id], ["sms"])[li.id]
    assert not allowing.agrees(answers, "sms", needed=False)


def test_a_transactional_message_needs_no_consent_and_knows_no_night(
    story: Story, member: Callable[..., MemberView], pigeon: Pigeon, clock: ManualClock
) -> None:
    clock.advance(hours=13)  # 23:00
    li = member()
    for _ in range(5):
        story.letter(li, marketing=False)
    story.drain()
    assert pigeon.ways() == ["sms"] * 5


# --- how often -------------------------------------------------------------------------------------------------------


def test_one_a_day_and_three_in_seven_days_whoever_sends_them(
    story: Story, member: Callable[..., MemberView], pigeon: Pigeon, clock: ManualClock
) -> None:
    li = member()
    story.agree(li)
    sent_by_day = []
    for _ in range(9):  # a notice of one plugin and a message of another, each day
        story.publish("on_sale", member=li.id, drain=False)
        story.letter(li)
        before = len(story.facts("message_sent"))
        story.drain()
        sent_by_day.append(len(story.facts("message_sent")) - before)
        clock.advance(days=1)
    assert sent_by_day == [1, 1, 1, 0, 0, 0, 0, 1, 1]
    assert {row.code for row in story.rows() if row.state == "skipped"} == {"capped"}


def test_midnight_is_the_tenants(
    story: Story, member: Callable[..., MemberView], pigeon: Pigeon, clock: ManualClock, use: Callable[..., None]
) -> None:
    use(quiet_from="00:00", quiet_until="00:00")
    li = member()
    story.agree(li)
    clock.set(at("2026-11-22T15:59"))  # 23:59 in Shanghai
    story.letter(li)
    story.drain()
    clock.set(at("2026-11-22T16:00"))
    story.letter(li)
    story.drain()
    assert len(pigeon.sent) == 2


def test_a_message_that_reached_nobody_is_not_counted(
    story: Story, member: Callable[..., MemberView], pigeon: Pigeon
) -> None:
    li = member()
    story.agree(li)
    pigeon.answer("sms", Sent("refused", "blocked"))
    story.letter(li)
    story.drain()
    pigeon.answer("sms")
    story.letter(li)
    story.drain()
    assert story.states() == ["failed", "sent"]


def test_a_message_whose_fate_is_unknown_is_counted(
    story: Story, member: Callable[..., MemberView], pigeon: Pigeon
) -> None:
    li = member()
    story.agree(li)
    pigeon.answer("sms", Sent("unknown"))
    story.letter(li)
    story.drain()
    story.letter(li)
    story.drain()
    assert story.states() == ["unknown", "skipped"]


WORKERS = 6


def deliver_side_by_side(runtime: Runtime, monkeypatch: pytest.MonkeyPatch | None = None) -> None:
    """Run every due job, each in a thread of its own, all at once."""
    claimed = jobs.claim(runtime, WORKERS)
    assert len(claimed) == WORKERS
    barrier = threading.Barrier(WORKERS)

    def work(job: Any) -> None:
        with db.connection():
            barrier.wait()
            jobs.run(runtime, job)

    threads = [threading.Thread(target=work, args=(job,)) for job in claimed]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.engines("postgresql")  # SQLite writes one transaction at a time
def test_the_cap_holds_when_all_are_sent_at_once(
    runtime: Runtime, story: Story, member: Callable[..., MemberView], pigeon: Pigeon
) -> None:
    li = member()
    story.agree(li)
    story.drain()
    for _ in range(WORKERS):
        story.letter(li)
    deliver_side_by_side(runtime)
    assert sorted(story.states()) == ["sent"] + ["skipped"] * (WORKERS - 1)
    assert len(pigeon.sent) == 1
    assert NotifyContact.scoped(story.ctx).get().days == ["2026-11-22"]


@pytest.mark.engines("postgresql")
def test_without_the_lock_the_cap_breaks(
    runtime: Runtime,
    story: Story,
    member: Callable[..., MemberView],
    pigeon: Pigeon,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control: each reads before any writes."""
    li = member()
    story.agree(li)
    story.drain()
    for _ in range(WORKERS):
        story.letter(li)
    read = threading.Barrier(WORKERS)

    def unlocked(ctx: Context, subjects: Any) -> dict[UUID, list[Any]]:
        found = {s: NotifyContact.scoped(ctx).first(NotifyContact.subject == s) for s in subjects}
        read.wait()
        return {s: list(row.days) if row is not None else [] for s, row in found.items()}

    monkeypatch.setattr(allowing, "lock_contacts", unlocked)
    deliver_side_by_side(runtime)
    assert len(pigeon.sent) == WORKERS


# --- quiet hours -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "zone", "window", "ends"),
    [
        ("2026-11-22T12:59", SHANGHAI, NIGHT, None),  # 20:59
        ("2026-11-22T13:00", SHANGHAI, NIGHT, "2026-11-23T01:00"),  # 21:00 sharp → 9:00 tomorrow
        ("2026-11-22T00:59:59", SHANGHAI, NIGHT, "2026-11-22T01:00"),  # 8:59:59 → today
        ("2026-11-22T01:00", SHANGHAI, NIGHT, None),  # 9:00 sharp
        ("2026-11-22T05:00", SHANGHAI, (time(12), time(14)), "2026-11-22T06:00"),  # within a day
        ("2026-11-22T05:00", SHANGHAI, (time(9), time(9)), None),  # none at all
        # Berlin: clocks go forward on 29 March 2026 at 2:00, back on 25 October at 3:00
        ("2026-03-28T20:30", BERLIN, NIGHT, "2026-03-29T07:00"),  # eleven hours and a half, not twelve and a half
        ("2026-10-24T19:30", BERLIN, NIGHT, "2026-10-25T08:00"),
        ("2026-03-29T00:30", BERLIN, (time(0), time(2, 30)), "2026-03-29T01:30"),  # 2:30 is jumped over: 3:30
        ("2026-10-25T00:15", BERLIN, (time(0), time(2, 30)), "2026-10-25T00:30"),  # the first 2:15 → the first 2:30
        ("2026-10-25T01:15", BERLIN, (time(0), time(2, 30)), "2026-10-25T01:30"),  # the second 2:15 → the second 2:30
        ("2026-11-01T05:30", NEW_YORK, NIGHT, "2026-11-01T14:00"),  # 1:30, an hour before it comes again
    ],
)
def test_quiet_hours_end_by_the_tenants_clock_on_the_wall(
    now: str, zone: str, window: tuple[time, time], ends: str | None
) -> None:
    assert quiet_until(at(now), zone, *window) == (at(ends) if ends else None)


def test_marketing_at_night_waits_for_the_morning(
    story: Story, member: Callable[..., MemberView], pigeon: Pigeon, clock: ManualClock
) -> None:
    clock.set(at("2026-11-22T13:00"))  # 21:00
    li = member()
    story.agree(li)
    message = story.letter(li, channels=("inbox", "sms"))
    story.drain()
    assert (story.row(message).due_at, story.inbox(li), pigeon.sent) == (at("2026-11-23T01:00"), 0, [])
    clock.set(at("2026-11-23T00:59:59"))
    story.drain()
    assert pigeon.sent == []
    clock.set(at("2026-11-23T01:00"))
    story.drain()
    assert (story.row(message).state, story.inbox(li)) == ("sent", 1)


def test_what_waited_for_the_morning_counts_on_the_day_it_goes(
    story: Story, member: Callable[..., MemberView], pigeon: Pigeon, clock: ManualClock
) -> None:
    li = member()
    story.agree(li)
    story.letter(li)
    story.drain()
    clock.set(at("2026-11-22T14:00"))
    story.letter(li)
    story.drain()
    clock.set(at("2026-11-23T02:00"))
    story.drain()
    assert story.states() == ["sent", "sent"]
    assert NotifyContact.scoped(story.ctx).get().days == ["2026-11-22", "2026-11-23"]


# --- a no ------------------------------------------------------------------------------------------------------------


def link_of(story: Story, message: UUID, member: UUID | None, channel: str = "sms") -> str:
    whole = urlsplit(unsubscribing.link(story.ctx, message, member, channel))
    return f"{whole.path}?{whole.query}"


def test_a_no_between_the_wish_and_the_sending_is_honoured(
    story: Story, member: Callable[..., MemberView], pigeon: Pigeon, clock: ManualClock, api: Api
) -> None:
    clock.set(at("2026-11-22T14:00"))  # it waits for the morning
    li = member()
    story.agree(li)
    message = story.letter(li)
    story.drain()
    clock.advance(hours=1)
    assert api.post(link_of(story, message, li.id)).status_code == 200
    clock.set(at("2026-11-23T02:00"))
    story.drain()
    assert (pigeon.sent, story.row(message).code) == ([], "no_consent")


def test_a_no_between_two_channels_stops_the_second(
    story: Story, member: Callable[..., MemberView], pigeon: Pigeon, brand: Context
) -> None:
    li = member()
    pigeon.nests(li.id)
    story.agree(li)

    def refuse(outgoing: Any) -> Sent:
        with brand.transaction():  # while the first channel was at work
            unsubscribing.refuse(brand, li.id, "bird")
        return Sent("refused", "blocked")

    pigeon.answer("sms", refuse)
    message = story.letter(li, channels=("sms", "bird"))
    story.drain()
    assert (pigeon.ways(), story.row(message).trail[-1][:2]) == (["sms"], ["bird", "no_consent"])


@pytest.mark.engines("postgresql")  # two transactions at once
def test_a_no_waits_for_a_message_that_is_being_chosen_and_the_next_sees_it(
    story: Story, member: Callable[..., MemberView], pigeon: Pigeon, brand: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    li = member()
    story.agree(li)
    order: list[str] = []
    chosen, asked = threading.Event(), threading.Event()
    real = choosing.choose

    def slow(round_: Any, row: Any) -> Any:
        step = real(round_, row)
        chosen.set()
        asked.wait(10)
        order.append("chosen")
        return step

    def no() -> None:
        with db.connection():
            chosen.wait(10)
            asked.set()
            brand.run(lambda: unsubscribing.refuse(brand, li.id, "sms"))
            order.append("refused")

    monkeypatch.setattr(choosing, "choose", slow)
    thread = threading.Thread(target=no)
    thread.start()
    first = story.letter(li)
    row = story.row(first)
    going = brand.run(lambda: sending.prepare(brand, [row], "alone"))
    thread.join()
    assert (order, len(going)) == (["chosen", "refused"], 1), "whoever came first goes first"
    monkeypatch.setattr(choosing, "choose", real)
    second = story.letter(li)
    assert brand.run(lambda: sending.prepare(brand, [story.row(second)], "alone")) == []


def test_the_link_shows_a_button_first_and_one_click_is_enough(
    story: Story, member: Callable[..., MemberView], api: Api
) -> None:
    li = member()
    story.agree(li)
    message = story.letter(li)
    link = link_of(story, message, li.id)
    shown = api.get(link)
    assert (shown.status_code, "<form" in shown.text) == (200, True)
    assert members.has_consent(story.ctx, li.id, "marketing.sms") is False
    answers = allowing.answers_of(story.ctx, [li.id], ["sms"])[li.id]
    assert allowing.agrees(answers, "sms", needed=True), "looking is not clicking"
    done = api.post(
        link, headers={"Content-Type": "application/x-www-form-urlencoded"}, body="List-Unsubscribe=One-Click"
    )
    assert done.status_code == 200
    answers = allowing.answers_of(story.ctx, [li.id], ["sms"])[li.id]
    assert not allowing.agrees(answers, "sms", needed=False)
    assert api.post(link).status_code == 200, "twice is once"


def test_the_page_of_a_link_runs_nothing_stands_in_no_frame_and_tells_nobody_its_address(
    story: Story, member: Callable[..., MemberView], api: Api
) -> None:
    li = member()
    story.agree(li)
    shown = api.get(link_of(story, story.letter(li), li.id))
    policy = shown.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert shown.headers["referrer-policy"] == "no-referrer"
    assert shown.headers["x-content-type-options"] == "nosniff"


def test_a_link_that_was_altered_or_is_another_brands_ends_nothing(
    story: Story, member: Callable[..., MemberView], api: Api, new_tenant: Callable[..., Context]
) -> None:
    li = member()
    story.agree(li)
    link = link_of(story, story.letter(li), li.id)
    new_tenant("other", plugins=("notify",))
    for wrong in (link[:-2], link + "AA", link.replace("/acme", "/other"), "/callbacks/notify/acme"):
        assert api.post(wrong).status_code == 400, wrong
    assert allowing.agrees(allowing.answers_of(story.ctx, [li.id], ["sms"])[li.id], "sms", needed=True)


@pytest.mark.parametrize(("unsubscribe", "states"), [(True, ["skipped", "sent"]), (False, ["sent", "sent"])])
def test_an_answer_that_unsubscribes_ends_marketing_by_sms_and_another_does_not(
    unsubscribe: bool, states: list[str], story: Story, member: Callable[..., MemberView], pigeon: Pigeon
) -> None:
    li = member()
    story.agree(li)
    with story.ctx.transaction():
        story.ctx.for_plugin("pigeon").publish(story.fact("sms_replied", member=li.id, unsubscribe=unsubscribe))
    story.drain()
    story.letter(li)
    story.letter(li, marketing=False)
    story.drain()
    assert story.states() == states


def test_an_address_that_said_no_gets_no_marketing_whoever_it_belongs_to_now(
    story: Story, member: Callable[..., MemberView], pigeon: Pigeon
) -> None:
    with story.ctx.transaction():
        allowing.block(story.ctx, "sms", "+8613800000009", "staff")
        allowing.block(story.ctx, "sms", "+8613800000009", "staff")
    li = member(phone="13800000009")
    story.agree(li)
    message = story.letter(li)
    story.letter(li, marketing=False)
    story.drain()
    assert (story.row(message).code, len(pigeon.sent)) == ("blocked", 1)
    assert NotifyMessage.scoped(story.ctx).select().where(NotifyMessage.state == "sent").count() == 1
