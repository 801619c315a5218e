"""The facts that this plugin tells the others."""

from datetime import date
from uuid import UUID

from roost import Context, Fact, Text, fact


class LevelAtRisk(Fact):
    """A level will be lost on `ends_on` unless `missing` more growth is earned before; `falls_to` is what
    follows.
    """

    label = Text("保级提醒", "Level at risk")

    member: UUID
    level: str
    falls_to: str
    missing: int
    ends_on: date


class LevelRevoked(Fact):
    """Growth was refunded, and the levels that stood on it are taken back: `revoked` names each, lowest first."""

    label = Text("退款收回等级", "Level refunded")

    member: UUID
    old: str
    new: str
    revoked: tuple[str, ...]


class ManualLevelEnding(Fact):
    """A level by hand ends after `ends_on`; with the growth of today `falls_to` follows."""

    label = Text("人工等级将到期", "Manual level ending")

    member: UUID
    level: str
    falls_to: str
    ends_on: date


class ManualLevelEnded(Fact):
    """A level by hand is over; `new` is what growth has earned."""

    label = Text("人工等级已到期", "Manual level ended")

    member: UUID
    old: str
    new: str


class LevelWithinReach(Fact):
    """With `missing` more growth a member reaches `level`."""

    label = Text("即将升级", "Level within reach")

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


@fact(since="1.0")
def level_revoked(ctx: Context, fact: LevelRevoked) -> None:
    """Fires when a refund takes levels back, beside `level_down`, which tells every fall."""


@fact(since="1.0")
def manual_level_ending(ctx: Context, fact: ManualLevelEnding) -> None:
    """Fires once, the set number of days before a level by hand ends and a lower one follows."""


@fact(since="1.0")
def manual_level_ended(ctx: Context, fact: ManualLevelEnded) -> None:
    """Fires when a level by hand is over: its last day has passed, or staff ended it."""
