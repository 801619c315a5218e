"""What the clock tells members: points that expire, memberships that end, birthdays."""

import itertools
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from core import members, points
from core.clock import ManualClock
from core.contract.context import Context
from core.members import MemberView
from plugins.notify import noticing, reminders
from plugins.notify.content import opened
from plugins.notify.models import NotifyMessage, NotifyNotice
from tests.plugins.notify.conftest import Pigeon, Story


@pytest.fixture
def earn(tenant: Context) -> Callable[..., None]:
    """Return a function that gives a member points that die after so many days."""

    def give(member: MemberView, amount: int, days: int) -> None:
        with tenant.transaction():
            dies = tenant.now() + timedelta(days=days)
            points.credit(tenant, member.id, "points", amount, key=f"{member.id}:{days}", reason="t", expires_at=dies)

    return give


def said(story: Story, notice: str) -> list[tuple[Any, str]]:
    """Return whom a notice told, and what, oldest first."""
    rows = [row for row in story.rows() if row.notice == notice]
    return [(row.member, opened(story.ctx, row.content).text) for row in rows]


def days_pass(clock: ManualClock, tick: Callable[[], int], count: int) -> None:
    for _ in range(count):
        clock.advance(days=1)
        tick()


def test_points_that_expire_are_told_thirty_days_and_seven_days_before_and_not_between(
    brand: Context,
    story: Story,
    member: Callable[..., MemberView],
    earn: Callable[..., None],
    clock: ManualClock,
    tick: Callable[[], int],
) -> None:
    li = member()
    tick()
    earn(li, 120, 40)
    earn(li, 999, 400)
    days_pass(clock, tick, 39)
    told = said(story, "points_expiring")
    assert [text for _, text in told] == [
        "您有 120 积分将在 30 天内到期，最早的于 2027-01-01 到期，请及时使用。",
        "您有 120 积分将在 7 天内到期，最早的于 2027-01-01 到期，请及时使用。",
    ]
    at = [row.created_at.date() for row in story.rows() if row.notice == "points_expiring"]
    assert at == [date(2026, 12, 2), date(2026, 12, 25)]


def test_points_that_die_every_day_are_no_daily_news(
    brand: Context,
    story: Story,
    member: Callable[..., MemberView],
    earn: Callable[..., None],
    clock: ManualClock,
    tick: Callable[[], int],
) -> None:
    li = member()
    tick()
    for days in range(20, 60):
        earn(li, 10, days)
    days_pass(clock, tick, 40)
    at = [row.created_at for row in story.rows() if row.notice == "points_expiring"]
    by_window = {
        days: [r.created_at for r in story.rows() if r.key.startswith(f"points_expiring:{days}:")] for days in (7, 30)
    }
    assert len(at) == sum(map(len, by_window.values()))
    for window, times in by_window.items():
        assert all(later - earlier >= timedelta(days=window) for earlier, later in itertools.pairwise(times))
    assert by_window[7]


def test_points_that_were_spent_or_have_no_end_are_not_told(
    brand: Context,
    story: Story,
    member: Callable[..., MemberView],
    earn: Callable[..., None],
    clock: ManualClock,
    tick: Callable[[], int],
) -> None:
    spent, lasting = member(), member()
    tick()
    earn(spent, 50, 20)
    with brand.transaction():
        points.debit(brand, spent.id, "points", 50, key="d", reason="t")
        points.credit(brand, lasting.id, "points", 50, key="c", reason="t")
    days_pass(clock, tick, 3)
    assert said(story, "points_expiring") == []


def test_a_membership_that_ends_is_told_once_for_each_window_and_end(
    brand: Context,
    story: Story,
    member: Callable[..., MemberView],
    clock: ManualClock,
    tick: Callable[[], int],
) -> None:
    ends = date(2026, 12, 30)
    li, frozen, lapsed = member(), member(), member()
    with brand.transaction():
        members.set_membership(brand, li.id, state="member", valid_until=ends)
        members.set_membership(brand, frozen.id, state="member", valid_until=ends, frozen=True)
        members.set_membership(brand, lapsed.id, state="lapsed", valid_until=ends)
    tick()
    days_pass(clock, tick, 12)
    assert said(story, "membership_ending") == [(li.id, "您的会籍将于 2026-12-30 到期（还有 30 天）。")]
    days_pass(clock, tick, 20)
    assert [text for _, text in said(story, "membership_ending")][1:] == ["您的会籍将于 2026-12-30 到期（还有 7 天）。"]
    with brand.transaction():
        members.set_membership(brand, li.id, state="member", valid_until=ends + timedelta(days=20), version=2)
    days_pass(clock, tick, 1)
    assert len(said(story, "membership_ending")) == 3, "another end is another matter"


def test_a_birthday_is_wished_once_a_year_and_only_where_marketing_may_come(
    brand: Context,
    story: Story,
    member: Callable[..., MemberView],
    clock: ManualClock,
    tick: Callable[[], int],
    pigeon: Pigeon,
    use: Callable[..., None],
) -> None:
    use(channels=["inbox", "sms"])
    yes, no = member(name="李雷"), member()
    with brand.transaction():
        for one in (yes, no):
            members.update_profile(brand, one.id, {"birthday": date(1990, 11, 23)})
        members.withdraw_consent(brand, no.id, "marketing")
    story.agree(yes)
    tick()
    for _ in range(3):
        days_pass(clock, tick, 1)
    assert {m for m, _ in said(story, "birthday")} == {yes.id, no.id}
    assert [out.text for _, out in pigeon.sent] == ["李雷，Brand acme 祝您生日快乐！"]
    assert {row.member: row.state for row in story.rows() if row.notice == "birthday"}[no.id] == "skipped"


@pytest.mark.parametrize(
    ("day", "kept"),
    [
        (date(2026, 2, 28), [(2, 28), (2, 29)]),
        (date(2028, 2, 28), [(2, 28)]),
        (date(2028, 2, 29), [(2, 29)]),
        (date(2026, 3, 1), [(3, 1)]),
    ],
)
def test_the_29th_of_february_is_kept_on_the_28th_of_a_short_year(day: date, kept: list[tuple[int, int]]) -> None:
    assert reminders._kept_on(day) == kept


def test_many_are_told_in_a_chain(
    brand: Context,
    story: Story,
    member: Callable[..., MemberView],
    earn: Callable[..., None],
    clock: ManualClock,
    tick: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reminders, "CHUNK", 2)
    crowd = [member() for _ in range(5)]
    tick()
    for one in crowd:
        earn(one, 10, 20)
    days_pass(clock, tick, 2)
    assert sorted(m for m, _ in said(story, "points_expiring")) == sorted(one.id for one in crowd)
    assert NotifyMessage.scoped(brand).select().where(NotifyMessage.state == "sent").count() == 5


def test_a_reminder_that_is_off_starts_no_chain(
    brand: Context, story: Story, tick: Callable[[], int], clock: ManualClock, member: Callable[..., MemberView],
    earn: Callable[..., None],
) -> None:  # fmt: skip
    earn(member(), 10, 20)
    with brand.transaction():
        noticing.write_down(brand)
    NotifyNotice.scoped(brand).update(enabled=False).where(NotifyNotice.fact == "points_expiring").execute()
    days_pass(clock, tick, 2)
    assert said(story, "points_expiring") == []
