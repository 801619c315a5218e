"""A brand's venues."""

from uuid import UUID

from pydantic import BaseModel, Field

from core import tenants
from core.contract.context import Context
from core.contract.rest import Endpoints
from hosts.rest.core_api.schemas import Input

group = Endpoints("staff", prefix="/admin/v1/venues", tag="venues")


class VenueOut(BaseModel):
    """A shop."""

    id: UUID
    code: str = Field(description="what the business software calls it")
    name: str
    region: str
    open: bool


class VenuesOut(BaseModel):
    """The brand's shops, by code."""

    items: list[VenueOut]


class VenueIn(Input):
    """A new shop."""

    code: str = Field(min_length=1, max_length=40)
    name: str = Field(min_length=1, max_length=100)
    region: str = Field("", max_length=60)


@group.get("", permission="venues.view")
def list_venues(ctx: Context) -> VenuesOut:
    """List the venues; an account with a venue scope sees its own."""
    mine = ctx.actor.venues
    rows = [row for row in tenants.venues(ctx) if not mine or row.id in mine]
    return VenuesOut(items=[VenueOut.model_validate(row, from_attributes=True) for row in rows])


@group.post("", permission="venues.edit", status=201)
def add_venue(ctx: Context, body: VenueIn) -> VenueOut:
    """Add a venue; 409 when the code is taken."""
    row = tenants.add_venue(ctx, body.code, body.name, body.region)
    ctx.audit("venue.added", str(row.id), {"code": body.code})
    return VenueOut.model_validate(row, from_attributes=True)
