"""Requests and replies of bulk grants."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from roost import Body, Choice, Row, rewards

RewardSpec = rewards.RewardSpec  # models here have fields called rewards
MOST_NAMED = 5000  # members that a request may list
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200)]


class BatchForm(Body):
    """Points to everybody of an audience; other rewards and lists of members go by `drafts` over REST."""

    name: Name = Field(description="名称 / name")
    reason: Reason = Field(description="原因 / why")
    points: int = Field(
        ge=1,
        le=1_000_000,
        description="每位会员各得这么多，合计为每人积分 × 人数 / each member gets so many; in all: times the members",
        json_schema_extra={"zh": "每人积分", "en": "Points for each member"},
    )
    state: Annotated[str, Choice("states")] = Field("", description="会员状态 / state")
    level: Annotated[str, Choice("levels")] = Field("", max_length=40, description="等级 / level")
    member_class: Annotated[str, Choice("classes")] = Field("", max_length=40, description="类别 / class")
    venue: UUID | None = Field(None, description="所属门店 / home venue")


class RecallForm(Body):
    """Why a batch is taken back."""

    reason: Reason = Field(description="原因 / why")


class AudienceIn(Body):
    """Everybody of a kind; what is left out does not narrow."""

    state: Literal["", "lead", "member", "lapsed"] = ""
    level: str = Field("", max_length=40)
    class_: str = Field("", max_length=40, alias="class")
    venue: UUID | None = None


class DraftIn(Body):
    """What to give to whom: a list of members, or an audience."""

    name: Name
    reason: Reason
    rewards: list[RewardSpec] = Field(min_length=1, max_length=10)
    members: list[UUID] = Field([], max_length=MOST_NAMED)
    audience: AudienceIn | None = None


class DraftOut(Row):
    """A draft: its heads and cost. `/batches/{id}` tells how far it is later."""

    id: UUID
    name: str
    reason: str
    state: str
    rewards: list[RewardSpec]
    heads: int
    points: int = Field(description="that it mints in all")
