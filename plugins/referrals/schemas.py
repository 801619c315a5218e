"""Settings, requests and replies of referrals."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints, field_validator

from roost import Body, Choice, rewards

RewardSpec = rewards.RewardSpec  # models here have fields called rewards
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


def _points(amount: int) -> RewardSpec:
    return RewardSpec(kind="points", spec={"amount": amount})


class Step(Body, frozen=True):
    """What everyone gets who reaches so many conversions in a quarter."""

    conversions: int = Field(ge=1, le=1000, description="季度转化人数 / conversions in a calendar quarter")
    rewards: list[RewardSpec] = Field(min_length=1, max_length=10, description="奖励 / what it brings")


def _steps() -> list[Step]:
    return [Step(conversions=n, rewards=[_points(amount)]) for n, amount in ((3, 300), (5, 600), (10, 1500))]


def _invitee() -> list[RewardSpec]:
    coupon = {"name": "好友邀请券", "amount_fen": 5000, "valid_days": 30}
    return [RewardSpec(kind="voucher", spec=coupon)]


class ReferralSettings(Body):
    """Who is paid what for bringing a friend. One level only: nobody is paid for a friend's friend."""

    invitation_days: int = Field(30, ge=1, le=365, description="邀请有效天数 / days an invitation lasts")
    page: str = Field(
        "pages/index/index",
        max_length=200,
        description="小程序页面路径 / page of the mini-program that an invitation opens",
    )
    registration_rewards: list[RewardSpec] = Field(
        default_factory=lambda: [_points(50)],
        max_length=10,
        description="好友注册后奖励推荐人 / for a registration",
    )
    conversion_rewards: list[RewardSpec] = Field(
        default_factory=lambda: [_points(500)],
        max_length=10,
        description="好友转会员后奖励推荐人 / for a conversion",
    )
    invitee_rewards: list[RewardSpec] = Field(
        default_factory=_invitee, max_length=10, description="奖励被推荐人 / for the invitee, on registration"
    )
    conversions_a_month: int = Field(10, ge=0, le=10_000, description="每月奖励转化上限 / rewarded conversions a month")
    clawback_days: int = Field(
        7, ge=0, le=90, description="转化后多少天内退款追回 / a refund within so many days claws back"
    )
    steps: list[Step] = Field(default_factory=_steps, max_length=20, description="季度阶梯奖励 / steps of a quarter")
    excluded_classes: Annotated[list[str], Choice("classes")] = Field(
        default_factory=lambda: ["staff", "coach"],
        max_length=50,
        description="不参与的会员类别 / classes that do not take part",
    )

    @field_validator("steps")
    @classmethod
    def _ascending(cls, steps: list[Step]) -> list[Step]:
        sizes = [step.conversions for step in steps]
        if sizes != sorted(set(sizes)):
            raise ValueError("steps must ascend / 阶梯须逐级递增")
        return steps


class InvitationOut(BaseModel):
    """What a member shares."""

    token: str = Field(description="at most 32 characters: fits the scene of a mini-program code")
    path: str = Field(description="page of the mini-program, with the token")
    expires_at: datetime
    for_registration: list[str] = Field(description="what a registration brings me, in words")
    for_conversion: list[str] = Field(description="what a conversion brings me, in words")
    for_friend: list[str] = Field(description="what it brings my friend, in words")
    conversions_this_month: int
    rewarded_a_month: int = Field(description="conversions of a month that are rewarded")
    conversions_this_quarter: int
    next_step: int | None = Field(
        description="conversions of the quarter that bring the next step; null after the last"
    )


class InviteeOut(BaseModel):
    """A friend who came, as the member who invited them sees them."""

    id: UUID
    name: str = Field(description="masked")
    state: str = Field(description="bound, converted, refunded or void")
    registered_at: datetime
    converted_at: datetime | None
    rewards: list[str] = Field(description="what it brought me, in words")


class BindIn(Body):
    """Who referred a member, as staff found out."""

    invitee: UUID = Field(description="被推荐人 / invitee")
    inviter: UUID = Field(description="推荐人 / inviter")
    reason: Reason = Field(description="原因 / why")


class RebindIn(Body):
    """Another inviter for a relation."""

    inviter: UUID = Field(description="新推荐人 / the right inviter")
    reason: Reason = Field(description="原因 / why")


class ClawBackIn(Body):
    """Why rewards are taken back."""

    reason: Reason = Field(description="原因 / why")
