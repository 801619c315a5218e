"""Endpoints: a member's own visits, and the one by which staff and integrations record them."""

from plugins.visits import counter, service
from plugins.visits.schemas import VisitIn, VisitOut, VisitView
from roost import Context, Endpoints, Listing, PageQuery

member = Endpoints("member")
staff = Endpoints("staff")


@member.get("")
def my_visits(ctx: Context, page: PageQuery) -> Listing[VisitOut]:
    """List my visits, the latest recorded first, with what each earned."""
    views, cursor = service.of_member(ctx, page)
    return Listing[VisitOut](items=views, next_cursor=cursor)


@staff.post("", permission="visits.record", idempotent=True)
def record_visit(ctx: Context, body: VisitIn) -> VisitView:
    """Record a visit; the first of a member's day earns points. The same number is recorded once."""
    return counter.enter(ctx, body)
