"""The tenant's settings, what staff see and fill in, and what jobs carry."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from integrations.qinniao.wire import Kind

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class QinniaoSettings(BaseModel):
    """Where the SaaS is, and how Roost works with it."""

    model_config = ConfigDict(extra="forbid")

    base_url: str = Field(
        "", max_length=200, pattern=r"^(https?://\S+)?$",
        description="address of the SaaS or the brand's middleware; empty: none · 接口地址，留空表示无接口",
    )  # fmt: skip
    app_id: str = Field("", max_length=64, pattern=r"^[0-9A-Za-z._~-]*$", description="app id, both ways · 应用编号")
    secret: SecretStr = Field(
        SecretStr(""), description="signs both ways; can be written and never read · 签名密钥（只写）"
    )
    push_leads: bool = Field(True, description="push new people to the SaaS as leads · 将新注册用户推送为潜客")
    reconcile: bool = Field(True, description="fetch every night what pushes missed · 每晚对账")
    reconcile_hour: int = Field(
        3, ge=0, le=23, description="hour of the night, in the brand's time zone · 对账时间（点）"
    )
    page: int = Field(100, ge=1, le=200, description="items fetched at a time · 每页条数")
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
    keep_days: int = Field(90, ge=7, le=1000, description="how long events stay readable · 推送记录保留天数")

    @property
    def connected(self) -> bool:
        """Tell whether there is an API to call."""
        return bool(self.base_url and self.app_id and self.secret.get_secret_value())


# --- what jobs carry --------------------------------------------------------------------------------------


class LeadJob(BaseModel):
    """Match or push one person."""

    member: UUID


class EventJob(BaseModel):
    """Process one stored event."""

    event: UUID


class PullJob(BaseModel):
    """Fetch the next page of one kind, for one run."""

    kind: Kind
    run: UUID


class SweepJob(BaseModel):
    """Look again at what waits, after an id."""

    after: UUID | None = None


# --- what staff see ---------------------------------------------------------------------------------------


class LeadRow(BaseModel):
    """A person on the way to the SaaS."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    member: UUID
    venue: UUID | None
    state: str
    tries: int
    error: str
    saas_lead: str
    saas_member: str
    created_at: datetime
    changed_at: datetime
    converted_at: datetime | None
    conversion_lag: int | None = Field(description="seconds")
    converted_by: str
    proof: str


class EventRow(BaseModel):
    """An event that was pushed; its body, which has personal data, is not shown."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    event_id: str
    event_type: str
    kind: str
    saas_id: str
    state: str
    note: str
    member: UUID | None
    venue: UUID | None
    occurred_at: datetime
    received_at: datetime
    processed_at: datetime | None


class ObjectRow(BaseModel):
    """An object of the SaaS."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: str
    saas_id: str
    owner: str
    state: str
    note: str
    version: int
    phone: str = Field("", description="masked; of a person who waits to be matched")
    member: UUID | None
    venue: UUID | None
    told_at: datetime | None
    changed_at: datetime


class NewLead(BaseModel):
    """A member to match with the SaaS, or push to it."""

    model_config = ConfigDict(extra="forbid")

    member: UUID


class Conversion(BaseModel):
    """A membership that staff have seen and the SaaS has not told."""

    model_config = ConfigDict(extra="forbid")

    proof: Words = Field(description="what was seen: contract or receipt number · 凭证：合同或收据编号")
    valid_until: date | None = Field(None, description="last day; none: open · 会籍到期日")
    venue: UUID | None = Field(None, description="home venue · 所属门店")


class Assignment(BaseModel):
    """Whose record of the SaaS it is."""

    model_config = ConfigDict(extra="forbid")

    member: UUID = Field(description="the member it belongs to · 对应会员")
