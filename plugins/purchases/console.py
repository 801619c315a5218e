"""What staff see and do: the purchases, a form to add one, the refund, and today's figures."""

from plugins.purchases import counter
from plugins.purchases.models import PurchasesPurchase
from plugins.purchases.schemas import PurchaseForm, PurchaseRow, RefundIn
from roost import Action, Column, Form, Panel, Resource, Text

KINDS = {"sale": Text(zh="消费", en="Sale"), "renewal": Text(zh="续卡", en="Renewal")}

LINE = (
    Column("name", Text(zh="商品", en="Good")),
    Column("code", Text(zh="编码", en="Code")),
    Column("category", Text(zh="类别", en="Category")),
    Column("quantity", Text(zh="数量", en="Quantity"), "int"),
    Column("amount_fen", Text(zh="实付", en="Paid"), "fen"),
)

purchases = Resource(
    name="records",
    title=Text(zh="消费记录", en="Purchases"),
    model=PurchasesPurchase,
    reply=PurchaseRow,
    columns=(
        Column("occurred_at", Text(zh="消费时间", en="Bought"), "time", filter=True),
        Column("member", Text(zh="会员", en="Member"), "member", filter=True),
        Column("venue", Text(zh="门店", en="Venue"), "venue", filter=True),
        Column("amount_fen", Text(zh="金额", en="Amount"), "fen"),
        Column("refunded_fen", Text(zh="已退", en="Refunded"), "fen"),
        Column("points", Text(zh="所得积分", en="Points"), "points"),
        Column("growth", Text(zh="所得成长值", en="Growth"), "int", list=False),
        Column("kind", Text(zh="类型", en="Kind"), "choice", choices=KINDS, filter=True),
        Column("source", Text(zh="来源", en="Source"), "choice", source="entry_sources", filter=True),
        Column("source_key", Text(zh="单号", en="Number"), filter=True),
        Column("items", Text(zh="件数", en="Items"), "int", list=False),
        Column("lines", Text(zh="商品", en="Goods"), "table", parts=LINE, list=False),
        Column("counted_fen", Text(zh="计分金额", en="Counted"), "fen", list=False),
        Column(
            "origin",
            Text(zh="写入方式", en="Origin"),
            "choice",
            choices={
                "live": Text(zh="实时", en="live"),
                "import": Text(zh="导入", en="import"),
                "replay": Text(zh="重放", en="replay"),
            },
            list=False,
        ),
        Column("recorded_at", Text(zh="记录时间", en="Recorded"), "time", list=False),
    ),
    permission="purchases.view",
    edit_permission="purchases.record",
    export_permission="purchases.export",
    create=Form(PurchaseForm, counter.enter),
    actions=(
        Action(
            name="refund",
            title=Text(zh="登记退款", en="Refund"),
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

today = Panel("today", Text(zh="今日消费", en="Purchases today"), "purchases.view", counter.figures_of_today)
