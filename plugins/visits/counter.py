"""Visits as staff, integrations and venue accounts enter them."""

from datetime import UTC, datetime
from uuid import UUID

from plugins.visits import service
from plugins.visits.schemas import VisitForm, VisitIn, VisitView
from roost import Context, NumberScope, new_id, tenants

BRAND: NumberScope = "brand"  # of numbers that are made here


def enter(ctx: Context, body: VisitIn) -> VisitView:
    """Record what was entered. An account of single venues enters for one of its own.

    Raises NotFound for an unknown member or venue, Forbidden for a foreign venue, KeyReused for a number that
    was recorded with other content.
    """
    source = "api" if ctx.actor.kind == "key" else "staff"
    number, scope = (body.number, None) if body.number else (new_id().hex, BRAND)
    return _record(ctx, body.member, body.venue, body.occurred_at, source, number, scope)


def enter_by_form(ctx: Context, body: VisitForm) -> VisitView:
    """Record a visit of the console's form: sent twice for the same minute, it is recorded once."""
    minute = body.occurred_at.astimezone(UTC).strftime("%Y%m%dT%H%M%z")
    return _record(ctx, body.member, body.venue, body.occurred_at, "staff", f"{body.member.hex}-{minute}", BRAND)


def _record(
    ctx: Context,
    member: UUID,
    venue: UUID | None,
    at: datetime | None,
    source: str,
    number: str,
    scope: NumberScope | None,
) -> VisitView:
    return service.record(ctx, member, tenants.counter(ctx, venue), at, source, number, scope=scope)[0]


def figures_of_today(ctx: Context) -> list[tuple[str, str]]:
    """Return the dashboard's figures: today's visits, held to the account's venues, and who is silent."""
    visits, people = service.figures_of_today(ctx)
    return [
        ("今日到店人次", f"{visits:,}"),
        ("今日到店人数", f"{people:,}"),
        ("沉默会员", f"{service.silent_members(ctx):,}"),
    ]
