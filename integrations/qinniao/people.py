"""Who is whom: our members by the SaaS's numbers and back, and its staff."""

from dataclasses import dataclass
from uuid import UUID

from integrations.qinniao.models import QinniaoLead, QinniaoObject
from roost import Context, NotFound, members

PROVIDER = "qinniao"  # of members' identities


@dataclass(frozen=True, slots=True)
class SaasPerson:
    """One of the staff as the SaaS tells of them."""

    number: str
    name: str
    role: str
    venue: UUID | None


def member_of(ctx: Context, number: str) -> members.MemberView | None:
    """Return the member whom the SaaS means by a number, None when nobody is linked with it."""
    return members.find_by_identity(ctx, PROVIDER, number)


def of_lead(ctx: Context, external_id: str | None) -> members.MemberView | None:
    """Return the member whom the SaaS names by a lead's id; None when it is no lead of ours, or they are erased."""
    try:
        named = UUID(external_id or "")
        found = members.get(ctx, named)
    except (ValueError, NotFound):
        return None
    ours = QinniaoLead.scoped(ctx).first(QinniaoLead.member.in_((named, found.id)))
    return None if ours is None or found.erased else found


def numbers_of(ctx: Context, member: UUID) -> list[str]:
    """Return the numbers under which the SaaS has told of a member; after a merge there may be several."""
    rows = (
        QinniaoObject.scoped(ctx)
        .select(QinniaoObject.saas_id)
        .where(QinniaoObject.member == member, QinniaoObject.kind == "members")
        .order_by(QinniaoObject.id)
    )
    return [row.saas_id for row in rows]


def staff_of(ctx: Context, number: str) -> SaasPerson | None:
    """Return one of the staff by the SaaS's number, None when it never told of them, or they have gone."""
    row = QinniaoObject.scoped(ctx).first(QinniaoObject.kind == "staff", QinniaoObject.saas_id == number)
    facts = row.facts if row is not None else None
    if not facts or facts["deleted"]:
        return None
    return SaasPerson(number, facts["name"], facts["role"], row.venue)
