"""The facts that this plugin tells the others."""

from datetime import date, datetime
from uuid import UUID

from roost import Context, Fact, Text, fact


class VisitRecorded(Fact):
    """A member came. `day` is the tenant's date, `first_of_day` whether it is the member's first of it."""

    label = Text("到店记录", "Visit recorded")

    visit: UUID
    member: UUID
    venue: UUID | None = None
    source: str
    day: date
    first_of_day: bool
    points: int  # what it earned
    growth: int = 0


class MemberWentSilent(Fact):
    """A member with a valid membership has not come for `days` days or more."""

    label = Text("会员沉默", "Member went silent")

    member: UUID
    since: datetime  # the last visit, or when the membership began or came back into force
    days: int


class MemberReturned(Fact):
    """A member who had gone silent came again. `silent_since` is what `MemberWentSilent.since` said."""

    label = Text("沉默会员回店", "Silent member returned")

    member: UUID
    venue: UUID | None = None
    visit: UUID
    silent_since: datetime


@fact(since="1.0")
def visit_recorded(ctx: Context, fact: VisitRecorded) -> None:
    """Fires once for each visit, however often its source tells it."""


@fact(since="1.0")
def member_went_silent(ctx: Context, fact: MemberWentSilent) -> None:
    """Fires once a silence: at night, when a member in good standing has stayed away too long."""


@fact(since="1.0")
def member_returned(ctx: Context, fact: MemberReturned) -> None:
    """Fires at the first visit after a silence."""
