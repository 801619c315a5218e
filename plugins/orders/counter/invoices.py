"""Invoices: asked for by members, written by staff elsewhere, marked for voiding when the order is refunded."""

from uuid import UUID

from plugins.orders import states
from plugins.orders.models import OrdersInvoice, OrdersOrder
from plugins.orders.paying import tenders
from plugins.orders.schemas import InvoiceIn
from plugins.orders.staff_schemas import IssueIn, RejectIn
from roost import Conflict, Context, Invalid, seal, unseal

TITLE, EMAIL = "invoice_title", "invoice_email"
LIVE = ("requested", "issued", "void_due")


def amount_of(ctx: Context, order: OrdersOrder) -> int:
    """Return what an invoice may state, in fen: what was paid in money, less what went back.

    Stored value was invoiced when it was bought, points are no money.
    """
    paid = tenders.of_order(ctx, order.id, "paid")
    return sum(tender.fen - tender.refunded_fen for tender in paid if tender.kind not in tenders.OWN)


def ask(ctx: Context, order: OrdersOrder, body: InvoiceIn) -> OrdersInvoice:
    """Ask for an invoice of a locked, paid order. Raises Conflict when there is one, or nothing to state."""
    if order.paid_at is None or order.state in ("refunding", "refunded"):
        raise states.illegal(order, "invoiced")
    if body.kind == "company" and not body.tax_number:
        raise Invalid(
            "a company's invoice needs its tax number",
            "企业发票须填写税号",
            fields=[{"path": "body.tax_number", "message": "needed for a company"}],
        )
    if OrdersInvoice.scoped(ctx).select().where(OrdersInvoice.order == order.id, OrdersInvoice.state.in_(LIVE)).count():
        raise Conflict("this order has an invoice already", "该订单已申请发票", code="invoice_open")
    fen = amount_of(ctx, order)
    if fen <= 0:
        raise Conflict("nothing of this order was paid in money", "该订单没有可开票金额", code="nothing_to_invoice")
    row: OrdersInvoice = OrdersInvoice.scoped(ctx).create(
        order=order.id,
        number=order.number,
        member=order.member,
        venue=order.venue,
        kind=body.kind,
        title=seal(ctx, TITLE, body.title),
        email=seal(ctx, EMAIL, body.email) if body.email else None,
        tax_number=body.tax_number,
        fen=fen,
        state="requested",
        requested_at=ctx.now(),
    )
    return row


def opened(ctx: Context, row: OrdersInvoice) -> dict[str, str]:
    """Return to whom an invoice is written, and where it is sent."""
    sealed = {"title": (TITLE, row.title), "email": (EMAIL, row.email)}
    return {name: unseal(ctx, of, kept) if kept is not None else "" for name, (of, kept) in sealed.items()}


def _move(ctx: Context, invoice: UUID, allowed: tuple[str, ...], to: str, **values: object) -> None:
    row = OrdersInvoice.scoped(ctx).lock(OrdersInvoice.id == invoice)
    if row.state not in allowed:
        raise Conflict(
            f"this invoice is {row.state}", "发票当前状态不能执行此操作", code="invoice_state", state=row.state
        )
    states.put(ctx, row, state=to, **values)


def issue(ctx: Context, invoice: UUID, body: IssueIn) -> None:
    """Mark an invoice as written, over what is left of the order now."""
    row = OrdersInvoice.scoped(ctx).get(OrdersInvoice.id == invoice)
    fen = amount_of(ctx, states.lock(ctx, row.order))
    if fen <= 0:
        raise Conflict("all of it was refunded", "订单已全额退款，不能开票", code="nothing_to_invoice")
    _move(ctx, invoice, ("requested",), "issued", fen=fen, ended_at=ctx.now(), **body.model_dump())


def reject(ctx: Context, invoice: UUID, body: RejectIn) -> None:
    """Refuse to write an invoice; the member reads why and may ask again."""
    _move(ctx, invoice, ("requested",), "rejected", remark=body.reason, ended_at=ctx.now())


def void(ctx: Context, invoice: UUID, body: RejectIn) -> None:
    """Mark an invoice as voided by a red one (红冲)."""
    _move(ctx, invoice, ("issued", "void_due"), "voided", remark=body.reason, ended_at=ctx.now())
