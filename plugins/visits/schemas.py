"""What goes in and out: visits, and this plugin's settings."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from roost import Body, NumberScope, Row

State = Literal["lead", "member", "lapsed"]
Word = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$"),
]


class VisitSettings(Body):
    """What a visit earns, and when somebody counts as silent."""

    points: int = Field(
        10, ge=0, le=100_000, description="points for the first visit of a day; 0: none · 每日首次到店积分"
    )
    growth: int = Field(
        1, ge=0, le=100_000, description="growth for the first visit of a day; 0: none · 每日首次到店成长值"
    )
    earning_states: list[State] = Field(
        ["lead", "member"], max_length=3, description="who earns: lead, member, lapsed · 可得积分的会员状态"
    )
    earn_within_days: int = Field(
        7,
        ge=0,
        le=3650,
        description="a visit told later than so many days earns nothing · 补报超过几天不积分",
    )
    number_scope: NumberScope = Field(
        "venue_day",
        description="within what a visit's number is unique: a venue's day, a venue, or the whole brand"
        " · 到店编号在何范围内唯一",
    )
    number_scopes: dict[Word, NumberScope] = Field(
        {},
        max_length=100,
        description="sources whose numbers reach otherwise: staff, api, a gate · 各来源的编号范围",
    )
    silent_days: int = Field(30, ge=1, le=3650, description="silent: no visit in so many days · 多少天未到店算沉默")


class VisitOut(Row, frozen=True):
    """A visit, as the member sees it. `day` is the tenant's date."""

    id: UUID
    venue: UUID | None
    day: date
    points: int
    growth: int
    occurred_at: datetime


class VisitView(VisitOut):
    """A visit as it is kept, and as staff and integrations see it."""

    member: UUID
    source: str
    source_key: str
    growth: int
    origin: str
    recorded_at: datetime


class VisitIn(Body):
    """A visit that staff or an integration report."""

    member: UUID
    venue: UUID | None = None
    occurred_at: AwareDatetime | None = Field(None, description="none: now")
    number: Word | None = Field(
        None, description="what your system calls this visit: the same number of a venue's day is recorded once"
    )


class VisitForm(Body):
    """A visit written down in the console: one a member and minute, however often the form is sent."""

    member: UUID
    venue: UUID | None = None
    occurred_at: AwareDatetime


class SilenceStep(BaseModel):
    """A step of the nightly look for the silent: the tenant's date, and the member it goes on after."""

    day: date
    after: UUID | None = None


class AdoptStep(BaseModel):
    """A step of the walk over members from before this plugin was on."""

    cursor: str = ""
