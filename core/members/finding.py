"""Find members: by id, phone, last four digits, identity, and in pages for staff."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core import db, presuming
from core.bulk import any_of
from core.contract.context import Context
from core.contract.rest import PageQuery
from core.errors import NotFound
from core.fields import as_uuid
from core.members.lapsing import in_states
from core.members.models import Member, MemberIdentity
from core.members.views import LAST_FOUR, PHONE, MemberPage, MemberView, view
from core.paging import keyset
from core.privacy import last_four, normalise_phone

MOST = 100  # rows of a page, and members with the same last four digits
_MERGED_INTO = db.Sql("SELECT merged_into FROM member WHERE tenant = %s AND id = %s")  # on the way of every credit
HOPS = 20  # merges point at the survivor directly; more than one hop is a race, this many a fault


def not_found() -> NotFound:
    """Return the error for a member that does not exist for this tenant."""
    return NotFound("no such member", "找不到会员", what="member")


def row_of(ctx: Context, member_id: UUID, *, lock: bool = False) -> Member:
    """Return the row of a member, of the survivor when they were merged; locked if asked. Raises NotFound."""
    for _ in range(HOPS):
        mine = Member.scoped(ctx)
        row = mine.lock(Member.id == member_id) if lock else mine.get(Member.id == member_id)
        if row.merged_into is None:
            return row  # type: ignore[no-any-return]  # peewee
        member_id = row.merged_into
    raise not_found()


def by_phone(ctx: Context, phone: str) -> Member | None:
    """Return the row of a normalised phone, whichever index key found it."""
    blinds = ctx.services.keyring.blinds(ctx.tenant.id, PHONE, phone)
    row = Member.scoped(ctx).first(Member.phone_blind.in_(blinds))
    return row_of(ctx, row.id) if row is not None and row.merged_into is not None else row


def by_identity(ctx: Context, provider: str, subject: str) -> Member | None:
    """Return the row of an identity, or None."""
    link = MemberIdentity.scoped(ctx).first(MemberIdentity.provider == provider, MemberIdentity.subject == subject)
    return row_of(ctx, link.member) if link is not None else None


def get(ctx: Context, member_id: UUID, *, lock: bool = False) -> MemberView:
    """Return a member; a merged one's id gives the survivor. Raises NotFound.

    With `lock` the member is locked until the transaction ends: what is counted of theirs stays true meanwhile.
    """
    return view(ctx, row_of(ctx, member_id, lock=lock))


def _alive(rows: list[Any]) -> bool:
    """Tell whether a member is there, and part of no other."""
    return bool(rows) and rows[0][0] is None


def resolve(ctx: Context, member_id: UUID) -> UUID:
    """Return the id under which a member lives on. Raises NotFound."""
    if presuming.presume(ctx.scope, _MERGED_INTO, (ctx.tenant.id, member_id), _alive):
        return member_id
    for _ in range(HOPS):
        found = db.fetch_one(ctx.scope, _MERGED_INTO, (ctx.tenant.id, member_id))
        if found is None:
            raise not_found()
        survivor = as_uuid(found[0])
        if survivor is None:
            return member_id
        member_id = survivor
    raise not_found()


def resolve_many(ctx: Context, ids: Iterable[UUID]) -> dict[UUID, tuple[UUID, UUID | None]]:
    """Return for each id the one under which the member lives on, and that one's venue; unknown ones are left out."""
    found: dict[UUID, tuple[UUID | None, UUID | None]] = {}
    waiting = list(dict.fromkeys(ids))
    for _ in range(HOPS):
        if not waiting:
            break
        condition, values = any_of("uuid", waiting)
        statement = db.Sql(f"SELECT id, merged_into, venue FROM member WHERE tenant = %s AND id {condition}")
        for row in db.fetch_all(ctx.scope, statement, [ctx.tenant.id, *values]):
            member, into, venue = (as_uuid(value) for value in row)
            assert member is not None
            found[member] = (into, venue)
        waiting = [into for into, _ in found.values() if into is not None and into not in found]
    living: dict[UUID, tuple[UUID, UUID | None]] = {}
    for asked in found:
        member = asked
        while (into := found[member][0]) is not None:
            member = into
        living[asked] = (member, found[member][1])
    return living


