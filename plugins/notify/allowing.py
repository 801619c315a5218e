"""Who may be told what: consent, preferences, addresses that said no, and how often a person is contacted.

Consent is core's: the purposes `marketing`, and `marketing.sms` for one channel; the newest of the two answers counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from uuid import UUID

from plugins.notify.models import NotifyBlock, NotifyContact, NotifyMember
from plugins.notify.settings import NotifySettings
from roost import Context, blind, blinds, insert_rows, members, new_id, seal

MARKETING = "marketing"
INBOX = "inbox"
WEEK = timedelta(days=7)
Answers = Mapping[str, members.ConsentView]


def purpose(channel: str) -> str:
    """Return the purpose of consent to marketing by one channel."""
    return f"{MARKETING}.{channel}"


def answers_of(
    ctx: Context, ids: Iterable[UUID], channels: Iterable[str]
) -> dict[UUID, dict[str, members.ConsentView]]:
    """Return what members answered to marketing, in general and by channel."""
    return members.answers(ctx, ids, [MARKETING, *(purpose(c) for c in sorted(set(channels)))])


def agrees(answers: Answers, channel: str, *, needed: bool) -> bool:
    """Tell whether a member agrees to marketing by a channel.

    The inbox needs no yes, only that there was no no; the others need a yes where consent is `needed`.
    """
    found = [answers[p] for p in (MARKETING, purpose(channel)) if p in answers]
    if not found:
        return channel == INBOX or not needed
    newest = max(found, key=lambda answer: (answer.at, not answer.given))  # of two at once the no counts
    return newest.given


def preferences(ctx: Context, ids: Iterable[UUID]) -> dict[UUID, dict[str, list[str]]]:
    """Return what members switched off: group → channels."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    rows = NotifyMember.scoped(ctx).select(NotifyMember.member, NotifyMember.off).where(NotifyMember.member.in_(wanted))
    return {row.member: row.off for row in rows}


# --- addresses that said no ------------------------------------------------------------------------------------------


def is_blocked(ctx: Context, channel: str, address: str) -> bool:
    """Tell whether an address wants no marketing by a channel."""
    found = NotifyBlock.scoped(ctx).select(NotifyBlock.id).where(NotifyBlock.channel == channel)
    return found.where(NotifyBlock.address_blind.in_(blinds(ctx, "address", address))).first() is not None


def block(ctx: Context, channel: str, address: str, source: str) -> UUID:
    """Note that an address wants no marketing by a channel; return the row's id. Twice is once."""
    fresh, index = new_id(), blind(ctx, "address", address)
    NotifyBlock.scoped(ctx).insert(
        id=fresh,
        channel=channel,
        address=seal(ctx, "address", address),
        address_blind=index,
        source=source,
        created_at=ctx.now(),
    ).on_conflict_ignore().execute()
    held = NotifyBlock.scoped(ctx).get(NotifyBlock.channel == channel, NotifyBlock.address_blind == index)
    return held.id  # type: ignore[no-any-return]  # peewee


# --- how often -------------------------------------------------------------------------------------------------------


def lock_contacts(ctx: Context, subjects: Iterable[UUID]) -> dict[UUID, list[date]]:
    """Return the days on which persons were contacted, their rows locked until the transaction ends, in their order.

    Two messages of two plugins to one person queue here, so that both do not count on the last place.
    """
    wanted = sorted(set(subjects))
    if not wanted:
        return {}
    insert_rows(ctx, NotifyContact, [{"subject": s} for s in wanted], ignore_conflicts=True)
    rows = NotifyContact.scoped(ctx)
    return {s: [date.fromisoformat(day) for day in rows.lock(NotifyContact.subject == s).days] for s in wanted}


def has_room(days: Sequence[date], today: date, settings: NotifySettings) -> bool:
    """Tell whether a person may be contacted once more: today, and within seven days."""
    week = [day for day in days if day > today - WEEK]
    return week.count(today) < settings.marketing_a_day and len(week) < settings.marketing_a_week


def keep_contacts(ctx: Context, subject: UUID, days: Iterable[date], today: date) -> None:
    """Write the days of a person whose row is locked; those older than a week are dropped."""
    kept = sorted(day.isoformat() for day in days if day > today - WEEK)
    NotifyContact.scoped(ctx).update(days=kept).where(NotifyContact.subject == subject).execute()


def give_back(ctx: Context, contacts: Iterable[tuple[UUID, date]]) -> None:
    """Take contacts off the count that did not come to be: (person, day) of each."""
    gone = list(contacts)
    held = lock_contacts(ctx, [subject for subject, _ in gone])
    for subject, day in gone:
        if day in held[subject]:
            held[subject].remove(day)
    for subject, days in held.items():
        keep_contacts(ctx, subject, days, ctx.today())
