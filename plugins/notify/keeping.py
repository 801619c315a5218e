"""How long messages are kept."""

from datetime import timedelta

from plugins.notify import staff
from plugins.notify.models import NotifyAnnouncement, NotifyInbox, NotifyMessage
from plugins.notify.settings import NotifySettings
from roost import Context, delete_some


def clean(ctx: Context) -> bool:
    """Delete some of what is past its keeping; tell whether more may be left."""
    staff.forget_gone(ctx)
    before = ctx.now() - timedelta(days=ctx.settings(NotifySettings).keep_days)
    more = (
        delete_some(ctx, NotifyMessage, NotifyMessage.ended_at < before),
        delete_some(ctx, NotifyInbox, NotifyInbox.created_at < before),
        delete_some(ctx, NotifyAnnouncement, NotifyAnnouncement.ends_at < before),
    )
    return any(more)
