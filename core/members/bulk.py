"""Register many people at once, for imports: a few statements for hundreds of rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from core import db
from core.context import Context
from core.errors import Invalid
from core.events.facts import MemberRegistered
from core.fields import as_uuid
from core.ids import new_id
from core.members.attributes import checked_attributes
from core.members.finding import resolve
from core.members.models import Member
from core.members.profile import GENDERS
from core.members.registration import SUBJECT_LENGTH, clean_name, pass_gate, sealed_name, sealed_phone, tag_of
from core.members.views import PHONE
from core.privacy import normalise_phone

ROWS = 1000  # rows of one INSERT: SQLite takes at most 32,766 parameters


@dataclass(frozen=True, slots=True)
class NewMember:
    """A person of an import, known by an identity (`provider`, `subject`)."""

    provider: str
    subject: str
    channel: str = "import"
    phone: str | None = None
    name: str | None = None
    gender: str = ""
    birthday: date | None = None
    venue: UUID | None = None
    registered_at: datetime | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


_MEMBER = (
    "id", "tenant", "code_tag", "channel", "registered_at", "locale", "gender", "birthday", "venue", "attributes",
    "phone", "phone_blind", "phone_last_four", "name",
)  # fmt: skip
_IDENTITY = ("id", "tenant", "member", "provider", "subject", "linked_at")
_FIXED = "state, level, \"class\", frozen, membership_version"
_FIXED_VALUES = "'lead', '', 'ordinary', false, 0"
_statements: dict[tuple[str, int], db.Sql] = {}


def _statement(kind: str, count: int) -> db.Sql:
    held = _statements.get((kind, count))
    if held is not None:
        return held
    if kind == "member":
        row = f"({','.join(['%s'] * len(_MEMBER))}, {_FIXED_VALUES})"
        text = (
            f"INSERT INTO member ({', '.join(_MEMBER)}, {_FIXED}) VALUES {','.join([row] * count)}"
            " ON CONFLICT DO NOTHING RETURNING id"
        )
    elif kind == "identity":
        row = f"({','.join(['%s'] * len(_IDENTITY))})"
        text = (
            f"INSERT INTO member_identity ({', '.join(_IDENTITY)}) VALUES {','.join([row] * count)}"
            " ON CONFLICT DO NOTHING RETURNING member, provider, subject"
        )
    elif kind == "known":
        marks = ",".join(["%s"] * count)
        text = (
            "SELECT i.provider, i.subject, m.id, m.merged_into FROM member_identity i"
            " JOIN member m ON m.tenant = i.tenant AND m.id = i.member"
            f" WHERE i.tenant = %s AND i.provider = %s AND i.subject IN ({marks})"
        )
    else:
        marks = ",".join(["%s"] * count)
        text = f"SELECT phone_blind, id FROM member WHERE tenant = %s AND phone_blind IN ({marks})"  # noqa: S608 -- marks only
    return _statements.setdefault((kind, count), db.Sql(text))


def register_many(ctx: Context, rows: Sequence[NewMember]) -> dict[str, UUID]:
    """Return the members of many identities by subject; unknown people become leads, each with `member_registered`.

    All rows are of one provider. A known identity or phone is returned as it is; a known phone gets the identity.
    The facts carry `ctx.origin`, so an import runs with `ctx.imported()`. Raises Invalid for a bad row, which it names
    by number, with nothing written.
    """
    if not rows:
        return {}
    if len({row.provider for row in rows}) > 1:
        raise Invalid("register_many takes the identities of one provider at a time")
    found: dict[str, UUID] = {}
    for start in range(0, len(rows), ROWS):
        chunk = {row.subject: row for row in rows[start : start + ROWS]}
        _register(ctx, rows[0].provider, chunk, start, found)
    return found


def _register(ctx: Context, provider: str, chunk: dict[str, NewMember], start: int, found: dict[str, UUID]) -> None:
    _known(ctx, provider, [s for s in chunk if s not in found], found)
    new = [row for subject, row in chunk.items() if subject not in found]
    if not new:
        return
    phones = _phones(ctx, new, start)
    holders = _holders(ctx, phones)
    values, owner = [], {}
    for number, row in enumerate(new, start + 1):
        phone = phones.get(row.subject)
        if phone is not None and phone in holders:
            owner[row.subject] = holders[phone]
            continue
        member = new_id()
        owner[row.subject] = member
        if phone is not None:
            holders[phone] = member  # a second row of the same phone is the same person
        values.append(_values(ctx, row, member, phone, number))
    made = _insert(ctx, "member", values) if values else []
    mine = {as_uuid(row[0]) for row in made}
    if len(mine) < len(values):  # somebody registered one of these phones meanwhile
        holders = _holders(ctx, phones)
        owner = {s: holders.get(phones.get(s, ""), m) for s, m in owner.items()}
    links = [(new_id(), ctx.tenant.id, member, provider, subject, ctx.now()) for subject, member in owner.items()]
    linked = {row[2]: as_uuid(row[0]) for row in _insert(ctx, "identity", links)}
    lost = [subject for subject in owner if subject not in linked]
    if lost:  # somebody linked these identities meanwhile: ours must not stay beside theirs
        orphans = mine & ({owner[s] for s in lost} - set(linked.values()))
        if orphans:
            Member.scoped(ctx).delete().where(Member.id.in_(list(orphans))).execute()
            mine -= orphans
        _known(ctx, provider, lost, found)
    found.update({s: m for s, m in linked.items() if m is not None})
    if mine:
        told: dict[UUID, NewMember] = {}  # two rows of one phone are one person, told once
        for row in new:
            if owner[row.subject] in mine:
                told.setdefault(owner[row.subject], row)
        ctx.runtime.publish_many(
            ctx,
            [
                MemberRegistered(member=member, channel=row.channel, occurred_at=row.registered_at)
                for member, row in told.items()
            ],
        )


def _known(ctx: Context, provider: str, subjects: list[str], found: dict[str, UUID]) -> None:
    if not subjects:
        return
    rows = db.fetch_all(ctx.scope, _statement("known", len(subjects)), (ctx.tenant.id, provider, *subjects))
    for _, subject, member, merged_into in rows:
        survivor = as_uuid(merged_into)
        found[subject] = resolve(ctx, survivor) if survivor is not None else as_uuid(member)  # type: ignore[assignment]  # not null


def _phones(ctx: Context, rows: list[NewMember], start: int) -> dict[str, str]:
    phones: dict[str, str] = {}
    for number, row in enumerate(rows, start + 1):
        if row.phone:
            try:
                phones[row.subject] = normalise_phone(row.phone)
            except Invalid as ex:
                raise _bad_row(number, ex) from None
    return phones


def _holders(ctx: Context, phones: dict[str, str]) -> dict[str, UUID]:
    """Return who has these phones already."""
    by_blind: dict[bytes, str] = {}
    for phone in sorted(set(phones.values())):
        pass_gate(ctx, phone)
        by_blind.update((blind, phone) for blind in ctx.runtime.keyring.blinds(ctx.tenant.id, PHONE, phone))
    if not by_blind:
        return {}
    rows = db.fetch_all(ctx.scope, _statement("phones", len(by_blind)), (ctx.tenant.id, *by_blind))
    held = {by_blind[bytes(blind)]: as_uuid(member) for blind, member in rows}
    return {phone: resolve(ctx, member) for phone, member in held.items() if member is not None}


def _values(ctx: Context, row: NewMember, member: UUID, phone: str | None, number: int) -> tuple[Any, ...]:
    if not 1 <= len(row.subject) <= SUBJECT_LENGTH or row.gender not in GENDERS:
        raise _bad_row(number, Invalid("the identity or the gender cannot be used"))
    try:
        name = sealed_name(ctx, clean_name(row.name)) if row.name else None
        attributes = checked_attributes(ctx, row.attributes) if row.attributes else {}
    except Invalid as ex:
        raise _bad_row(number, ex) from None
    columns = sealed_phone(ctx, phone) if phone is not None else {}
    return (
        member, ctx.tenant.id, tag_of(member), row.channel, row.registered_at or ctx.now(), ctx.locale, row.gender,
        row.birthday, row.venue, Member.attributes.db_value(attributes),
        columns.get("phone"), columns.get("phone_blind"), columns.get("phone_last_four"), name,
    )  # fmt: skip


def _bad_row(number: int, ex: Invalid) -> Invalid:
    return Invalid(f"row {number}: {ex.message}", f"第 {number} 行：{ex.message_zh}", code=ex.code, row=number)


def _insert(ctx: Context, kind: str, values: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return db.fetch_all(ctx.scope, _statement(kind, len(values)), [value for row in values for value in row])
