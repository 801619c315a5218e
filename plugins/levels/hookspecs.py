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


@fact(since="1.0")
def level_at_risk(ctx: Context, fact: LevelAtRisk) -> None:
    """Fires once a period, the set number of days before a level that growth does not yet keep is judged
    again.
    """
