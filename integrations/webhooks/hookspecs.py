"""What this plugin tells the others."""

from typing import Literal
from uuid import UUID

from roost import Context, Fact, Text, fact


class WebhookDisabled(Fact):
    """An address is sent nothing more until staff switch it on again: it said so (gone), or failed for too long."""

    label = Text("推送地址停用", "Webhook disabled")

    endpoint: UUID
    reason: Literal["gone", "failing"]


@fact(since="1.0")
def webhook_disabled(ctx: Context, fact: WebhookDisabled) -> None:
    """Hear that a receiver of webhooks was given up."""
