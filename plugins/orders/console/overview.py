"""All that staff work with, files and paper, and what waits for them."""

from collections.abc import Sequence
from uuid import UUID

from plugins.orders.console.desk import invoice_resource, shifts, takings
from plugins.orders.console.orders import handovers, orders
from plugins.orders.console.refunds import refund_queue
from plugins.orders.counter import till
from plugins.orders.fulfilment import picking, tracking
from plugins.orders.models import OrdersImport, OrdersLabels, OrdersOrder, OrdersRefund
from plugins.orders.staff_schemas import LabelsIn, TrackingIn
from plugins.orders.states import TO_DELIVER
from roost import Column, Context, Form, Page, Panel, Resource, Text

REJECTION = (
    Column("line", Text("行", "Line"), "int"),
    Column("reason", Text("原因", "Reason")),
    Column("text", Text("内容", "Text")),
)

imports = Resource(
    name="tracking",
    title=Text("导入运单号", "Tracking numbers"),
    model=OrdersImport,
    permission="orders.ship",
    venue_free=True,
    create=Form(TrackingIn, tracking.import_text),
    columns=(
        Column("name", Text("名称", "Name")),
        Column("shipped", Text("已发货", "Shipped"), "int"),
        Column("known", Text("已导入过", "Known"), "int"),
        Column("rejected", Text("未通过", "Rejected"), "int"),
        Column("rejections", Text("原因", "Reasons"), "table", parts=REJECTION, list=False),
        Column("imported_at", Text("时间", "At"), "time"),
    ),
)

labels = Resource(
    name="labels",
    title=Text("面单批次", "Batches of labels"),
    model=OrdersLabels,
    permission="orders.labels",
    venue_free=True,
    create=Form(LabelsIn, picking.make_labels),
    columns=(
        Column("count", Text("张数", "Labels"), "int"),
        Column("reason", Text("用途", "What for")),
        Column("created_at", Text("时间", "At"), "time"),
    ),
)

RESOURCES = (orders, refund_queue, handovers, takings, shifts, invoice_resource, imports, labels)
PAGES = (
    Page("pick-list", Text("拣货单", "Pick list"), "orders.ship", "pick_list.html", picking.pick_page),
    Page("print-labels", Text("打印面单", "Print labels"), "orders.labels", "labels.html", picking.label_page),
    Page("till", Text("未交班流水", "In the till"), "orders.shifts", "till.html", till.shift_page),
)


def waiting(ctx: Context) -> Sequence[tuple[str, str]]:
    """Return what waits for staff, held to the account's venues."""
    english = ctx.locale == "en"
    query = OrdersOrder.scoped(ctx).select().where(ctx.within(OrdersOrder.venue))
    asked = OrdersRefund.scoped(ctx).select().where(ctx.within(OrdersRefund.venue))
    to_ship = query.where(OrdersOrder.state.in_(TO_DELIVER), OrdersOrder.to_ship > 0)
    figures = (
        ("To ship", "待发货", to_ship),
        ("Overdue", "超时未发", to_ship.where(OrdersOrder.ship_by < ctx.today())),
        ("To hand over", "待自提", query.where(OrdersOrder.state.in_(TO_DELIVER), OrdersOrder.to_hand > 0)),
        ("Refunds to decide", "待审退款", asked.where(OrdersRefund.state == "requested")),
        ("Refunds that failed", "退款失败", asked.where(OrdersRefund.state == "failed")),
    )
    return [(en if english else zh, f"{found.count():,}") for en, zh, found in figures]


WAITING = Panel("waiting", Text("订单待办", "Orders to do"), "orders.view", waiting)


def counts(ctx: Context, member: UUID) -> dict[str, int]:
    """Return how many of a member's orders wait to be paid, and how many are on their way."""
    mine = OrdersOrder.scoped(ctx).select().where(OrdersOrder.member == member)
    return {
        "unpaid": mine.where(OrdersOrder.state.in_(("placed", "paying"))).count(),
        "on_the_way": mine.where(OrdersOrder.state.in_(("fulfilling", "ready", "shipped"))).count(),
    }
