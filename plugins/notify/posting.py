"""Put a message in the table, and the job that sends it, in the transaction of what it is about."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from pydantic import BaseModel

from plugins.notify import content
from plugins.notify.content import Content
from plugins.notify.models import NotifyMessage
from roost import Context, blind, new_id, seal


class Deliver(BaseModel):
    """What the job carries: the message to send."""

    message: UUID


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it is put: to a member, or to an address by one channel."""

    key: str  # what it is about; the same key is posted once
    group: str
    notice: str
    content: Content = field(repr=False)
    channels: Sequence[str]
    member: UUID | None = None
    address: str = field(default="", repr=False)
    address_channel: str = ""
    venue: UUID | None = None
    locale: str = "zh"
    marketing: bool = False


def post(ctx: Context, letter: Letter) -> UUID | None:
    """Post a message and return its id; None when one with this key was posted before."""
    ctx = ctx.for_plugin("notify")
    now, message = ctx.now(), new_id()
    fresh = (
        NotifyMessage.scoped(ctx)
        .insert(
            id=message,
            key=letter.key,
            member=letter.member,
            address=seal(ctx, "address", letter.address) if letter.address else None,
            address_blind=blind(ctx, "address", letter.address) if letter.address else None,
            address_channel=letter.address_channel,
            venue=letter.venue,
            group=letter.group,
            notice=letter.notice,
            marketing=letter.marketing,
            locale=letter.locale,
            content=content.sealed(ctx, letter.content),
            channels=list(letter.channels),
            state="waiting",
            due_at=now,
            created_at=now,
        )
        .on_conflict_ignore()
        .returning(NotifyMessage.id)
        .execute()
    )
    if not list(fresh):
        return None
    ctx.enqueue("notify.deliver", Deliver(message=message))
    return message
