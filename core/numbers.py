"""Within what an outside system's number is unique: a gate and a till begin anew at each venue, and often each day."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from core.clock import local_date
from core.contract.context import Context

_WORDS = {
    "venue_day": {"zh": "门店当日", "en": "a venue's day"},
    "venue": {"zh": "门店", "en": "a venue"},
    "brand": {"zh": "全品牌", "en": "the whole brand"},
}
NumberScope = Annotated[Literal["venue_day", "venue", "brand"], Field(json_schema_extra={"choices": _WORDS})]
_ALL: tuple[NumberScope, ...] = ("venue_day", "venue", "brand")
NOWHERE = "-"


def number_scopes(ctx: Context, scope: NumberScope, venue: UUID | None, occurred_at: datetime | None) -> list[str]:
    """Return the text of a number's scope (at most 60 characters), and then of those in which it may stand already.

    When a tenant changes its setting, what was recorded stays known by what it was recorded under.
    """
    return list(dict.fromkeys(scope_text(ctx, one, venue, occurred_at) for one in (scope, *_ALL)))


def scope_text(ctx: Context, scope: NumberScope, venue: UUID | None, occurred_at: datetime | None) -> str:
    """Return the text of one scope; the brand's is empty. A day is the tenant's of `occurred_at`, None for now."""
    if scope == "brand":
        return ""
    place = venue.hex if venue else NOWHERE
    if scope == "venue":
        return place
    return f"{place}/{local_date(occurred_at or ctx.now(), ctx.tenant.zone).isoformat()}"
