"""The facts that this plugin tells the others."""

from uuid import UUID

from roost import Context, Fact, Text, fact


class MessageSent(Fact):
    """A message went out. `member` is None for an imported address; `channel` is `inbox` where nothing else took it."""

    label = Text("消息已发送", "Message sent")

    message: UUID
    member: UUID | None = None
    channel: str
    notice: str
    campaign: UUID | None = None


class MessageFailed(Fact):
    """A message reached nobody; with the code `unknown` it may have, and is not sent again by itself."""

    label = Text("消息发送失败", "Message failed")

    message: UUID
    member: UUID | None = None
    channel: str
    notice: str
    code: str
    campaign: UUID | None = None


@fact(since="1.0")
def message_sent(ctx: Context, fact: MessageSent) -> None:
    """Fires when a message was taken by a channel, or lies in an inbox."""


@fact(since="1.0")
def message_failed(ctx: Context, fact: MessageFailed) -> None:
    """Fires when no channel took a message, or nobody knows whether one did."""
