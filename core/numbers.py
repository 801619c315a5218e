"""Within what an outside system's number is unique: a gate and a till begin anew at each venue, and often each day."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from core.clock import local_date
from core.contract.context import Context

NumberScope = Literal["venue_day", "venue", "brand"]
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
