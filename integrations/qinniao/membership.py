"""What the SaaS's records say of a membership, taken together, whatever the order they came in.

A person has one record of kind `members` and any number of `cards`. Whichever was told last speaks: the
cards when the newest of them is newer than the person's own record, else that record. Somebody may have
several records of a person; the best of them counts.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from integrations.qinniao.hookspecs import MembershipChanged
from integrations.qinniao.models import QinniaoLead, QinniaoObject
from integrations.qinniao.schemas import QinniaoSettings
from roost import Context, Invalid, members

State = Literal["member", "lapsed"]
STATUSES: Mapping[str, tuple[State, bool]] = {  # state, and whether it is frozen
    "active": ("member", False),
    "frozen": ("member", True),
    "expired": ("lapsed", False),
    "refunded": ("lapsed", False),
    "cancelled": ("lapsed", False),
}
"""The statuses of a person or card that the protocol knows."""


@dataclass(frozen=True, slots=True)
class Record:
    """A person's own record or one of their cards."""

    kind: str
    status: str
    ends_on: date | None
    deleted: bool
    told_at: datetime
    venue: UUID | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A membership at one moment."""

    state: State
    frozen: bool
    ends_on: date | None
    venue: UUID | None


def check_status(status: str) -> None:
    """Raise Invalid for a status that the protocol does not know."""
    if status not in STATUSES:
        raise Invalid(f"the status {status[:40]!r} is none of {', '.join(STATUSES)}", "会籍状态无法识别")


def standing(records: Iterable[Record], today: date) -> Standing | None:
    """Return what one person's records say together; None without any."""
    person: Record | None = None
    cards: list[Record] = []
    for record in records:
        if record.kind == "members":
            person = record
        else:
            cards.append(record)
    if person is None and not cards:
        return None
    venue = person.venue if person is not None else max(cards, key=lambda c: c.told_at).venue
    if person is not None and not any(card.told_at > person.told_at for card in cards):
        state, frozen = _of(person)
        live = [card for card in cards if _of(card)[0] == "member"]
        ends = [
            record.ends_on for record in (live if state == "member" and live else [person, *cards]) if record.ends_on
        ]
        return Standing(state, frozen, max(ends, default=None), venue)
    best = max(cards, key=lambda card: _rank(card, today))
    state, frozen = _of(best)
    if state == "member" and not frozen and best.ends_on is not None and best.ends_on < today:
        state = "lapsed"
    return Standing(state, frozen, best.ends_on, venue)


def _of(record: Record) -> tuple[State, bool]:
    return ("lapsed", False) if record.deleted else STATUSES[record.status]


def _rank(card: Record, today: date) -> tuple[int, date, datetime]:
    state, frozen = _of(card)
    over = card.ends_on is not None and card.ends_on < today and not frozen
    return (0 if state == "lapsed" or over else 1 if frozen else 2, card.ends_on or date.max, card.told_at)


def update(ctx: Context, member: UUID, *, history: bool, happened: datetime, via: str) -> None:
    """Take over what all records of a member say together; publish `membership_changed` when it is news.

    `history`: the facts are of the origin import. Nothing older than what staff entered by hand changes
    anything.
    """
    person = members.get(ctx, member)
    owners: dict[str, list[Record]] = defaultdict(list)
    newest: datetime | None = None
    rows = QinniaoObject.scoped(ctx).select().where(
        QinniaoObject.member == person.id,
        QinniaoObject.kind.in_(("members", "cards")),
        QinniaoObject.state == "applied",
    )  # fmt: skip
    for row in rows:
        facts: dict[str, Any] = row.facts or {}
        ends_on = date.fromisoformat(facts["ends_on"]) if facts.get("ends_on") else None
        owners[row.owner].append(Record(row.kind, facts["status"], ends_on, facts["deleted"], row.told_at, row.venue))
        newest = row.told_at if newest is None else max(newest, row.told_at)
    said = [found for records in owners.values() if (found := standing(records, ctx.today())) is not None]
    if not said or newest is None:
        return
    best = max(said, key=lambda one: (one.state == "member", not one.frozen, one.ends_on or date.max))
    told = ctx.imported() if history else ctx
    first = person.converted_at is None
    changed = members.set_membership(
        told,
        person.id,
        state=best.state,
        valid_until=best.ends_on,
        frozen=best.frozen,
        venue=best.venue,
        version=version_of(min(newest, ctx.now())),
        occurred_at=happened,
    )
    if not changed:
        return
    fact = MembershipChanged(
        member=person.id, state=members.get(ctx, person.id).state, frozen=best.frozen, valid_until=best.ends_on,
        venue=best.venue, occurred_at=happened,
    )  # fmt: skip
    told.publish(fact)
    if first and best.state == "member":
        note_conversion(ctx, person.id, happened, via)


def version_of(instant: datetime) -> int:
    """Return an instant as a membership's version: news later than what staff entered wins over it."""
    return int(instant.timestamp() * 1000)


def note_conversion(ctx: Context, member: UUID, happened: datetime, via: str) -> None:
    """Write on a lead when they became a member, and how long it took until we heard."""
    lag = max(int((ctx.now() - happened).total_seconds()), 0)
    late = lag > ctx.settings(QinniaoSettings).late_minutes * 60
    QinniaoLead.scoped(ctx).update(
        converted_at=happened, conversion_lag=lag, late=late, converted_by=via, changed_at=ctx.now()
    ).where(QinniaoLead.member == member, QinniaoLead.converted_at.is_null()).execute()
