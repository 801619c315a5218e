"""The fact that this plugin tells the others."""

from datetime import date
from uuid import UUID

from roost import Context, Fact, fact


class MembershipChanged(Fact):
    """A membership is another now. `state` is member or lapsed, `valid_until` the last day."""

    member: UUID
    state: str
    frozen: bool
    valid_until: date | None = None
    venue: UUID | None = None


@fact(since="1.0")
def membership_changed(ctx: Context, fact: MembershipChanged) -> None:
    """Fires when a membership began, ended, was frozen or taken up again, or got another last day."""
