"""What staff see and do: the purchases, a form to add one, the refund, and today's figures."""

from plugins.purchases import counter
from plugins.purchases.models import PurchasesPurchase
from plugins.purchases.schemas import PurchaseForm, PurchaseView, RefundIn
from roost import Action, Column, Form, Panel, Resource, Text

KINDS = {"sale": Text("消费", "Sale"), "renewal": Text("续卡", "Renewal")}

LINE = (
    Column("name", Text("商品", "Good")),
    Column("code", Text("编码", "Code")),
    Column("category", Text("类别", "Category")),
    Column("quantity", Text("数量", "Quantity"), "int"),
    Column("amount_fen", Text("实付", "Paid"), "fen"),
)

purchases = Resource(
    name="records",
    title=Text("消费记录", "Purchases"),
    model=PurchasesPurchase,
    reply=PurchaseView,
    columns=(
        Column("occurred_at", Text("消费时间", "Bought"), "time", filter=True),
        Column("member", Text("会员", "Member"), "member", filter=True),
        Column("venue", Text("门店", "Venue"), "venue", filter=True),
        Column("amount_fen", Text("金额", "Amount"), "fen"),
        Column("refunded_fen", Text("已退", "Refunded"), "fen"),
        Column("points", Text("所得积分", "Points"), "points"),
        Column("growth", Text("所得成长值", "Growth"), "int", list=False),
        Column("kind", Text("类型", "Kind"), "choice", choices=KINDS, filter=True),
        Column("source", Text("来源", "Source"), "choice", source="entry_sources", filter=True),
        Column("source_key", Text("单号", "Number"), filter=True),
        Column("items", Text("件数", "Items"), "int", list=False),
        Column("lines", Text("商品", "Goods"), "table", parts=LINE, list=False),
        Column("counted_fen", Text("计分金额", "Counted"), "fen", list=False),
        Column(
            "origin",
            Text("写入方式", "Origin"),
            "choice",
            choices={
                "live": Text("实时", "live"),
                "import": Text("导入", "import"),
                "replay": Text("重放", "replay"),
            },
            list=False,
        ),
        Column("recorded_at", Text("记录时间", "Recorded"), "time", list=False),
    ),
    permission="purchases.view",
    edit_permission="purchases.record",
    export_permission="purchases.export",
    create=Form(PurchaseForm, counter.enter),
    actions=(
        Action(
            name="refund",
            title=Text("登记退款", "Refund"),
            run=counter.take_back,
            permission="purchases.refund",
            form=RefundIn,
            reason=True,
            idempotent=True,
            shown=counter.refundable,
        ),
    ),
    venue="venue",
)

today = Panel("today", Text("今日消费", "Purchases today"), "purchases.view", counter.figures_of_today)
