"""Facts: what happened, past tense, delivered after commit. Core's own are here."""

import re
from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

Origin = Literal["live", "import", "replay"]

Asset = Literal["points", "growth", "stored_value"]


class Fact(BaseModel):
    """A thing that happened. Subclasses hold ids and small values, never personal data.

    The name of the fact, and of the hook that hears it, is the class name in snake case. `occurred_at`, `cause` and
    `origin` are filled in by `ctx.publish`; `event` is the stored event's id, set on delivery.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")  # ignore: an older worker reads a newer fact

    schema_version: ClassVar[int] = 1

    occurred_at: datetime | None = None  # None: now
    cause: str = ""
    origin: Literal["live", "import", "replay"] = "live"
    event: UUID | None = None

    @classmethod
    def fact_name(cls) -> str:
        """Return the fact's name: `MemberRegistered` is `member_registered`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


class MemberRegistered(Fact):
    """A person became known to the brand: a lead from now on."""

    member: UUID
    channel: str = ""  # where from: wechat, sms, staff, import, saas
    invitation: str = ""  # the signed token in the page path or QR scene, if any


class MemberConverted(Fact):
    """A lead came to hold a valid membership in the business software, for the first time in life."""

    member: UUID
    venue: UUID | None = None


class MemberUpdated(Fact):
    """Something of a member's profile, state or class changed. `changed` names the fields, not the values."""

    member: UUID
    changed: tuple[str, ...]


class MemberMerged(Fact):
    """`merged` is now part of `member`; the row stays and its id resolves."""

    member: UUID
    merged: UUID


class MemberErased(Fact):
    """A member's personal data are gone; the ledger stays, without a name."""

    member: UUID


class LevelUp(Fact):
    """A member rose. `passed` names each level reached, lowest first, the new one last."""

    member: UUID
    old: str
    new: str
    passed: tuple[str, ...]


class LevelDown(Fact):
    """A member fell to a lower level."""

    member: UUID
    old: str
    new: str


class Movement(BaseModel):
    """One account that moved, as a points fact tells it. `amount` is positive."""

    model_config = ConfigDict(frozen=True)

    member: UUID
    asset: Asset
    amount: int
    reason: str
    entry: UUID


class PointsCredited(Fact):
    """Accounts were credited: one movement for a single credit, many for `credit_many`."""

    movements: tuple[Movement, ...]


class PointsDebited(Fact):
    """Accounts were debited, or a credit was reversed."""

    movements: tuple[Movement, ...]


class PointsExpired(Fact):
    """Lots reached their end."""

    movements: tuple[Movement, ...]


class RewardGranted(Fact):
    """A rule gave a member something."""

    member: UUID
    grant: UUID
    kind: str
    plugin: str


class RewardRevoked(Fact):
    """A grant was taken back, as far as it could be."""

    member: UUID
    grant: UUID
    kind: str
    plugin: str
