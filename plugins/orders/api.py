"""What members do with their orders and their address book: `/v1/orders`."""

from uuid import UUID

from plugins.orders import service
from plugins.orders.counter import invoices
from plugins.orders.fulfilment import delivery
from plugins.orders.models import OrdersInvoice, OrdersOrder
from plugins.orders.paying import charging, tenders
from plugins.orders.placing import addresses, showing
from plugins.orders.schemas import (
    AddressList,
    AddressOut,
    InvoiceIn,
    InvoiceOut,
    MethodOut,
    MethodsOut,
    NewAddress,
    OrderBrief,
    OrderOut,
    OrderQuery,
    OrdersSettings,
    RefundAsk,
    RefundOut,
)
from roost import Context, Endpoints, Listing, PageQuery, keyset, points

member = Endpoints("member")


@member.get("/addresses")
def my_addresses(ctx: Context) -> AddressList:
    """List my addresses, the default first."""
    return AddressList(items=addresses.book(ctx, ctx.member))


@member.post("/addresses", status=201, rate="30/hour")
def add_address(ctx: Context, body: NewAddress) -> AddressOut:
    """Keep an address; the first one is the default."""
    return addresses.add(ctx, ctx.member, body)


@member.put("/addresses/{address_id}")
def change_address(ctx: Context, address_id: UUID, body: NewAddress) -> AddressOut:
    """Write an address anew; orders that were placed keep theirs."""
    return addresses.change(ctx, ctx.member, address_id, body)


@member.delete("/addresses/{address_id}")
def remove_address(ctx: Context, address_id: UUID) -> None:
    """Delete an address."""
    addresses.remove(ctx, ctx.member, address_id)


@member.get("")
def my_orders(ctx: Context, query: OrderQuery, page: PageQuery) -> Listing[OrderBrief]:
    """List my orders, newest first."""
    rows = OrdersOrder.scoped(ctx).select().where(OrdersOrder.member == ctx.member)
    if query.state:
        rows = rows.where(OrdersOrder.state.in_(showing.GROUPS[query.state]))
    found, next_cursor = keyset(rows, OrdersOrder.id, page)
    return Listing(items=[OrderBrief.model_validate(row) for row in found], next_cursor=next_cursor)


@member.get("/{order_id}")
def my_order(ctx: Context, order_id: UUID) -> OrderOut:
    """Show one of my orders: what it is, how it was paid, where it is."""
    return showing.order_out(ctx, showing.mine(ctx, order_id))


@member.get("/{order_id}/methods")
def my_methods(ctx: Context, order_id: UUID) -> MethodsOut:
    """Say what may pay an order of mine, and how much of my own could."""
    order, settings = showing.mine(ctx, order_id), ctx.settings(OrdersSettings)
    allowed = [method for _, method in charging.methods(ctx) if not order.tenders or method.name in order.tenders]
    stored = settings.stored_value and (not order.tenders or "stored_value" in order.tenders)
    most = min(
        points.balance(ctx, order.member).available,
        tenders.most_points_fen(ctx, order) * settings.points_per_yuan // 100,
    )
    return MethodsOut(
        methods=[MethodOut(name=method.name, title=method.title.in_(ctx.locale)) for method in allowed],
        stored_value_fen=points.balance(ctx, order.member, "stored_value").available if stored else 0,
        points=most,
        points_fen=tenders.worth(ctx, most),
    )


member.post("/{order_id}/pay", idempotent=True, rate="30/minute")(charging.Pay)
member.post("/{order_id}/refresh", rate="20/minute")(charging.Refresh)


@member.post("/{order_id}/cancel", idempotent=True)
def cancel_order(ctx: Context, order_id: UUID) -> OrderOut:
    """Cancel: an unpaid order closes, a paid one of which nothing went out is paid back."""
    order = charging.own(ctx, order_id)
    service.cancel_own(ctx, order)
    return showing.order_out(ctx, showing.mine(ctx, order_id))


@member.post("/{order_id}/receive", idempotent=True)
def confirm_receipt(ctx: Context, order_id: UUID) -> OrderOut:
    """Confirm that everything has arrived."""
    order = charging.own(ctx, order_id)
    if order.state != "completed":
        delivery.receive(ctx, order)
    return showing.order_out(ctx, order)


@member.post("/{order_id}/refunds", idempotent=True, status=201, rate="10/hour")
def ask_refund(ctx: Context, order_id: UUID, body: RefundAsk) -> RefundOut:
    """Ask for a refund of all that is left, or of some units; staff decide."""
    order = charging.own(ctx, order_id)
    lines = [(one.line, one.quantity) for one in body.lines]
    return RefundOut.model_validate(service.request_refund(ctx, order, body.reason, lines))


@member.post("/{order_id}/invoice", status=201, rate="10/hour")
def ask_invoice(ctx: Context, order_id: UUID, body: InvoiceIn) -> InvoiceOut:
    """Ask for an invoice of what was paid in money."""
    return InvoiceOut.model_validate(invoices.ask(ctx, charging.own(ctx, order_id), body))


@member.get("/{order_id}/invoices")
def my_invoices(ctx: Context, order_id: UUID, page: PageQuery) -> Listing[InvoiceOut]:
    """List the invoices of one of my orders."""
    order = showing.mine(ctx, order_id)
    rows = OrdersInvoice.scoped(ctx).select().where(OrdersInvoice.order == order.id)
    found, next_cursor = keyset(rows, OrdersInvoice.id, page)
    return Listing(items=[InvoiceOut.model_validate(row) for row in found], next_cursor=next_cursor)
