"""The tenant's settings, what members and staff see, and what jobs carry."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from integrations.qinniao import ServerSettings
from roost import Body, Row


class IvepSettings(ServerSettings):
    """Where IVEP is, and whom to believe without it."""

    saas_relations: bool = Field(
        True,
        description="take relations from the SaaS's pushes while no IVEP is connected · 未接 IVEP 时采用 SaaS 推送",
    )
    live_days: int = Field(
        7, ge=0, le=90, description="a relation that began longer ago is history and tells nobody · 超过几天按历史处理"
    )
    keep_days: int = Field(90, ge=7, le=1000, description="how long events stay readable · 推送记录保留天数")


@dataclass(frozen=True, slots=True)
class CoachView:
    """A coach as others may see them. `picture` is an https address, or ""."""

    id: UUID
    number: str
    name: str
    title: str
    picture: str
    venue: UUID | None
    gone: bool


# --- what members see -------------------------------------------------------------------------------------


class CoachOut(BaseModel):
    """A coach as their member sees them."""

    id: UUID
    name: str = Field(description="empty until IVEP has told it")
    title: str
    picture: str | None = Field(description="an https address")
    venue: UUID | None
    venue_name: str | None


class MyCoach(BaseModel):
    """My coach, null when I have none."""

    coach: CoachOut | None


# --- what jobs carry --------------------------------------------------------------------------------------


class EventJob(BaseModel):
    """Process one stored event."""

    event: UUID


class AskJob(BaseModel):
    """Ask IVEP for one member's relations, by the SaaS's number of them."""

    number: str
    tries: int = 0


class SweepJob(BaseModel):
    """Look again at what waits, after an id."""

    after: UUID | None = None


# --- what staff see ---------------------------------------------------------------------------------------


class CoachRow(Row):
    """A coach."""

    id: UUID
    number: str
    name: str
    title: str
    picture: str
    venue: UUID | None
    gone: bool
    changed_at: datetime


class RelationRow(Row):
    """Who coaches whom."""

    id: UUID
    number: str
    member_number: str
    member: UUID | None
    coach: UUID | None
    coach_name: str = ""
    assigned: bool
    since: datetime | None
    venue: UUID | None
    state: str
    note: str
    source: str
    version: int
    told_at: datetime | None
    changed_at: datetime


class EventRow(Row):
    """An event that was pushed; its body is not shown."""

    id: UUID
    event_id: str
    event_type: str
    number: str
    state: str
    note: str
    member: UUID | None
    venue: UUID | None
    occurred_at: datetime
    received_at: datetime
    processed_at: datetime | None


class ListRow(Row):
    """How the reconciliation of one list does."""

    id: UUID
    kind: str
    state: str
    error: str
    items: int = Field(description="of the last run")
    found: int = Field(description="of those, news that no push had brought")
    rejected: int = Field(description="of those, that could not be read")
    tries: int
    started_on: date | None
    finished_at: datetime | None


class NewRun(Body):
    """Which list to fetch now."""

    kind: Literal["all", "coaches", "relations"] = Field("all", description="one list, or both · 列表")
