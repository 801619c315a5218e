"""Classes that follow the lists of other systems: who is staff or coach there is of that class here, for as long.

The business software and the coaches' system name their people by phone. The phone is kept sealed and found by its
blind index. Whoever has it gets the list's class: now, when they register, or when the phone becomes theirs. A list
takes away only what it gave: the class from before comes back, and a class that staff set by hand since stays.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from core import db
from core.contract.context import Context
from core.contract.facts import MemberUpdated
from core.errors import Invalid
from core.members.finding import by_phone, row_of
from core.members.models import ClassListing, ListedClass, Member
from core.members.views import phone_in_clear
from core.privacy import normalise_phone
from core.words import Text, Words, kept

PURPOSE = "core.list_phone"
FIRST = ("coach", "staff")  # of two lists that name one person, the closer word counts

# A registration that does not see a listing yet, and a list that does not see the member yet, would miss each other.
_SHARED = db.Sql("SELECT pg_advisory_xact_lock_shared(1668508009, %s)")
_ALONE = db.Sql("SELECT pg_advisory_xact_lock(1668508009, %s)")


def put_on_list(ctx: Context, number: str, phone: str, class_: str) -> bool:
    """Say that the list of `ctx.plugin` has a person under a number of its own; tell whether that was news.

    The member with this phone, or who has it one day, is of `class_`. A phone that is none, or no mainland mobile
    number, belongs to nobody: the person stays on the list without effect.
    """
    if not 1 <= len(class_) <= 40:
        raise Invalid("a class has 1 to 40 characters", "会员类别需为 1 到 40 个字符")
    clear = _readable(phone)
    lists = ClassListing.scoped(ctx)
    where = (ClassListing.source == ctx.plugin, ClassListing.number == number)
    held = lists.first(*where)
    if held is not None and held.class_ == class_ and _phone_of(ctx, held) == clear:
        return False
    alone(ctx)
    lists.insert(source=ctx.plugin, number=number, class_=class_).on_conflict_ignore().execute()
    row = lists.lock(*where)
    before = _phone_of(ctx, row)
    ring, tenant = ctx.services.keyring, ctx.tenant.id
    lists.update(
        class_=class_,
        list_phone=ring.seal(tenant, PURPOSE, clear) if clear else None,
        phone_blind=ring.blind(tenant, PURPOSE, clear) if clear else None,
    ).where(ClassListing.id == row.id).execute()
    _settle_phones(ctx, {before, clear})
    return True


def take_off_list(ctx: Context, number: str) -> bool:
    """Say that the list of `ctx.plugin` has nobody under a number any more; tell whether that was news."""
    lists = ClassListing.scoped(ctx)
    where = (ClassListing.source == ctx.plugin, ClassListing.number == number)
    if lists.first(*where) is None:
        return False
    alone(ctx)
    row = lists.lock(*where)
    phone = _phone_of(ctx, row)
    lists.delete().where(ClassListing.id == row.id).execute()
    _settle_phones(ctx, {phone})
    return True


def alone(ctx: Context) -> None:
    """Let this transaction alone change lists; it waits for those that give phones to members, and they for it."""
    if db.dialect() == "postgresql":
        db.run(ctx.scope, _ALONE, (ctx.tenant.id,))


def beside_lists(ctx: Context) -> None:
    """Keep the lists as they are while this transaction gives phones to members. Call it before any row is locked."""
    if db.dialect() == "postgresql":
        db.run_later(ctx.scope, _SHARED, (ctx.tenant.id,))


def settle_class(ctx: Context, member_id: UUID) -> None:
    """Bring a member's class to what the lists say of their phone; nothing changes where they say what they said."""
    row = row_of(ctx, member_id, lock=True)
    wanted, lists = _said(ctx, phone_in_clear(ctx, row)) if row.phone is not None else ("", "")
    mine = ListedClass.scoped(ctx)
    held = mine.first(ListedClass.member == row.id)
    if (held is None and not wanted) or (held is not None and held.class_ == wanted):
        return
    base = held.before if held is not None and held.given else row.class_
    given = bool(wanted) and base != wanted
    mine.delete().where(ListedClass.member == row.id).execute()
    if wanted:
        mine.insert(member=row.id, class_=wanted, before=base, given=given).execute()
    after = wanted or base
    if after != row.class_:
        source = lists or ctx.plugin
        write_class(ctx, row, after, Text(f"按 {source} 名单", f"by the list of {source}"))


def settle_many(ctx: Context, phones: dict[str, UUID]) -> None:
    """Give the classes of lists to people who were just registered, by their phones."""
    ring = ctx.services.keyring
    by_blind = {blind: phone for phone in phones for blind in ring.blinds(ctx.tenant.id, PURPOSE, phone)}
    found: set[str] = set()
    for row in _listed(ctx, by_blind) if by_blind else ():
        found.add(by_blind[bytes(row.phone_blind)])
    for phone in sorted(found):
        settle_class(ctx, phones[phone])


def overruled(ctx: Context, member: UUID) -> None:
    """Note that staff set a class by hand: no list takes it away."""
    ListedClass.scoped(ctx).update(given=False).where(ListedClass.member == member).execute()


def write_class(ctx: Context, row: Member, class_: str, reason: Words) -> None:
    """Write a member's class, publish it, and leave an audit row."""
    Member.scoped(ctx).update(class_=class_).where(Member.id == row.id).execute()
    ctx.publish(MemberUpdated(member=row.id, changed=("class",)))
    ctx.audit("member.class_set", str(row.id), {"old": row.class_, "new": class_, "reason": kept(reason)})


def forget_lists(ctx: Context, row: Member) -> None:
    """Forget the phone that lists named a member by, before the member's own is erased."""
    ListedClass.scoped(ctx).delete().where(ListedClass.member == row.id).execute()
    if row.phone is not None:
        blinds = ctx.services.keyring.blinds(ctx.tenant.id, PURPOSE, phone_in_clear(ctx, row))
        ClassListing.scoped(ctx).update(list_phone=None, phone_blind=None).where(
            ClassListing.phone_blind.in_(blinds)
        ).execute()


def _settle_phones(ctx: Context, phones: Iterable[str]) -> None:
    for phone in sorted(filter(None, phones)):
        member = by_phone(ctx, phone)
        if member is not None:
            settle_class(ctx, member.id)


def _said(ctx: Context, phone: str) -> tuple[str, str]:
    """Return the class that the lists have for a phone, and which lists; empty words when none has it."""
    rows = _listed(ctx, ctx.services.keyring.blinds(ctx.tenant.id, PURPOSE, phone))
    classes = sorted({row.class_ for row in rows}, key=lambda one: (FIRST.index(one) if one in FIRST else 9, one))
    return (classes[0], ", ".join(sorted({r.source for r in rows if r.class_ == classes[0]}))) if classes else ("", "")


def _listed(ctx: Context, blinds: Iterable[bytes]) -> list[Any]:
    return list(ClassListing.scoped(ctx).select().where(ClassListing.phone_blind.in_(list(blinds))))


def _phone_of(ctx: Context, row: ClassListing) -> str:
    return ctx.services.keyring.open(ctx.tenant.id, PURPOSE, bytes(row.list_phone)) if row.list_phone else ""


def _readable(phone: str) -> str:
    try:
        return normalise_phone(phone) if phone else ""
    except Invalid:
        return ""
