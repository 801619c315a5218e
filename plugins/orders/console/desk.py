"""What is counted and written at the desk: takings, shifts, invoices."""

from collections.abc import Sequence
from typing import Any, Literal

from plugins.orders.console.refunds import state_in
from plugins.orders.counter import invoices, till
from plugins.orders.models import OrdersInvoice, OrdersShift, OrdersTaking
from plugins.orders.service import numbers
from plugins.orders.staff_schemas import IssueIn, RejectIn, ShiftClose
from roost import Action, Column, Context, Form, Resource, Text, names_in

MEANS = {"cash": Text("现金", "cash"), "card": Text("银行卡", "card")}
FIGURES = (
    Column("day", Text("日期", "Day"), "date"),
    Column("kind", Text("方式", "Means"), "choice", choices=MEANS),
    Column("in_fen", Text("收入", "In"), "fen"),
    Column("back_fen", Text("退出", "Back"), "fen"),
    Column("net_fen", Text("净额", "Net"), "fen"),
    Column("count", Text("笔数", "Count"), "int"),
)
INVOICE_STATES = {
    "requested": Text("待开票", "requested"),
    "issued": Text("已开票", "issued"),
    "rejected": Text("已拒绝", "rejected"),
    "withdrawn": Text("已撤回", "withdrawn"),
    "void_due": Text("待红冲", "to be voided"),
    "voided": Text("已红冲", "voided"),
}
INVOICE_KINDS = {"personal": Text("个人", "personal"), "company": Text("企业", "company")}


takings = Resource(
    name="takings",
    title=Text("柜台流水", "Takings"),
    model=OrdersTaking,
    also=("refund",),
    permission="orders.shifts",
    export_permission="orders.shifts",
    venue="venue",
    columns=(
        Column("day", Text("日期", "Day"), "date", filter=True),
        Column("venue", Text("门店", "Venue"), "venue", filter=True),
        Column("kind", Text("方式", "Means"), "choice", choices=MEANS, filter=True),
        Column("fen", Text("金额", "Amount"), "fen"),
        Column("order", Text("订单", "Order"), named=numbers, filter=True),
        Column("shift", Text("班次", "Shift"), named=names_in(OrdersShift, "day"), filter=True),
        Column("taken_at", Text("时间", "At"), "time", filter=True),
    ),
)

shifts = Resource(
    name="shifts",
    title=Text("交班", "Shifts"),
    model=OrdersShift,
    permission="orders.shifts",
    export_permission="orders.shifts",
    venue="venue",
    create=Form(ShiftClose, till.close_shift),
    columns=(
        Column("day", Text("日期", "Day"), "date", filter=True),
        Column("venue", Text("门店", "Venue"), "venue", filter=True),
        Column("expected_fen", Text("应有现金", "Cash expected"), "fen"),
        Column("counted_fen", Text("实点现金", "Cash counted"), "fen"),
        Column("difference_fen", Text("差额", "Difference"), "fen"),
        Column("takings", Text("笔数", "Takings"), "int"),
        Column("figures", Text("按方式", "By means"), "table", parts=FIGURES, list=False),
        Column("note", Text("备注", "Note"), list=False),
        Column("since", Text("起", "Since"), "time", list=False),
        Column("closed_at", Text("交班时间", "Closed"), "time", filter=True),
    ),
)


def present_invoices(ctx: Context, rows: Sequence[OrdersInvoice]) -> Sequence[Any]:
    return [invoices.opened(ctx, row) for row in rows]


invoice_resource = Resource(
    name="invoices",
    title=Text("发票申请", "Invoices"),
    model=OrdersInvoice,
    also=("order",),
    permission="orders.invoices",
    export_permission="orders.invoices",
    venue="venue",
    present=present_invoices,
    actions=(
        Action("issue", Text("已开票", "Issued"), invoices.issue, form=IssueIn, shown=state_in("requested")),
        Action(
            "reject",
            Text("拒绝", "Refuse"),
            invoices.reject,
            form=RejectIn,
            reason=True,
            shown=state_in("requested"),
        ),
        Action(
            "void",
            Text("已红冲", "Voided"),
            invoices.void,
            form=RejectIn,
            reason=True,
            shown=state_in("issued", "void_due"),
        ),
    ),
    columns=(
        Column("number", Text("订单号", "Order"), filter=True),
        Column("member", Text("会员", "Member"), "member", filter=True),
        Column(
            "kind",
            Text("类型", "Kind"),
            "choice",
            choices=INVOICE_KINDS,
            filter=True,
            type=Literal["personal", "company"],
        ),
        Column("title", Text("抬头", "Title")),
        Column("tax_number", Text("税号", "Tax number")),
        Column("fen", Text("金额", "Amount"), "fen"),
        Column("state", Text("状态", "State"), "choice", choices=INVOICE_STATES, filter=True),
        Column("email", Text("邮箱", "E-mail"), list=False),
        Column("invoice_number", Text("发票号码", "Invoice number"), list=False),
        Column("link", Text("下载", "Link"), list=False),
        Column("remark", Text("备注", "Remark"), list=False),
        Column("venue", Text("门店", "Venue"), "venue", list=False),
        Column("requested_at", Text("申请时间", "Asked"), "time", filter=True),
    ),
)
