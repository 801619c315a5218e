"""Addresses that want no marketing, as staff keep them."""

from uuid import UUID

from plugins.notify import allowing
from plugins.notify.importing import receivable
from plugins.notify.models import NotifyBlock
from plugins.notify.staff_schemas import BlockIn
from roost import Context


def add(ctx: Context, body: BlockIn) -> UUID:
    """Note that somebody told staff that they want no marketing. Raises Invalid for what is no address."""
    return allowing.block(ctx, body.channel, receivable(body.channel, body.address), "staff")


def lift(ctx: Context, row_id: UUID, body: None = None) -> None:
    """Take an address off the list: its owner asked for it, as the reason says."""
    NotifyBlock.scoped(ctx).delete().where(NotifyBlock.id == row_id).execute()
