"""What goes in and out, and the tenant's settings."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Category = Literal["facility", "hygiene", "coach", "course", "fee", "other"]
Picture = Annotated[str, Field(max_length=500, pattern=r"^https://\S+$")]


class FeedbackSettings(BaseModel):
    """How fast feedback is answered, and what may be given to make good."""

    reply_hours: int = Field(24, ge=1, le=720, description="多少小时内须回复，超时转总部")
    solve_hours: int = Field(72, ge=1, le=2160, description="多少小时内须解决，超时转总部")
    reopen_days: int = Field(7, ge=0, le=90, description="解决后多少天内会员可重新打开")
    close_days: int = Field(7, ge=1, le=90, description="解决后多少天自动关闭")
    compensation_limit: int = Field(200, ge=0, le=100_000, description="补偿积分：不超过此数无需复核")
    compensation_most: int = Field(2000, ge=0, le=1_000_000, description="一次反馈最多补偿的积分")
    open_cases: int = Field(5, ge=1, le=100, description="每位会员同时处理中的反馈数上限")


class NewCase(BaseModel):
    """A suggestion or complaint: a venue, a category, at most 500 characters and 6 pictures."""

    model_config = ConfigDict(extra="forbid")

    venue: UUID
    category: Category
    text: str = Field(min_length=1, max_length=500)
    pictures: list[Picture] = Field([], max_length=6)


class Said(BaseModel):
    """Something said, at most 500 characters."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=500)


class Score(BaseModel):
    """How well it was solved, 1 to 5."""

    model_config = ConfigDict(extra="forbid")

    score: int = Field(ge=1, le=5)


class Compensation(BaseModel):
    """Points to make good."""

    model_config = ConfigDict(extra="forbid")

    points: int = Field(ge=1, le=1_000_000)


class MessageOut(BaseModel):
    """One thing said: by `member`, `staff` or `system`."""

    id: UUID
    author: str
    text: str
    created_at: datetime


class CaseOut(BaseModel):
    """A case as its member sees it; `state` is new, working, replied, solved or closed."""

    id: UUID
    venue: UUID
    category: str
    text: str
    pictures: list[str]
    state: str
    score: int | None
    compensated: int
    created_at: datetime
    messages: list[MessageOut] = []


class StaffMessage(MessageOut):
    """One thing said, as staff see it."""

    internal: bool
    staff: UUID | None


class CaseRow(BaseModel):
    """A case as staff see it."""

    id: UUID
    member: UUID
    venue: UUID
    category: str
    text: str
    pictures: list[str]
    state: str
    escalated: bool
    handler: UUID | None
    score: int | None
    compensated: int
    reply_by: datetime | None
    solve_by: datetime | None
    created_at: datetime
    messages: list[StaffMessage] = []
