"""What notify itself tells members: core's facts, and what the clock brings."""

from collections.abc import Collection

from plugins.notify import noticing, staff, unsubscribing
from roost import Context, Fact, Listener, MemberConverted, Notice, Text, Told

SMS_REPLIED = "sms_replied"  # a fact of whoever sends text messages, where there is one


def _by_clock(ctx: Context, fact: Fact) -> None:
    """Tell nobody: these are told by the clock, see reminders.py; here they have their words and their switch."""


def _welcomed(ctx: Context, fact: MemberConverted) -> Told:
    return Told(fact.member)


NOTICES = (
    Notice(
        "member_converted",
        Text("欢迎加入", "Welcome"),
        _welcomed,
        Text("{name}，欢迎成为 {brand} 的会员！", "Welcome to {brand}, {name}!"),
    ),
    Notice(
        "points_expiring",
        Text("积分即将到期", "Points expire soon"),
        _by_clock,
        Text(
            "您有 {amount} 积分将在 {days} 天内到期，最早的于 {date} 到期，请及时使用。",
            "{amount} of your points expire within {days} days, the first of them on {date}.",
        ),
    ),
    Notice(
        "membership_ending",
        Text("会籍即将到期", "Your membership ends soon"),
        _by_clock,
        Text("您的会籍将于 {date} 到期（还有 {days} 天）。", "Your membership ends on {date}, in {days} days."),
    ),
    Notice(
        "birthday",
        Text("生日快乐", "Happy birthday"),
        _by_clock,
        Text("{name}，{brand} 祝您生日快乐！", "Happy birthday, {name}, from {brand}!"),
        marketing=True,
    ),
)


def _wants(ctx: Context) -> Collection[str]:
    return {*noticing.wants(ctx), SMS_REPLIED}


def _hear(ctx: Context, fact: Fact) -> None:
    if fact.fact_name() == SMS_REPLIED:
        unsubscribing.replied(ctx, fact)
    elif noticing.for_staff(ctx, fact.fact_name()):
        staff.tell(ctx, fact)
    else:
        noticing.hear(ctx, fact)


LISTENER = Listener(_wants, _hear)
