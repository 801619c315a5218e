"""How long points live: one policy of the tenant, by who gives them. Only a caller who says otherwise goes past it.

It counts from the credit and not from what it is for: a purchase that is told late, or imported, is worth as much.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from core.clock import add_months, local_date, local_midnight
from core.contract.console import Choice
from core.contract.context import Context

Expiry = datetime | None | Literal["policy"]
"""When points end: at an instant, never, or as the tenant's policy says."""
Months = Annotated[int, Field(ge=0, le=240)]


class SourceMonths(BaseModel):
    """How long the points of one source live."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Annotated[str, Choice("credit_sources")] = Field(
        min_length=1, max_length=40, description="来源 / who gives them"
    )
    months: Months = Field(description="有效月数，0 为长期有效 / months, 0: for good")


class PointsSettings(BaseModel):
    """How long points live, to the end of the month so many months after they were credited."""

    model_config = ConfigDict(extra="forbid")

    months: Months = Field(
        24, description="months until points end, at the month's end; 0: never · 积分有效月数，至月底；0 为长期有效"
    )
    sources: list[SourceMonths] = Field(
        [], max_length=100, description="sources whose points live otherwise · 按来源另行设定"
    )

    @field_validator("sources")
    @classmethod
    def _once_each(cls, rows: list[SourceMonths]) -> list[SourceMonths]:
        named = [row.source for row in rows]
        twice = next((name for name in named if named.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice} is named twice: name each source once · 来源 {twice} 重复，请只保留一行")
        return rows


def source_of(ctx: Context) -> str:
    """Return who gives, of core's own doors: staff by hand, an integration by its key. Plugins go by their slug."""
    if ctx.plugin != "core":
        return ctx.plugin
    return {"staff": "manual", "key": "api"}.get(ctx.actor.kind, "core")


def expiry(ctx: Context, asset: str, asked: Expiry = "policy", source: str = "") -> datetime | None:
    """Return when what is credited now ends; None for never. What is imported may have a row of its own."""
    if asked != "policy":
        return asked
    if asset != "points":
        return None
    settings = ctx.settings(PointsSettings)
    months = settings.months
    if settings.sources:
        by_source = {row.source: row.months for row in settings.sources}
        months = by_source.get(source or source_of(ctx), months)
        if ctx.origin == "import":
            months = by_source.get("import", months)
    return month_end(ctx.now(), ctx.tenant.zone, months)


def month_end(now: datetime, zone: str, months: int) -> datetime | None:
    """Return the midnight after the month that is `months` on, in the zone; None for 0."""
    if not months:
        return None
    after = add_months(local_date(now, zone).replace(day=1), months + 1)
    return local_midnight(after, zone)
