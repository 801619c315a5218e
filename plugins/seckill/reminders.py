"""Members who want to be reminded before a session opens, and the reminders."""

from datetime import datetime, timedelta
from uuid import UUID

from plugins.seckill.hookspecs import SeckillReminded
from plugins.seckill.models import SeckillReminder, SeckillSession
from plugins.seckill.schemas import SeckillSettings, SessionRef
from roost import Conflict, Context, Next, NotFound

CHUNK = 500


def ask(ctx: Context, member: UUID, session_id: UUID) -> datetime:
    """Have a member reminded before a session opens, once; return when. Asking again changes nothing.

    Raises NotFound for a session that is not published, Conflict (`too_late`) when its reminders have gone out.
    """
    row = SeckillSession.scoped(ctx).get(SeckillSession.id == session_id)
    if row.state == "draft":
        raise NotFound("no such session", "找不到该场次")
    at = when(ctx, row)
    if row.state != "published" or row.announced or at <= ctx.now():
        raise Conflict(
            "it is too late to be reminded of this session", "本场即将开始或已开始，无需提醒", code="too_late"
        )
    SeckillReminder.scoped(ctx).insert(
        session=row.id, member=member, created_at=ctx.now()
    ).on_conflict_ignore().execute()
    return at


def withdraw(ctx: Context, member: UUID, session: UUID) -> None:
    """Take a member's wish to be reminded back; nothing to do where there is none. Raises NotFound."""
    SeckillSession.scoped(ctx).get(SeckillSession.id == session)
    SeckillReminder.scoped(ctx).delete().where(
        SeckillReminder.session == session, SeckillReminder.member == member
    ).execute()


def when(ctx: Context, session: SeckillSession) -> datetime:
    """Return when the reminders of a session go out."""
    before: datetime = session.starts_at - timedelta(minutes=ctx.settings(SeckillSettings).reminder_minutes)
    return before


def asked_for(ctx: Context, member: UUID, sessions: list[UUID]) -> set[UUID]:
    """Return of which of some sessions a member is to be reminded."""
    rows = SeckillReminder.scoped(ctx).select(SeckillReminder.session)
    found = rows.where(SeckillReminder.member == member, SeckillReminder.session.in_(sessions))
    return {row.session for row in found}


def remind(ctx: Context, payload: SessionRef) -> Next | None:
    """Tell some hundreds of those who asked, and go on with the rest; a wish is gone once it was fulfilled."""
    rows = SeckillReminder.scoped(ctx).select().where(SeckillReminder.session == payload.session)
    chunk = list(rows.order_by(SeckillReminder.id).limit(CHUNK))
    for row in chunk:
        ctx.publish(SeckillReminded(member=row.member, session=row.session))
    SeckillReminder.scoped(ctx).delete().where(SeckillReminder.id.in_([row.id for row in chunk])).execute()
    return Next(payload) if len(chunk) == CHUNK else None
