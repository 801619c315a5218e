"""The facts that this plugin tells the others."""

from typing import Literal
from uuid import UUID

from roost import Context, Fact, Text, fact


class SmsDelivered(Fact):
    """A receipt came for a message. `receipt` is what `Sent.receipt` was; `code` is the provider's."""

    label = Text("短信送达", "Text message delivered")

    message: UUID
    receipt: str
    member: UUID | None = None
    state: Literal["delivered", "failed"]
    code: str = ""


class SmsReplied(Fact):
    """Somebody answered. `member`, and `message` (the last one sent to that phone), as far as they are known."""

    label = Text("短信回复", "Text message answered")

    reply: UUID
    member: UUID | None = None
    message: UUID | None = None
    unsubscribe: bool = False


@fact(since="1.0")
def sms_delivered(ctx: Context, fact: SmsDelivered) -> None:
    """Fires when a provider says that a message reached its phone, or that it did not."""


@fact(since="1.0")
def sms_replied(ctx: Context, fact: SmsReplied) -> None:
    """Fires when somebody answered; `unsubscribe` says that they want no more marketing, and gets none from here."""
