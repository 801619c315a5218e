"""Points, growth and stored value, as staff and integration keys move them."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from core import identity, points
from core.contract.context import Context
from core.contract.rest import Endpoints, Listing, PageQuery
from core.errors import Forbidden
from core.points import EntryView
from hosts.rest.core_api.me import PointsOut, StatementQuery
from hosts.rest.core_api.members import in_scope
from hosts.rest.core_api.schemas import Asset, Input, OperationOut, balances_out, operation_out

group = Endpoints("staff", prefix="/admin/v1/members/{member_id}/points", tag="points")
Amount = Annotated[int, Field(ge=1, le=10**12, description="whole units; stored value in fen")]
Reason = Annotated[str, Field(min_length=1, max_length=100, description="what the member reads in the statement")]


class CreditIn(Input):
    """What to give."""

    asset: Asset = "points"
    amount: Amount
    reason: Reason
    expires_at: AwareDatetime | None = Field(None, description="left out: by the brand's policy; null: never")
    venue: UUID | None = None


class DebitIn(Input):
    """What to take."""

    asset: Asset = "points"
    amount: Amount
    reason: Reason
    venue: UUID | None = None


def within_limit(ctx: Context, member: UUID, asset: str, amount: int) -> None:
    """Refuse staff what needs a second approver; integration keys and the system move what they are told to.

    One account's moves of an asset of one member add up over the tenant's day, those in the console included.
    """
    limit = ctx.services.settings.adjust_limit
    if ctx.actor.kind == "staff" and not identity.take_allowance(ctx, f"core.adjust.{asset}", member, amount, limit):
        raise Forbidden(
            f"more than {limit} a day for one member needs a second approver:"
            " POST /admin/v1/core/members/{member_id}/adjust",
            f"同一会员单日累计超过 {limit} 需第二人复核，请提交调整申请",
            code="needs_approval",
            limit=limit,
        )


@group.get("", permission="points.view")
def read_points(ctx: Context, member_id: UUID) -> PointsOut:
    """Return a member's balances."""
    return PointsOut(balances=balances_out(points.balances(ctx, in_scope(ctx, member_id))))


@group.get("/statement", permission="points.view")
def read_statement(ctx: Context, member_id: UUID, query: StatementQuery, page: PageQuery) -> Listing[EntryView]:
    """Return what moved one of a member's accounts, newest first."""
    return points.statement(ctx, in_scope(ctx, member_id), query.asset, limit=page.limit, cursor=page.cursor)


@group.post("", permission="points.adjust", idempotent=True)
def credit(ctx: Context, member_id: UUID, body: CreditIn, key: str) -> OperationOut:
    """Give a member points, growth or stored value; a staff account at most what needs no second approver."""
    member = in_scope(ctx, member_id)
    within_limit(ctx, member, body.asset, body.amount)
    return operation_out(
        points.credit(
            ctx,
            member,
            body.asset,
            body.amount,
            key=key,
            reason=body.reason,
            expires_at=body.expires_at if "expires_at" in body.model_fields_set else "policy",
            venue=body.venue,
        )
    )


@group.post("/debit", permission="points.adjust", idempotent=True)
def debit(ctx: Context, member_id: UUID, body: DebitIn, key: str) -> OperationOut:
    """Take points, growth or stored value from a member; 409 when there is not enough."""
    member = in_scope(ctx, member_id)
    within_limit(ctx, member, body.asset, body.amount)
    return operation_out(
        points.debit(
            ctx,
            member,
            body.asset,
            body.amount,
            key=key,
            reason=body.reason,
            venue=body.venue,
        )
    )
