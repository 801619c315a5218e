"""What is counted and written at the desk: takings, shifts, invoices."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from plugins.orders import counter, invoices
from plugins.orders.models import (
    OrdersInvoice,
    OrdersShift,
    OrdersTaking,
)
from plugins.orders.refund_console import state_in
from plugins.orders.service import numbers
from plugins.orders.staff_schemas import (
    InvoiceRow,
    IssueIn,
    RejectIn,
    ShiftClose,
    ShiftRow,
    TakingRow,
)
from roost import Action, Column, Context, Form, Resource, Text, names_in

MEANS = {"cash": Text(zh="现金", en="cash"), "card": Text(zh="银行卡", en="card")}
FIGURES = (
    Column("day", Text(zh="日期", en="Day"), "date"),
    Column("kind", Text(zh="方式", en="Means"), "choice", choices=MEANS),
    Column("in_fen", Text(zh="收入", en="In"), "fen"),
    Column("back_fen", Text(zh="退出", en="Back"), "fen"),
    Column("net_fen", Text(zh="净额", en="Net"), "fen"),
    Column("count", Text(zh="笔数", en="Count"), "int"),
)
INVOICE_STATES = {
    "requested": Text(zh="待开票", en="requested"),
    "issued": Text(zh="已开票", en="issued"),
    "rejected": Text(zh="已拒绝", en="rejected"),
    "withdrawn": Text(zh="已撤回", en="withdrawn"),
    "void_due": Text(zh="待红冲", en="to be voided"),
    "voided": Text(zh="已红冲", en="voided"),
}
INVOICE_KINDS = {"personal": Text(zh="个人", en="personal"), "company": Text(zh="企业", en="company")}


takings = Resource(
    name="takings",
    title=Text(zh="柜台流水", en="Takings"),
    model=OrdersTaking,
    reply=TakingRow,
    permission="orders.shifts",
    export_permission="orders.shifts",
    venue="venue",
    member=None,
    columns=(
        Column("day", Text(zh="日期", en="Day"), "date", filter=True),
        Column("venue", Text(zh="门店", en="Venue"), "venue", filter=True),
        Column("kind", Text(zh="方式", en="Means"), "choice", choices=MEANS, filter=True),
        Column("fen", Text(zh="金额", en="Amount"), "fen"),
        Column("order", Text(zh="订单", en="Order"), named=numbers, filter=True),
        Column("shift", Text(zh="班次", en="Shift"), named=names_in(OrdersShift, "day"), filter=True),
        Column("taken_at", Text(zh="时间", en="At"), "time", filter=True),
    ),
)

shifts = Resource(
    name="shifts",
    title=Text(zh="交班", en="Shifts"),
    model=OrdersShift,
    reply=ShiftRow,
    permission="orders.shifts",
    edit_permission="orders.shifts",
    export_permission="orders.shifts",
    venue="venue",
    member=None,
    create=Form(ShiftClose, counter.close_shift),
    columns=(
        Column("day", Text(zh="日期", en="Day"), "date", filter=True),
        Column("venue", Text(zh="门店", en="Venue"), "venue", filter=True),
        Column("expected_fen", Text(zh="应有现金", en="Cash expected"), "fen"),
        Column("counted_fen", Text(zh="实点现金", en="Cash counted"), "fen"),
        Column("difference_fen", Text(zh="差额", en="Difference"), "fen"),
        Column("takings", Text(zh="笔数", en="Takings"), "int"),
        Column("figures", Text(zh="按方式", en="By means"), "table", parts=FIGURES, list=False),
        Column("note", Text(zh="备注", en="Note"), list=False),
        Column("since", Text(zh="起", en="Since"), "time", list=False),
        Column("closed_at", Text(zh="交班时间", en="Closed"), "time", filter=True),
    ),
)


def present_invoices(ctx: Context, rows: Sequence[OrdersInvoice]) -> Sequence[Any]:
    """Open what is to be written on invoices."""
    return [
        {**row.__data__, "title": invoices.title_of(ctx, row), "email": invoices.email_of(ctx, row)} for row in rows
    ]


def _reject_invoice(ctx: Context, invoice: UUID, body: RejectIn) -> None:
    invoices.reject(ctx, invoice, body.reason)


def _void(ctx: Context, invoice: UUID, body: RejectIn) -> None:
    invoices.void(ctx, invoice, body.reason)


invoice_resource = Resource(
    name="invoices",
    title=Text(zh="发票申请", en="Invoices"),
    model=OrdersInvoice,
    reply=InvoiceRow,
    permission="orders.invoices",
    export_permission="orders.invoices",
    venue="venue",
    present=present_invoices,
    actions=(
        Action(
            "issue",
            Text(zh="已开票", en="Issued"),
            invoices.issue,
            "orders.invoices",
            form=IssueIn,
            shown=state_in("requested"),
        ),
        Action(
            "reject",
            Text(zh="拒绝", en="Refuse"),
            _reject_invoice,
            "orders.invoices",
            form=RejectIn,
            reason=True,
            shown=state_in("requested"),
        ),
        Action(
            "void",
            Text(zh="已红冲", en="Voided"),
            _void,
            "orders.invoices",
            form=RejectIn,
            reason=True,
            shown=state_in("issued", "void_due"),
        ),
    ),
    columns=(
        Column("number", Text(zh="订单号", en="Order"), filter=True),
        Column("member", Text(zh="会员", en="Member"), "member", filter=True),
        Column("kind", Text(zh="类型", en="Kind"), "choice", choices=INVOICE_KINDS, filter=True),
        Column("title", Text(zh="抬头", en="Title")),
        Column("tax_number", Text(zh="税号", en="Tax number")),
        Column("fen", Text(zh="金额", en="Amount"), "fen"),
        Column("state", Text(zh="状态", en="State"), "choice", choices=INVOICE_STATES, filter=True),
        Column("email", Text(zh="邮箱", en="E-mail"), list=False),
        Column("invoice_number", Text(zh="发票号码", en="Invoice number"), list=False),
        Column("link", Text(zh="下载", en="Link"), list=False),
        Column("remark", Text(zh="备注", en="Remark"), list=False),
        Column("venue", Text(zh="门店", en="Venue"), "venue", list=False),
        Column("requested_at", Text(zh="申请时间", en="Asked"), "time", filter=True),
    ),
)
