"""How a person becomes known: found by phone or identity, else made a lead, once."""

from datetime import datetime
from typing import Any
from uuid import UUID

from peewee import IntegrityError

from core import db
from core.contract.context import Context
from core.contract.facts import MemberRegistered
from core.errors import Conflict, Invalid
from core.ids import new_id
from core.members.class_lists import beside_lists, settle_class
from core.members.finding import by_identity, by_phone, row_of
from core.members.models import Member, MemberIdentity
from core.members.views import LAST_FOUR, NAME, PHONE, MemberView, view
from core.privacy import normalise_phone

NAME_LENGTH = 60
SUBJECT_LENGTH = 128
TAG_BITS = 36  # of a member's id, in `code_tag`: see core.members.codes


def tag_of(member: UUID) -> int:
    """Return the random end of an id, by which a member code finds its owner."""
    return member.int & ((1 << TAG_BITS) - 1)


def clean_name(name: str) -> str:
    """Return a name without control characters and outer blanks; raise Invalid for an unusable one."""
    text = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if not text or len(text) > NAME_LENGTH:
        raise Invalid(
            f"a name has 1 to {NAME_LENGTH} characters",
            f"姓名需为 1 到 {NAME_LENGTH} 个字符",
            fields=[{"path": "name", "message": f"1 to {NAME_LENGTH} characters"}],
        )
    return text


def sealed_phone(ctx: Context, phone: str) -> dict[str, bytes]:
    """Return the columns that hold a normalised phone."""
    ring, tenant = ctx.services.keyring, ctx.tenant.id
    return {
        "phone": ring.seal(tenant, PHONE, phone),
        "phone_blind": ring.blind(tenant, PHONE, phone),
        "phone_last_four": ring.blind(tenant, LAST_FOUR, phone[-4:]),
    }


def sealed_name(ctx: Context, name: str) -> bytes:
    """Return a name as it is kept."""
    return ctx.services.keyring.seal(ctx.tenant.id, NAME, name)


_GATE = db.Sql("SELECT pg_advisory_xact_lock(%s)")


def pass_gate(ctx: Context, phone: str) -> None:
    """Let one transaction at a time write a phone while two index keys are in use.

    The unique index tells two registrations of a phone apart only when both index it by the same key.
    During a rotation processes may differ in which key is the newest, yet all hold the same keys: the least
    of the blind indexes names the lock.
    """
    if ctx.services.keyring.rotating and db.dialect() == "postgresql":
        least = min(ctx.services.keyring.blinds(ctx.tenant.id, PHONE, phone))
        db.run(ctx.scope, _GATE, (int.from_bytes(least[:8], "big", signed=True),))


def register(
    ctx: Context,
    *,
    channel: str,
    phone: str | None = None,
    name: str | None = None,
    invitation: str = "",
    venue: UUID | None = None,
    occurred_at: datetime | None = None,
    external_id: str | None = None,
) -> tuple[MemberView, bool]:
    """Return the member of a phone, or of an external id, and whether they are new.

    `external_id` is an identity whose provider is `channel`. An unknown person becomes a lead, and
    `member_registered` is published once, however many register them at the same time. A known one is
    returned as they are; only a missing identity is added. Without a phone and `external_id` a lead of
    their own is made. Raises Invalid for a phone that is not a mainland mobile number, Conflict when the
    identity belongs to another person than the phone.
    """
    clear = normalise_phone(phone) if phone else None
    if clear is not None:
        pass_gate(ctx, clear)
    found = by_phone(ctx, clear) if clear is not None else None
    if found is None and external_id is not None and clear is None:
        found = by_identity(ctx, channel, external_id)
    if found is None:
        made = _insert(ctx, channel, clear, name, venue, occurred_at, external_id)
        if made is not None:
            ctx.publish(MemberRegistered(member=made, channel=channel, invitation=invitation, occurred_at=occurred_at))
            return view(ctx, row_of(ctx, made)), True
        found = by_phone(ctx, clear) if clear is not None else by_identity(ctx, channel, external_id or "")
        if found is None:
            raise Conflict(
                f"this identity of {channel} belongs to another member; merge the two",
                "该账号已绑定其他会员",
                code="identity_taken",
            )
    if external_id is not None:
        link_identity(ctx, found.id, channel, external_id)
    return view(ctx, found), False


def _insert(
    ctx: Context,
    channel: str,
    phone: str | None,
    name: str | None,
    venue: UUID | None,
    occurred_at: datetime | None,
    external_id: str | None,
) -> UUID | None:
    """Insert a lead and their identity; None when somebody else was first with the phone or the identity."""
    member = new_id()
    values: dict[str, Any] = {
        "id": member,
        "code_tag": tag_of(member),
        "channel": channel[:40],
        "venue": venue,
        "registered_at": occurred_at or ctx.now(),
        "locale": ctx.locale[:10],
    }
    if phone is not None:
        beside_lists(ctx)
        values |= sealed_phone(ctx, phone)
    if name and name.strip():
        values["name"] = sealed_name(ctx, clean_name(name))
    if not list(Member.scoped(ctx).insert(**values).on_conflict_ignore().returning(Member.id).execute()):
        return None
    if external_id is not None and not _insert_identity(ctx, member, channel, external_id):
        Member.scoped(ctx).delete().where(Member.id == member).execute()  # nobody has seen it: same transaction
        return None
    if phone is not None:
        settle_class(ctx, member)
    return member


def _insert_identity(ctx: Context, member: UUID, provider: str, subject: str) -> bool:
    if not 1 <= len(subject) <= SUBJECT_LENGTH or not provider:
        raise Invalid(f"an identity has a provider and a subject of 1 to {SUBJECT_LENGTH} characters", "外部账号无效")
    new = (
        MemberIdentity.scoped(ctx)
        .insert(member=member, provider=provider, subject=subject, linked_at=ctx.now())
        .on_conflict_ignore()
        .returning(MemberIdentity.id)
        .execute()
    )
    return bool(list(new))


def link_identity(ctx: Context, member_id: UUID, provider: str, subject: str) -> None:
    """Let a member be found by another system's number or open id; doing it twice changes nothing.

    Raises Conflict when the identity belongs to another member.
    """
    row = row_of(ctx, member_id)
    if _insert_identity(ctx, row.id, provider, subject):
        return
    holder = by_identity(ctx, provider, subject)
    if holder is None or holder.id != row.id:
        raise Conflict(
            f"this identity of {provider} belongs to another member; merge the two",
            "该账号已绑定其他会员",
            code="identity_taken",
        )


def change_phone(ctx: Context, member_id: UUID, phone: str) -> MemberView:
    """Give a member another phone; the caller has verified it (by a code, or staff at the counter). Audited.

    Raises Conflict when another member has it, Forbidden for members acting for others.
    """
    beside_lists(ctx)
    row = row_of(ctx, member_id, lock=True)
    if not (ctx.actor.kind == "member" and ctx.actor.id == row.id):
        ctx.require("members.edit")
    clear = normalise_phone(phone)
    pass_gate(ctx, clear)
    holder = by_phone(ctx, clear)
    try:
        if holder is not None and holder.id != row.id:
            raise IntegrityError
        if holder is None:
            with db.savepoint():
                Member.scoped(ctx).update(**sealed_phone(ctx, clear)).where(Member.id == row.id).execute()
                settle_class(ctx, row.id)
    except IntegrityError:
        raise Conflict(
            "another member has this phone; merge the two instead",
            "该手机号已被其他会员使用",
            code="phone_taken",
        ) from None
    ctx.audit("member.phone_changed", str(row.id))
    return view(ctx, row_of(ctx, row.id))
