"""What becomes of the SaaS's records when a member is erased, merged or exported, or a tenant leaves."""

from typing import Any
from uuid import UUID

from integrations.qinniao.models import (
    QinniaoCircuit,
    QinniaoCursor,
    QinniaoEvent,
    QinniaoLead,
    QinniaoNonce,
    QinniaoObject,
    QinniaoRetry,
)
from roost import Context


def erase(ctx: Context, member: UUID) -> None:
    """Forget a member. Their numbers stay, so that the SaaS telling them again brings nobody back."""
    owners = _owners(ctx, member)
    mine = QinniaoObject.member == member
    if owners:
        mine |= QinniaoObject.owner.in_(owners)
    rows = list(QinniaoObject.scoped(ctx).select().where(mine))
    for row in rows:
        QinniaoEvent.scoped(ctx).update(body=None, member=None).where(
            QinniaoEvent.kind == row.kind, QinniaoEvent.saas_id == row.saas_id
        ).execute()
    QinniaoObject.scoped(ctx).update(
        state="erased", note="", member=None, facts=None, told=None, body=None, phone_blind=None, changed_at=ctx.now()
    ).where(mine).execute()
    QinniaoEvent.scoped(ctx).update(body=None, member=None).where(QinniaoEvent.member == member).execute()
    QinniaoLead.scoped(ctx).delete().where(QinniaoLead.member == member).execute()


def _owners(ctx: Context, member: UUID) -> list[str]:
    rows = (
        QinniaoObject.scoped(ctx)
        .select(QinniaoObject.owner)
        .where(QinniaoObject.member == member, QinniaoObject.owner != "")
    )
    lead = QinniaoLead.scoped(ctx).first(QinniaoLead.member == member)
    return sorted(
        {row.owner for row in rows} | ({lead.saas_member} if lead is not None and lead.saas_member else set())
    )


def merge(ctx: Context, member: UUID, merged: UUID) -> None:
    """Move what is kept of `merged` to `member`; of two leads the survivor's own stays."""
    for model in (QinniaoObject, QinniaoEvent):
        model.scoped(ctx).update(member=member).where(model.member == merged).execute()
    leads = QinniaoLead.scoped(ctx)
    if leads.first(QinniaoLead.member == member) is None:
        leads.update(member=member).where(QinniaoLead.member == merged).execute()


def export(ctx: Context, member: UUID) -> dict[str, Any] | None:
    """Return how the member stands with the SaaS, and which events were about them; None without any."""
    lead = QinniaoLead.scoped(ctx).first(QinniaoLead.member == member)
    objects = QinniaoObject.scoped(ctx).select().where(QinniaoObject.member == member).order_by(QinniaoObject.id)
    events = QinniaoEvent.scoped(ctx).select().where(QinniaoEvent.member == member).order_by(QinniaoEvent.id)
    told = {
        "lead": {"state": lead.state, "at": lead.created_at.isoformat(), "number": lead.saas_lead} if lead else None,
        "records": [{"kind": o.kind, "number": o.saas_id, "at": o.told_at and o.told_at.isoformat()} for o in objects],
        "events": [{"type": e.event_type, "at": e.occurred_at.isoformat()} for e in events],
    }
    return told if any(told.values()) else None


def purge(ctx: Context) -> None:
    """Delete all that is kept for this tenant."""
    for model in (
        QinniaoLead, QinniaoEvent, QinniaoObject, QinniaoCursor, QinniaoNonce, QinniaoCircuit, QinniaoRetry,
    ):  # fmt: skip
        model.scoped(ctx).delete().execute()
