"""Settings, what staff write, what is shown to them, payloads of jobs."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from integrations.webhooks.labels import subscribable
from roost import Body, Choice

DeliveryState = Literal["waiting", "parked", "sending", "delivered", "failed", "stopped"]


class WebhooksSettings(Body):
    """What the brand decides."""

    keep_days: int = Field(30, ge=1, le=90, description="deliveries and attempts are kept · 推送记录保留天数")
    overlap_hours: int = Field(
        24, ge=1, le=168, description="after a rotation the old secret signs too · 换密钥后旧密钥继续签名的小时数"
    )
    disable_after_hours: int = Field(
        48, ge=1, le=240, description="an address that fails for so long is disabled · 连续失败多少小时后停用"
    )
    concurrency: int = Field(2, ge=1, le=10, description="deliveries to one address at a time · 单个地址并发数")
    most_endpoints: int = Field(10, ge=1, le=50, description="addresses a brand may have · 推送地址上限")


class NewEndpoint(Body):
    """An address to be told facts."""

    url: str = Field(min_length=8, max_length=2000, description="https://… · 接收地址")
    facts: Annotated[list[str], Choice(subscribable)] = Field(
        min_length=1, max_length=200, description="names, as GET /admin/v1/webhooks/facts has them · 订阅的事件"
    )
    description: str = Field("", max_length=200, description="for staff · 说明")
    active: bool = Field(True, description="begin at once · 立即启用")


class EndpointChange(Body):
    """What to change; what is left out stays. `active` takes a disabled address up again."""

    url: str | None = Field(None, min_length=8, max_length=2000, description="https://… · 接收地址")
    facts: Annotated[list[str] | None, Choice(subscribable)] = Field(
        None, min_length=1, max_length=200, description="names · 订阅的事件"
    )
    description: str | None = Field(None, max_length=200, description="for staff · 说明")
    active: bool | None = Field(None, description="on or off · 启用")


class Period(Body):
    """What to send again: what happened from `since` until before `until`."""

    since: AwareDatetime = Field(description="from · 起")
    until: AwareDatetime | None = Field(None, description="until before; none: now · 止")
    delivered: bool = Field(False, description="also what arrived · 包括已送达的")


class EndpointRow(BaseModel):
    """An address as staff see it. `secret` is there for five minutes, for who made it."""

    id: UUID
    url: str
    description: str
    facts: list[str]
    state: Literal["on", "off", "disabled"]
    active: bool
    reason: str
    secret: str | None = None
    old_until: datetime | None
    failures: int
    failing_since: datetime | None
    paused_until: datetime | None
    created_at: datetime
    changed_at: datetime


class FactOut(BaseModel):
    """A fact that may be subscribed to."""

    name: str
    label: str = Field(description="what staff call it, in the caller's language")
    plugin: str = Field(description="the slug whose fact it is; core for core's")
    summary: str
    fields: list[str] = Field(description="what `data` has")


class FactsOut(BaseModel):
    """Every fact, by plugin and name."""

    items: list[FactOut]


class DeliverJob(BaseModel):
    """One delivery, in one of its rounds."""

    delivery: UUID
    round: int


class ResumeJob(BaseModel):
    """An address whose pause is over."""

    endpoint: UUID


class ReplayJob(BaseModel):
    """A period of an address, from a delivery on."""

    endpoint: UUID
    since: datetime
    until: datetime
    delivered: bool
    after: UUID | None = None
