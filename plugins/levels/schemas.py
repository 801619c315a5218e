"""Settings, requests and replies of levels."""

import itertools
from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints, field_validator, model_validator

from roost import Body, Choice, rewards

ClassCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Level(Body, frozen=True):
    """One step of the ladder. `threshold` is growth earned within the qualification window."""

    code: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="编码 / code: never changes once members hold it")
    name_zh: str = Field(min_length=1, max_length=40, description="中文名称 / name in Chinese")
    name_en: str = Field(min_length=1, max_length=40, description="英文名称 / name in English")
    threshold: int = Field(ge=0, le=10**12, description="所需成长值 / growth needed")
    benefits_zh: str = Field("", max_length=2000, description="权益说明 / benefits, in Chinese")
    benefits_en: str = Field("", max_length=2000, description="权益说明（英文） / benefits, in English")


def default_levels() -> list[Level]:
    """Return the four levels that a tenant starts with."""
    named = (
        ("bronze", "普卡", "Bronze", 0, "积分累计", "Earn points"),
        ("silver", "银卡", "Silver", 100, "成长礼、生日礼", "Growth and birthday gifts"),
        ("gold", "金卡", "Gold", 500, "优先报名会员日", "First to sign up for member days"),
        ("platinum", "白金卡", "Platinum", 2000, "专属顾问", "An adviser of one's own"),
    )
    return [
        Level(code=code, name_zh=zh, name_en=en, threshold=growth, benefits_zh=brings, benefits_en=brings_en)
        for code, zh, en, growth, brings, brings_en in named
    ]


class LevelSettings(Body):
    """The ladder, and how a level is won, kept and lost."""

    levels: list[Level] = Field(
        default_factory=default_levels,
        min_length=1,
        max_length=20,
        description="等级，由低到高；第一级所需成长值为 0 / lowest first",
    )
    qualification_months: int = Field(
        12,
        ge=1,
        le=120,
        description="定级周期（月），按入账日计 / growth counts for so long, from the day it was recorded",
    )
    notice_days: int = Field(
        30, ge=1, le=365, description="到期前多少天提醒保级 / days of notice before a level may be lost"
    )
    near_percent: int = Field(
        90,
        ge=1,
        le=100,
        description="成长值达到下一级的百分之几时提醒，100 为不提醒 / share of the next level's growth",
    )
    levels_down_at_most: int = Field(
        1, ge=1, le=20, description="到期最多降几级（软着陆） / levels lost at most at a period's end"
    )
    refund_days: int = Field(
        30,
        ge=0,
        le=366,
        description="达到等级后多少天内退款即收回，0 为到期再定级 / a refund so soon after takes a level back",
    )
    class_change: bool = Field(False, description="按累计积分自动变更会员类别 / move between classes by points earned")
    class_points: int = Field(1000, ge=1, le=10**12, description="变更类别所需累计积分 / points earned for the change")
    class_months: int = Field(0, ge=0, le=120, description="累计积分的统计月数，0 为不限 / months that count; 0: all")
    class_from: Annotated[str, Choice("classes")] = Field(
        "ordinary", max_length=40, description="原类别 / only members of this class"
    )
    class_to: Annotated[str, Choice("classes")] = Field(
        "discount", max_length=40, description="新类别 / become members of this class"
    )

    @field_validator("levels")
    @classmethod
    def _ascending(cls, levels: list[Level]) -> list[Level]:
        codes = [level.code for level in levels]
        if len(set(codes)) < len(codes):
            raise ValueError("two levels have the same code / 等级编码重复")
        steps = [level.threshold for level in levels]
        if steps[0] != 0:
            raise ValueError("the first level begins at 0 / 第一级的成长值须为 0")
        if any(low >= high for low, high in itertools.pairwise(steps)):
            raise ValueError("each level needs more growth than the one before / 成长值须逐级递增")
        return levels


class LevelOut(BaseModel):
    """One step of the ladder, in the reader's language."""

    code: str
    name: str
    threshold: int = Field(description="growth needed within the qualification window")
    benefits: str


class LadderOut(BaseModel):
    """All levels, lowest first."""

    items: list[LevelOut]
    qualification_months: int


class MyLevelOut(BaseModel):
    """Where a member stands."""

    level: LevelOut
    growth: int = Field(description="earned within the qualification window")
    next: LevelOut | None = Field(description="the level above; null on the highest")
    missing: int = Field(description="growth missing for the next level; 0 on the highest")
    period_end: date | None = Field(description="the day the level is judged again; null on the lowest")
    keep_missing: int = Field(
        description="growth to earn before that day to keep the level: what reached it does not count again"
    )
    manual_until: date | None = Field(description="the last day of a level given by staff")


class ManualLevel(Body):
    """A level that staff give; it ends."""

    level: Annotated[str, Choice("levels")] = Field(max_length=40, description="等级 / level")
    until: date = Field(description="截止日期（含） / the last day of it")
    reason: str = Field(min_length=1, max_length=200, description="原因 / why")


class NewManualLevel(ManualLevel):
    """A level that staff give to a member."""

    member: UUID = Field(description="会员 / member")


class EndManualLevel(Body):
    """Why a level by hand ends early."""

    reason: str = Field(min_length=1, max_length=200, description="原因 / why")


class ClassRuleIn(Body):
    """When members of one class move to another."""

    name: str = Field(min_length=1, max_length=100, description="名称 / name")
    from_class: Annotated[ClassCode, Choice("classes")] = Field(description="原类别 / members of this class")
    to_class: Annotated[ClassCode, Choice("classes")] = Field(description="新类别 / become members of this class")
    conditions: list[rewards.ConditionSpec] = Field(
        min_length=1, max_length=10, description="条件，须全部满足 / conditions, all of them"
    )
    position: int = Field(1, ge=1, le=1000, description="顺序，先满足者生效 / order: the first that fits decides")
    active: bool = Field(True, description="启用 / on")

    @model_validator(mode="after")
    def _moves(self) -> "ClassRuleIn":
        if self.from_class == self.to_class:
            raise ValueError("the two classes are the same / 原类别与新类别相同")
        return self


class PointsEarned(Body, frozen=True):
    """The condition `points_earned`: points earned in so many months, spent or not; what was reversed is taken off."""

    least: int = Field(1000, ge=1, le=10**12, description="累计积分不少于 / at least so many points")
    months: int = Field(0, ge=0, le=120, description="最近几个月，0 为不限 / in so many months; 0: ever")
