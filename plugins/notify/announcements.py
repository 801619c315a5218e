"""Banners: one row for everybody, read when the mini-program opens."""

from uuid import UUID

from plugins.notify.models import NotifyAnnouncement
from plugins.notify.schemas import AnnouncementOut
from plugins.notify.staff_schemas import AnnouncementIn
from roost import Context, Forbidden, members, tenants

MOST = 10


def current(ctx: Context, member: UUID) -> list[AnnouncementOut]:
    """Return what is announced to a member now, newest first: to all, and to their home venue."""
    now, row = ctx.now(), NotifyAnnouncement
    query = row.scoped(ctx).select().where(row.ends_at > now, row.starts_at <= now)
    rows = list(query.order_by(row.starts_at.desc(), row.id.desc()))
    if not rows:
        return []
    home = members.get(ctx, member).venue if any(one.venue for one in rows) else None
    english = ctx.locale.startswith("en")
    return [
        AnnouncementOut(
            id=one.id,
            title=(english and one.title_en) or one.title_zh,
            text=(english and one.text_en) or one.text_zh,
            link=one.link.lstrip("/"),
            ends_at=one.ends_at,
        )
        for one in rows
        if one.venue is None or one.venue == home
    ][:MOST]


def announce(ctx: Context, body: AnnouncementIn) -> NotifyAnnouncement:
    """Put a banner up. Raises NotFound for an unknown venue."""
    _check_venue(ctx, body.venue)
    row: NotifyAnnouncement = NotifyAnnouncement.scoped(ctx).create(**body.model_dump(), created_at=ctx.now())
    return row


def edit(ctx: Context, row_id: UUID, body: AnnouncementIn) -> NotifyAnnouncement:
    _check_venue(ctx, body.venue)
    NotifyAnnouncement.scoped(ctx).update(**body.model_dump()).where(NotifyAnnouncement.id == row_id).execute()
    row: NotifyAnnouncement = NotifyAnnouncement.scoped(ctx).get(NotifyAnnouncement.id == row_id)
    return row


def _check_venue(ctx: Context, venue: UUID | None) -> None:
    if venue is not None:
        tenants.venue(ctx, venue)
    elif ctx.actor.venues:
        raise Forbidden("choose one of your venues", "请选择所属门店")


def take_down(ctx: Context, row_id: UUID, body: None) -> None:
    """End a banner now."""
    NotifyAnnouncement.scoped(ctx).update(ends_at=ctx.now()).where(NotifyAnnouncement.id == row_id).execute()
