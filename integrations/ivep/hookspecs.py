"""The facts that this plugin tells the others."""

from datetime import datetime
from uuid import UUID

from roost import Context, Fact, Text, fact


class CoachAssigned(Fact):
    """A member has a coach. `coach` is our id: ask the face `coach` for the name."""

    label = Text("分配教练", "Coach assigned")

    member: UUID
    coach: UUID
    relation: UUID
    since: datetime | None = None


class CoachReleased(Fact):
    """A member no longer has a coach; another one is a fact of its own."""

    label = Text("解除教练", "Coach released")

    member: UUID
    coach: UUID
    relation: UUID


@fact(since="1.0")
def coach_assigned(ctx: Context, fact: CoachAssigned) -> None:
    """Fires when a member got a coach, or is known now to have one."""


@fact(since="1.0")
def coach_released(ctx: Context, fact: CoachReleased) -> None:
    """Fires when the relation of a member and a coach ended, or went over to another coach."""
