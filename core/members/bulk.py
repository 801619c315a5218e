"""Register many people at once, for imports: a few statements for hundreds of rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from core import db
from core.bulk import Columns, Same, any_of, insert_columns, plan_anew
from core.contract.context import Context
from core.contract.facts import MemberRegistered
from core.errors import Invalid
from core.fields import as_uuid
from core.ids import new_id
from core.members.attributes import checked_attributes
from core.members.class_lists import beside_lists, settle_many
from core.members.finding import resolve
from core.members.models import Member, MemberIdentity
from core.members.profile import GENDERS
from core.members.registration import SUBJECT_LENGTH, clean_name, pass_gate, sealed_name, sealed_phone, tag_of
from core.members.views import PHONE
from core.privacy import normalise_phone
from core.tables import TenantModel

ROWS = 5000  # people of one round


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


# A merge moves identities to the survivor, so they lead to nobody who was merged. Not joined with `member`:
# on tables that have grown since the last ANALYZE, as in an import, the join is planned from the wrong
# side.
_KNOWN = "SELECT subject, member FROM member_identity WHERE tenant = %s AND provider = %s AND subject"
_HOLDERS = "SELECT phone_blind, id FROM member WHERE tenant = %s AND phone_blind"


def register_many(ctx: Context, rows: Sequence[NewMember]) -> dict[str, UUID]:
    """Return the members of many identities, by subject; unknown people become leads.

    Each new lead is told by a `member_registered`. All rows are of one provider. A known identity or phone
    is returned as it is; a known phone gets the identity. The facts carry `ctx.origin`, so an import runs
    with `ctx.imported()`. Raises Invalid for a bad row, which it names by number, with nothing written.
    """
    if not rows:
        return {}
    plan_anew(ctx.scope)
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
    if phones:
        beside_lists(ctx)
    holders = _holders(ctx, phones)
    values: list[dict[str, Any]] = []
    owner: dict[str, UUID] = {}
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
    mine = _insert_members(ctx, values)
    if len(mine) < len(values):  # somebody registered one of these phones meanwhile
        holders = _holders(ctx, phones)
        owner = {s: holders.get(phones.get(s, ""), m) for s, m in owner.items()}
    linked = _link(ctx, provider, owner)
    lost = [subject for subject in owner if subject not in linked]
    if lost:  # somebody linked these identities meanwhile: ours must not stay beside theirs
        orphans = mine & ({owner[s] for s in lost} - set(linked.values()))
        if orphans:
            Member.scoped(ctx).delete().where(Member.id.in_(list(orphans))).execute()
            mine -= orphans
        _known(ctx, provider, lost, found)
    found.update(linked)
    if mine:
        settle_many(ctx, {phone: owner[s] for s, phone in phones.items() if owner[s] in mine})
        told: dict[UUID, NewMember] = {}  # two rows of one phone are one person, told once
        for row in new:
            if owner[row.subject] in mine:
                told.setdefault(owner[row.subject], row)
        facts = [{"member": member, "channel": row.channel, "invitation": ""} for member, row in told.items()]
        ctx.publish_alike(MemberRegistered, facts, [row.registered_at for row in told.values()])


def _known(ctx: Context, provider: str, subjects: list[str], found: dict[str, UUID]) -> None:
    if not subjects:
        return
    condition, values = any_of("text", subjects)
    rows = db.fetch_all(ctx.scope, db.Sql(f"{_KNOWN} {condition}"), (ctx.tenant.id, provider, *values))
    found.update((subject, UUID(str(member))) for subject, member in rows)


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
        by_blind.update((blind, phone) for blind in ctx.services.keyring.blinds(ctx.tenant.id, PHONE, phone))
    if not by_blind:
        return {}
    condition, values = any_of("bytea", list(by_blind))
    rows = db.fetch_all(ctx.scope, db.Sql(f"{_HOLDERS} {condition}"), (ctx.tenant.id, *values))
    held = {by_blind[bytes(blind)]: as_uuid(member) for blind, member in rows}
    return {phone: resolve(ctx, member) for phone, member in held.items() if member is not None}


def _values(ctx: Context, row: NewMember, member: UUID, phone: str | None, number: int) -> dict[str, Any]:
    if not 1 <= len(row.subject) <= SUBJECT_LENGTH or row.gender not in GENDERS:
        raise _bad_row(number, Invalid("the identity or the gender cannot be used"))
    try:
        name = sealed_name(ctx, clean_name(row.name)) if row.name else None
        attributes = checked_attributes(ctx, row.attributes) if row.attributes else {}
    except Invalid as ex:
        raise _bad_row(number, ex) from None
    nothing = {"phone": None, "phone_blind": None, "phone_last_four": None}
    return {
        "id": member,
        "code_tag": tag_of(member),
        "channel": row.channel,
        "registered_at": row.registered_at or ctx.now(),
        "locale": ctx.locale,
        "gender": row.gender,
        "birthday": row.birthday,
        "venue": row.venue,
        "attributes": attributes,
        "name": name,
        **(sealed_phone(ctx, phone) if phone is not None else nothing),
    }


def _bad_row(number: int, ex: Invalid) -> Invalid:
    return Invalid(f"row {number}: {ex.message}", f"第 {number} 行：{ex.message_zh}", code=ex.code, row=number)


def _insert_members(ctx: Context, values: list[dict[str, Any]]) -> set[UUID]:
    """Insert members; return those that went in: not whose phone somebody else registered meanwhile."""
    mine = {row["id"] for row in values}
    values.sort(key=lambda row: row["phone_blind"] or b"")  # two who register the same phones wait, and do not lock up
    if _insert(ctx, Member, values) < len(values):
        mine = {row.id for row in Member.scoped(ctx).select(Member.id).where(Member.id.in_(sorted(mine)))}
    return mine


def _insert(ctx: Context, model: type[TenantModel], rows: list[dict[str, Any]]) -> int:
    """Insert rows by column, and once what all of them have; return how many were not there before."""
    columns: Columns = {}
    for name, first in rows[0].items() if rows else ():
        column = [row[name] for row in rows]
        columns[name] = Same(first) if all(value is first for value in column) else column
    return insert_columns(ctx, model, len(rows), columns, ignore_conflicts=True) if rows else 0


def _link(ctx: Context, provider: str, owner: dict[str, UUID]) -> dict[str, UUID]:
    """Insert identities; return those that are ours: not what somebody else linked meanwhile."""
    now = ctx.now()
    rows = [
        {"id": new_id(), "member": m, "provider": provider, "subject": s, "linked_at": now}
        for s, m in sorted(owner.items())
    ]
    if _insert(ctx, MemberIdentity, rows) == len(rows):
        return owner
    held: dict[str, UUID] = {}
    _known(ctx, provider, list(owner), held)
    return {s: m for s, m in owner.items() if held.get(s) == m}