def get_many(ctx: Context, ids: Iterable[UUID]) -> dict[UUID, MemberView]:
    """Return the members of some ids, under the ids asked for; unknown ones are left out."""
    wanted = list(dict.fromkeys(ids))
    rows: dict[UUID, Member] = {}
    waiting = wanted
    for _ in range(HOPS):
        for start in range(0, len(waiting), 500):
            chunk = waiting[start : start + 500]
            rows.update((row.id, row) for row in Member.scoped(ctx).select().where(Member.id.in_(chunk)))
        waiting = [r.merged_into for r in rows.values() if r.merged_into is not None and r.merged_into not in rows]
        if not waiting:
            break
    found: dict[UUID, MemberView] = {}
    for asked in wanted:
        row = rows.get(asked)
        while row is not None and row.merged_into is not None:
            row = rows.get(row.merged_into)
        if row is not None:
            found[asked] = view(ctx, row)
    return found


def find_by_phone(ctx: Context, phone: str) -> MemberView | None:
    """Return the member of a phone in any usual form, or None. Raises Invalid for what is no phone."""
    row = by_phone(ctx, normalise_phone(phone))
    return view(ctx, row) if row is not None else None


def find_by_identity(ctx: Context, provider: str, subject: str) -> MemberView | None:
    """Return the member known to another system as `subject`, or None."""
    row = by_identity(ctx, provider, subject)
    return view(ctx, row) if row is not None else None


def find_by_last_four(ctx: Context, digits: str) -> list[MemberView]:
    """Return the members whose phone ends in four digits, newest first, at most 100, in the venue scope."""
    return find(ctx, MemberFilter(last_four=digits), PageQuery(limit=MOST)).items


# --- lists for staff ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MemberFilter:
    """What staff look for; what is None or empty does not narrow. `phone` is whole, in any usual form."""

    state: str = ""
    level: str | None = None
    class_: str = ""
    venue: UUID | None = None
    channel: str = ""
    phone: str = ""
    last_four: str = ""
    registered_from: datetime | None = None
    registered_before: datetime | None = None


def _where(ctx: Context, wanted: MemberFilter) -> list[Any]:
    """Return the conditions of a filter.

    Only an exact phone looks beyond an account's venues: who can name the whole number has the person before
    them, while a list would show strangers.
    """
    where: list[Any] = [Member.merged_into.is_null(), Member.erased_at.is_null()]
    ring, tenant = ctx.services.keyring, ctx.tenant.id
    if wanted.phone:
        where.append(Member.phone_blind.in_(ring.blinds(tenant, PHONE, normalise_phone(wanted.phone))))
    elif ctx.actor.venues:
        where.append(Member.venue.in_(sorted(ctx.actor.venues)))
    if wanted.last_four:
        where.append(Member.phone_last_four.in_(ring.blinds(tenant, LAST_FOUR, last_four(wanted.last_four))))
    if wanted.state:
        where.append(in_states(ctx, (wanted.state,)))
    for value, column in (
        (wanted.level, Member.level),
        (wanted.class_ or None, Member.class_),
        (wanted.venue, Member.venue),
        (wanted.channel or None, Member.channel),
    ):
        if value is not None:
            where.append(column == value)
    if wanted.registered_from is not None:
        where.append(Member.registered_at >= wanted.registered_from)
    if wanted.registered_before is not None:
        where.append(Member.registered_at < wanted.registered_before)
    return where


def find(ctx: Context, wanted: MemberFilter | None = None, page: PageQuery | None = None) -> MemberPage:
    """Return a page of members for staff, newest first; needs the permission members.view.

    An account with a venue scope sees its venues' members, and anyone by exact phone. Raises Invalid for a
    bad cursor or filter.
    """
    ctx.require("members.view")
    page = page or PageQuery()
    page = page.model_copy(update={"limit": max(1, min(page.limit, MOST))})
    rows, after = keyset(Member.scoped(ctx).select().where(*_where(ctx, wanted or MemberFilter())), Member.id, page)
    return MemberPage([view(ctx, row) for row in rows], after)


def check_scope(ctx: Context, row: Member) -> None:
    """Raise NotFound when an account with a venue scope reaches for a member of another venue."""
    if ctx.actor.venues and ctx.actor.kind in ("staff", "key") and row.venue not in ctx.actor.venues:
        raise not_found()


def get_in_scope(ctx: Context, member_id: UUID) -> MemberView:
    """Return a member for staff: needs members.view; NotFound outside the account's venues."""
    ctx.require("members.view")
    row = row_of(ctx, member_id)
    check_scope(ctx, row)
    return view(ctx, row)
