"""The tenant's settings, what staff see and fill in, and what jobs carry."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from integrations.qinniao.connection import ServerSettings
from integrations.qinniao.wire import PLAIN, Kind
from roost import Body

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class QinniaoSettings(ServerSettings):
    """Where the SaaS is, and how Roost works with it."""

    push_leads: bool = Field(True, description="push new people to the SaaS as leads · 将新注册用户推送为潜客")
    live_days: int = Field(
        7, ge=0, le=90,
        description="what happened longer ago is history and starts no gifts · 超过几天按历史处理",
    )  # fmt: skip
    late_minutes: int = Field(
        60,
        ge=1,
        le=10_080,
        description="a conversion we hear of later than this counts as late · 转会员超过多少分钟算延迟",
    )
    coach_roles: list[Words] = Field(
        default_factory=lambda: ["coach", "教练"],
        max_length=20,
        description="staff with one of these roles are coaches, the others staff · 视为教练的岗位，其余按员工",
    )
    keep_days: int = Field(90, ge=7, le=1000, description="how long events stay readable · 推送记录保留天数")


# --- what jobs carry --------------------------------------------------------------------------------------


class LeadJob(BaseModel):
    """Match or push one person."""

    member: UUID


class EventJob(BaseModel):
    """Process one stored event."""

    event: UUID


class PullJob(BaseModel):
    """Fetch the next page of one kind, for one run."""

    kind: str
    run: UUID


class SweepJob(BaseModel):
    """Look again at what waits, after an id."""

    after: UUID | None = None


class RetryJob(BaseModel):
    """Try again what waits or failed, after an id, for one `QinniaoRetry`."""

    retry: UUID
    after: UUID | None = None


# --- what staff see ---------------------------------------------------------------------------------------


class NewRetry(Body):
    """What to try again: all that is open of it."""

    what: Literal["leads", "events", "records"] = Field(
        description="leads that failed or wait, events or records that failed or wait · 潜客、推送或记录"
    )


class NewRun(Body):
    """Which list to fetch now."""

    kind: Literal["all", Kind] = Field("all", description="one list, or all of them · 列表")


class NewLead(Body):
    """A member to match with the SaaS, or push to it."""

    member: UUID


class Conversion(Body):
    """A membership that staff have seen and the SaaS has not told."""

    proof: Words = Field(description="what was seen: contract or receipt number · 凭证：合同或收据编号")
    attachment: str = Field(
        "",
        max_length=200,
        pattern=PLAIN,
        description="where the scan or picture of it is kept: a file's number or address · 附件编号或地址",
    )
    valid_until: date | None = Field(None, description="last day; none: open · 会籍到期日")
    venue: UUID | None = Field(None, description="home venue · 所属门店")


class Assignment(Body):
    """Whose record of the SaaS it is."""

    member: UUID = Field(description="the member it belongs to · 对应会员")
