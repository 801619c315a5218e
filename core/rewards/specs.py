"""What a rule says and what a grant was, as values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from core.words import Words

Period = Literal["day", "month", "year", "life"]


class RewardSpec(BaseModel):
    """One thing to give: a registered kind and what that kind needs to know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field(max_length=60, description="奖励类型 / a reward kind: points, growth, gift, …")
    spec: dict[str, Any] = Field(default_factory=dict, description="该类型的参数 / what the kind needs")


class ConditionSpec(BaseModel):
    """One question about the member; `negate` turns its answer round."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field(max_length=60, description="条件类型 / a condition kind: state, level, class, venue, …")
    spec: dict[str, Any] = Field(default_factory=dict, description="该类型的参数 / what the kind needs")
    negate: bool = Field(False, description="取反 / the answer must be no")


class Limits(BaseModel):
    """How often and how much: periods are the tenant's calendar day, month and year."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_member: int | None = Field(None, ge=1, le=1_000_000, description="每人次数 / grants a member and period")
    per_member_period: Period = Field("life", description="周期 / day, month, year, life")
    total: int | None = Field(None, ge=1, le=1_000_000_000, description="总次数 / grants in all")
    budget_points: int | None = Field(None, ge=1, le=10**15, description="积分预算 / points it may mint in all")


class RuleSpec(BaseModel):
    """A rule as data: who (conditions), when (trigger, window), what (rewards), how often and how much
    (limits).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=100, description="规则名称 / name")
    trigger: str = Field(min_length=1, max_length=60, description="触发时机 / what sets it off, as its plugin names it")
    conditions: list[ConditionSpec] = Field(default_factory=list, max_length=20, description="条件 / who")
    rewards: list[RewardSpec] = Field(default_factory=list, max_length=20, description="奖励 / what")
    limits: Limits = Field(default_factory=Limits, description="限制 / how often and how much")
    starts_at: AwareDatetime | None = Field(None, description="开始时间 / from")
    ends_at: AwareDatetime | None = Field(None, description="结束时间 / until, not included")
    active: bool = Field(True, description="启用 / on")


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule at one version."""

    id: UUID
    version: int
    plugin: str
    spec: RuleSpec

    @property
    def name(self) -> str:
        """Return its name."""
        return self.spec.name

    @property
    def rewards(self) -> list[RewardSpec]:
        """Return what it gives."""
        return self.spec.rewards


@dataclass(frozen=True, slots=True)
class GivenReward:
    """One thing of a grant. `receipt` is what its kind returned."""

    kind: str
    plugin: str
    spec: dict[str, Any]
    receipt: dict[str, Any]
    state: str  # given, revoked, spent


@dataclass(frozen=True, slots=True)
class GrantView:
    """Something that was given. `points` is what it minted."""

    id: UUID
    member: UUID
    plugin: str
    key: str
    rule: UUID | None
    rule_version: int | None
    state: str  # given, partly, revoked
    points: int
    rewards: tuple[GivenReward, ...]
    cause: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Revocation:
    """What taking back a grant came to: how many of its rewards came back whole, and in words what did
    not.
    """

    grant: UUID
    taken: int
    spent: list[str]


@dataclass(frozen=True, slots=True)
class WhyRow:
    """One line of "why": what was decided about a member, by which rule, from which values."""

    id: UUID
    at: datetime
    plugin: str
    subject: str  # the rule's name, or the plugin's own word
    rule: UUID | None
    rule_version: int | None
    outcome: str  # given, partly, revoked, refused, noted
    reason: str
    evidence: dict[str, Any]
    cause: str
    rewards: tuple[str, ...]  # in words, in the locale of the reader


@dataclass(frozen=True, slots=True)
class Note:
    """A decision that no rule made, kept for "why": an outcome `noted` or `refused`, a reason, the values
    read.
    """

    member: UUID
    subject: Words
    reason: Words
    evidence: dict[str, Any]
    refused: bool = False
