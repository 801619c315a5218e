"""Endpoints: a member's own purchases, and the one by which staff and integrations record them."""

from plugins.purchases import counter, service
from plugins.purchases.schemas import PurchaseIn, PurchaseOut, PurchaseView
from roost import Context, Endpoints, Listing, PageQuery

member = Endpoints("member")
staff = Endpoints("staff")


@member.get("")
def my_purchases(ctx: Context, page: PageQuery) -> Listing[PurchaseOut]:
    """List my purchases, the latest recorded first, with what each earned."""
    rows, cursor = service.of_member(ctx, page)
    return Listing[PurchaseOut](items=rows, next_cursor=cursor)


@staff.post("", permission="purchases.record", idempotent=True)
def record_purchase(ctx: Context, body: PurchaseIn) -> PurchaseView:
    """Record a purchase made elsewhere; it earns by the brand's rules. The same receipt is recorded once."""
    return counter.enter(ctx, body)
