"""What the rest of Roost sees of a member."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from core.contract.context import Context
from core.members.lapsing import state_on
from core.members.models import Member
from core.privacy import mask_name, mask_phone

PHONE = "phone"  # purposes under which values are sealed and indexed
LAST_FOUR = "phone_last_four"
NAME = "name"


@dataclass(frozen=True, slots=True)
class MemberView:
    """A member at one moment. The phone is always masked, the name for who may not see it."""

    id: UUID
    state: str  # lead, member, lapsed, as of the tenant's today
    level: str  # "" is none
    class_: str
    phone_masked: str  # 138****5678, or ""
    name: str
    gender: str
    birthday: date | None
    venue: UUID | None
    channel: str
    registered_at: datetime
    converted_at: datetime | None
    valid_until: date | None
    frozen: bool
    attributes: Mapping[str, Any] = field(default_factory=dict)  # JSON values
    locale: str = "zh"
    birthday_changed_on: date | None = None
    birthday_entered_on: date | None = None  # None: not entered, or told by the business software or a file
    erased: bool = False


@dataclass(frozen=True, slots=True)
class MemberPage:
    """A keyset page of members, newest first; `next_cursor` is None on the last."""

    items: list[MemberView]
    next_cursor: str | None


def may_see_name(ctx: Context, member: UUID) -> bool:
    """Tell whether the actor may see a member's name whole: the member, the system, staff with
    members.view.
    """
    return (ctx.actor.kind == "member" and ctx.actor.id == member) or ctx.has("members.view")


def phone_in_clear(ctx: Context, row: Member) -> str:
    """Return the phone of a row, E.164, or ""; callers answer for who sees it."""
    return ctx.services.keyring.open(ctx.tenant.id, PHONE, row.phone) if row.phone is not None else ""


def name_in_clear(ctx: Context, row: Member) -> str:
    """Return the name of a row, or ""; callers answer for who sees it."""
    return ctx.services.keyring.open(ctx.tenant.id, NAME, row.name) if row.name is not None else ""


def view(ctx: Context, row: Member) -> MemberView:
    """Return a row as the actor may see it."""
    name = name_in_clear(ctx, row)
    return MemberView(
        id=row.id,
        state=state_on(row, ctx.today()),
        level=row.level,
        class_=row.class_,
        phone_masked=mask_phone(phone_in_clear(ctx, row)),
        name=name if may_see_name(ctx, row.id) else mask_name(name),
        gender=row.gender,
        birthday=row.birthday,
        venue=row.venue,
        channel=row.channel,
        registered_at=row.registered_at,
        converted_at=row.converted_at,
        valid_until=row.valid_until,
        frozen=row.frozen,
        attributes=dict(row.attributes),
        locale=row.locale,
        birthday_changed_on=row.birthday_changed_on,
        birthday_entered_on=row.birthday_entered_on,
        erased=row.erased_at is not None,
    )
