"""Endpoints: a member's own purchases, and the one by which staff and integrations record them."""

from plugins.purchases import counter, service
from plugins.purchases.schemas import PurchaseIn, PurchaseOut, PurchaseRow
from roost import Context, Endpoints, Listing, PageQuery

member = Endpoints("member")
staff = Endpoints("staff")


@member.get("")
def my_purchases(ctx: Context, page: PageQuery) -> Listing[PurchaseOut]:
    """List my purchases, the latest recorded first, with what each earned."""
    views, cursor = service.of_member(ctx, ctx.member, page)
    return Listing[PurchaseOut](items=[PurchaseOut.model_validate(view) for view in views], next_cursor=cursor)


@staff.post("", permission="purchases.record", idempotent=True)
def record_purchase(ctx: Context, body: PurchaseIn) -> PurchaseRow:
    """Record a purchase made elsewhere; it earns by the brand's rules. The same receipt is recorded once."""
    return PurchaseRow.model_validate(counter.enter(ctx, body))
