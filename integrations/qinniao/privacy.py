"""What is forgotten of a member beside their own rows."""

from uuid import UUID

from integrations.qinniao.models import QinniaoEvent, QinniaoLead, QinniaoObject
from roost import Context


def erase(ctx: Context, member: UUID) -> None:
    """Forget a member. Their numbers stay, so that the SaaS telling them again brings nobody back."""
    mine = (QinniaoObject.member == member) | QinniaoObject.owner.in_(_numbers(ctx, member))
    for row in list(QinniaoObject.scoped(ctx).select().where(mine)):
        QinniaoEvent.scoped(ctx).update(body=None, member=None).where(
            QinniaoEvent.kind == row.kind, QinniaoEvent.saas_id == row.saas_id
        ).execute()
    QinniaoObject.scoped(ctx).update(
        state="erased", note="", member=None, facts=None, told=None, body=None, phone_blind=None, changed_at=ctx.now()
    ).where(mine).execute()


def _numbers(ctx: Context, member: UUID) -> list[str]:
    owned = QinniaoObject.scoped(ctx).select(QinniaoObject.owner).where(QinniaoObject.member == member)
    leads = QinniaoLead.scoped(ctx).select(QinniaoLead.saas_member).where(QinniaoLead.member == member)
    return sorted(({row.owner for row in owned} | {lead.saas_member for lead in leads}) - {""})
