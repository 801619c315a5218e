"""How long messages are kept."""

from datetime import timedelta
from typing import Any

from plugins.notify.models import NotifyAnnouncement, NotifyInbox, NotifyMessage
from plugins.notify.settings import NotifySettings
from roost import Context

AT_ONCE = 1000


def clean(ctx: Context) -> bool:
    """Delete some of what is past its keeping; return whether there may be more."""
    before = ctx.now() - timedelta(days=ctx.settings(NotifySettings).keep_days)
    more = False
    model: Any  # one of three tables
    for model, at in (
        (NotifyMessage, NotifyMessage.ended_at),
        (NotifyInbox, NotifyInbox.created_at),
        (NotifyAnnouncement, NotifyAnnouncement.ends_at),
    ):
        old = model.scoped(ctx).select(model.id).where(at < before).limit(AT_ONCE)
        more |= model.scoped(ctx).delete().where(model.id.in_(old)).execute() == AT_ONCE
    return more
