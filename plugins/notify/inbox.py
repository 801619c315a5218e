"""A member's inbox."""

from uuid import UUID

from plugins.notify import content
from plugins.notify.models import NotifyCampaign, NotifyInbox
from plugins.notify.schemas import MessageOut, NewsOut
from roost import Context, PageQuery, keyset, members

MOST_COUNTED = 100


def listing(ctx: Context, member: UUID, page: PageQuery, *, unread: bool) -> tuple[list[MessageOut], str | None]:
    """Return a page of a member's messages, newest first, and the next cursor."""
    query = NotifyInbox.scoped(ctx).select().where(NotifyInbox.member == member)
    if unread:
        query = query.where(NotifyInbox.read_at.is_null())
    rows, cursor = keyset(query, NotifyInbox.id, page)
    named = sorted({row.campaign for row in rows if row.campaign is not None})
    campaigns = {}
    view = None
    if named:
        found = NotifyCampaign.scoped(ctx).select().where(NotifyCampaign.id.in_(named))
        campaigns, view = {row.id: row for row in found}, members.get(ctx, member)
    return [_out(ctx, row, campaigns.get(row.campaign), view) for row in rows], cursor


def _out(
    ctx: Context, row: NotifyInbox, campaign: NotifyCampaign | None, view: members.MemberView | None
) -> MessageOut:
    words = content.Content()
    if row.content is not None:
        words = content.opened(ctx, row.content)
    elif campaign is not None:
        words = content.of_campaign(ctx, campaign, view, row.locale)
    return MessageOut(
        id=row.id,
        group=row.group,
        title=words.title,
        text=words.text,
        link=words.link,
        at=row.created_at,
        read=row.read_at is not None,
    )


def news(ctx: Context, member: UUID) -> NewsOut:
    """Return how many messages are unread, and the newest of them: one look into a small index."""
    query = NotifyInbox.scoped(ctx).select(NotifyInbox.id)
    waiting = query.where(NotifyInbox.member == member, NotifyInbox.read_at.is_null())
    ids = [row[0] for row in waiting.order_by(NotifyInbox.id.desc()).limit(MOST_COUNTED).tuples()]
    return NewsOut(unread=len(ids), newest=ids[0] if ids else None)


def read(ctx: Context, member: UUID, message: UUID) -> None:
    """Mark a message as read. Twice is once; raises NotFound for another member's."""
    NotifyInbox.scoped(ctx).get(NotifyInbox.id == message, NotifyInbox.member == member)
    NotifyInbox.scoped(ctx).update(read_at=ctx.now()).where(
        NotifyInbox.id == message, NotifyInbox.read_at.is_null()
    ).execute()


def read_all(ctx: Context, member: UUID, until: UUID | None) -> int:
    """Mark a member's messages as read, up to the newest that they saw; return how many were not."""
    unread = NotifyInbox.scoped(ctx).update(read_at=ctx.now())
    unread = unread.where(NotifyInbox.member == member, NotifyInbox.read_at.is_null())
    if until is not None:
        unread = unread.where(NotifyInbox.id <= until)
    return int(unread.execute())
