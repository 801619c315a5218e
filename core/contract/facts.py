"""Facts: what happened, past tense, delivered after commit. Core's own are here."""

import re
from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from core.words import Text

Origin = Literal["live", "import", "replay"]

Asset = Literal["points", "growth", "stored_value"]


class Fact(BaseModel):
    """A thing that happened. Subclasses hold ids and small values, never personal data.

    The name of the fact, and of the hook that hears it, is the class name in snake case. `occurred_at`, `cause` and
    `origin` are filled in by `ctx.publish`; `event` is the stored event's id, set on delivery.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")  # ignore: an older worker reads a newer fact

    label: ClassVar[Text]  # what staff call it: "Level reached"
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

    label = Text("会员注册", "Member registered")

    member: UUID
    channel: str = ""  # where from: wechat, sms, staff, import, saas
    invitation: str = ""  # the signed token in the page path or QR scene, if any


class MemberConverted(Fact):
    """A lead came to hold a valid membership in the business software, for the first time in life."""

    label = Text("潜客转会员", "Lead became a member")

    member: UUID
    venue: UUID | None = None


class MemberUpdated(Fact):
    """Something of a member's profile, state or class changed. `changed` names the fields, not the values."""

    label = Text("会员资料变更", "Member changed")

    member: UUID
    changed: tuple[str, ...]


class MemberMerged(Fact):
    """`merged` is now part of `member`; the row stays and its id resolves."""

    label = Text("会员合并", "Members merged")

    member: UUID
    merged: UUID


class MemberErased(Fact):
    """A member's personal data are gone; the ledger stays, without a name."""

    label = Text("会员注销", "Member erased")

    member: UUID


class LevelUp(Fact):
    """A member rose. `passed` names each level reached, lowest first, the new one last."""

    label = Text("等级提升", "Level reached")

    member: UUID
    old: str
    new: str
    passed: tuple[str, ...]


class LevelDown(Fact):
    """A member fell to a lower level."""

    label = Text("等级下降", "Level lost")

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

    label = Text("积分入账", "Points credited")

    movements: tuple[Movement, ...]


class PointsDebited(Fact):
    """Accounts were debited, or a credit was reversed."""

    label = Text("积分扣减", "Points debited")

    movements: tuple[Movement, ...]


class PointsExpired(Fact):
    """Lots reached their end."""

    label = Text("积分到期", "Points expired")

    movements: tuple[Movement, ...]


class RewardGranted(Fact):
    """A rule gave a member something."""

    label = Text("奖励发放", "Reward given")

    member: UUID
    grant: UUID
    kind: str
    plugin: str


class RewardRevoked(Fact):
    """A grant was taken back, as far as it could be."""

    label = Text("奖励收回", "Reward taken back")

    member: UUID
    grant: UUID
    kind: str
    plugin: str
