"""The tenant's settings, what members and staff see, and what jobs carry."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from integrations.qinniao import ServerSettings
from roost import Body


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


class NewRun(Body):
    """Which list to fetch now."""

    kind: Literal["all", "coaches", "relations"] = Field("all", description="one list, or both · 列表")
