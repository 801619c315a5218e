"""The facts that this plugin tells the others."""

from datetime import date
from uuid import UUID

from roost import Context, Fact, fact


class LevelAtRisk(Fact):
    """A level will be lost on `ends_on` unless `missing` more growth is earned before; `falls_to` is what
    follows.
    """

    member: UUID
    level: str
    falls_to: str
    missing: int
    ends_on: date


class LevelWithinReach(Fact):
    """With `missing` more growth a member reaches `level`."""

    member: UUID
    level: str
    missing: int


@fact(since="1.0")
def level_at_risk(ctx: Context, fact: LevelAtRisk) -> None:
    """Fires once a period, the set number of days before a level that growth does not yet keep is judged
    again.
    """


@fact(since="1.0")
def level_within_reach(ctx: Context, fact: LevelWithinReach) -> None:
    """Fires when a credit brought a member's growth near the next level: past the set share of what it needs."""
