"""What goes in and out, and the tenant's settings."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from plugins.media import MediaView
from roost import Body, Row

Category = Literal["facility", "hygiene", "coach", "course", "fee", "other"]
State = Literal["lead", "member", "lapsed"]
Question = Annotated[str, Field(min_length=1, max_length=100)]


class FeedbackSettings(BaseModel):
    """How fast feedback is answered, and what may be given to make good."""

    reply_hours: int = Field(
        24,
        ge=1,
        le=720,
        description="多少小时内须回复，超时转总部 · hours within which staff answer; then it is head office's",
    )
    solve_hours: int = Field(
        72,
        ge=1,
        le=2160,
        description="多少小时内须解决，超时转总部 · hours within which it is solved; then it is head office's",
    )
    reopen_days: int = Field(
        7,
        ge=0,
        le=90,
        description="解决后多少天内会员可重新打开 · days after the solution in which a member may reopen",
    )
    close_days: int = Field(
        7, ge=1, le=90, description="解决后多少天自动关闭 · days after the solution until it closes by itself"
    )
    compensation_limit: int = Field(
        200,
        ge=0,
        le=100_000,
        description="补偿积分：不超过此数无需复核 · points of compensation that need no second person",
    )
    compensation_most: int = Field(
        2000, ge=0, le=1_000_000, description="一次反馈最多补偿的积分 · most points that one case may cost"
    )
    open_cases: int = Field(
        5, ge=1, le=100, description="每位会员同时处理中的反馈数上限 · open cases a member may have at a time"
    )
    survey_after: Literal["solved", "closed", "never"] = Field(
        "solved",
        description="何时邀请会员填写满意度调查 · when a member is asked for a satisfaction survey",
        json_schema_extra={"choices": {"solved": "反馈解决后", "closed": "反馈关闭后", "never": "不自动邀请"}},
    )
    survey_days: int = Field(
        90,
        ge=1,
        le=730,
        description="每位会员多少天内最多收到一次满意度调查 · days within which a member is asked once at most",
    )
    survey_open_days: int = Field(
        14, ge=1, le=90, description="满意度调查多少天内可填写 · days in which a survey may be answered"
    )
    survey_questions: list[Question] = Field(
        ["总体满意度", "工作人员态度", "处理速度"],
        min_length=1,
        max_length=10,
        description="满意度调查的问题，每题 1–5 分 · questions of the survey, 1 to 5 points each",
    )


class NewCase(Body):
    """A suggestion or complaint: a venue, a category, at most 500 characters and 6 pictures.

    A picture is the id of an item that the member uploaded to media.
    """

    venue: UUID
    category: Category
    text: str = Field(min_length=1, max_length=500)
    pictures: list[UUID] = Field([], max_length=6)


class Said(Body):
    """Something said, at most 500 characters."""

    text: str = Field(min_length=1, max_length=500)


class Score(Body):
    """How well it was solved, 1 to 5."""

    score: int = Field(ge=1, le=5)


class Compensation(Body):
    """Points to make good."""

    points: int = Field(ge=1, le=1_000_000)


class MessageOut(Row):
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
    pictures: list[str] = Field(description="addresses of those that may be seen")
    media: list[MediaView] = Field([], description="the pictures as items of media, with how they stand")
    state: str
    score: int | None
    compensated: int
    created_at: datetime
    messages: list[MessageOut] = []


class StaffMessage(MessageOut):
    """One thing said, as staff see it."""

    internal: bool
    staff: UUID | None


# --- surveys ---------------------------------------------------------------------------------------------------------


class SurveyOut(BaseModel):
    """A survey as its member sees it; `state` is open, answered, declined or expired."""

    id: UUID
    case: UUID | None
    questions: list[str]
    state: str
    offered_at: datetime
    expires_at: datetime
    scores: list[int] = []
    text: str | None = None


class OpenSurvey(BaseModel):
    """The survey that waits for the member, or null."""

    survey: SurveyOut | None


class SurveyAnswer(Body):
    """A score from 1 (bad) to 5 (good) for each question, in order, and a word if there is one to say."""

    scores: list[Annotated[int, Field(ge=1, le=5)]] = Field(min_length=1, max_length=10)
    text: str | None = Field(None, min_length=1, max_length=500)


class NewRound(Body):
    """A survey for many members."""

    title: str = Field(min_length=1, max_length=60, json_schema_extra={"zh": "名称", "en": "Title"})
    questions: list[Question] = Field(
        [],
        max_length=10,
        description="none: those of the settings · 不填则用设置里的问题",
        json_schema_extra={"zh": "问题（每题 1–5 分）", "en": "Questions, scored 1–5"},
    )
    states: list[State] = Field(
        ["member"],
        min_length=1,
        max_length=3,
        json_schema_extra={
            "zh": "会员身份",
            "en": "Members' states",
            "choices": {"lead": "潜客", "member": "会员", "lapsed": "已过期"},
        },
    )
    venue: UUID | None = Field(
        None,
        description="none: all venues · 不选则为全部门店",
        json_schema_extra={"zh": "所属门店", "en": "Home venue"},
    )
    days: int = Field(14, ge=1, le=90, json_schema_extra={"zh": "开放天数", "en": "Days it stays open"})


class RoundTurn(BaseModel):
    """Where a round's chain stands: the states that are still to be asked, and the cursor in the first of them."""

    round: UUID
    states: list[State]
    cursor: str = ""


class QuestionFigures(BaseModel):
    """What one question was answered: how often each score from 1 to 5 was given, and their average."""

    question: str
    answers: int
    average: float
    counts: list[int]


class ScoreRow(Row):
    """One question's score."""

    question: str
    score: int
