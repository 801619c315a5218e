"""The payment desk: charges, refunds, what was settled, callbacks."""

from typing import Any

from integrations.wechat_pay import desk, inbox
from integrations.wechat_pay.models import WechatPayPush, WechatPayRefund, WechatPaySettlement, WechatPayTrade
from integrations.wechat_pay.schemas import Handled, PushRow, RefundRow, SettlementRow, TradeRow
from roost import Action, Column, Panel, Resource, Text

VIEW, ACT = "wechat_pay.view", "wechat_pay.act"
TRADE_STATES = {
    "asked": Text(zh="下单中", en="asked for"),
    "open": Text(zh="待支付", en="to be paid"),
    "paid": Text(zh="已支付", en="paid"),
    "closed": Text(zh="已关闭", en="closed"),
}
REFUND_STATES = {
    "asked": Text(zh="待确认", en="asked for"),
    "working": Text(zh="退款中", en="at work"),
    "refunded": Text(zh="已退款", en="refunded"),
    "failed": Text(zh="失败", en="failed"),
    "withdrawn": Text(zh="已撤回", en="withdrawn"),
}
SOURCES = {"roost": Text(zh="系统", en="Roost"), "platform": Text(zh="商户平台", en="by hand on the platform")}
KINDS = {
    "paid": Text(zh="支付", en="paid"),
    "closed": Text(zh="关闭", en="closed"),
    "refunded": Text(zh="退款", en="refunded"),
    "refund_failed": Text(zh="退款失败", en="refund failed"),
}
SETTLEMENT_STATES = {
    "claimed": Text(zh="已入账", en="claimed"),
    "unclaimed": Text(zh="无人认领", en="unclaimed"),
    "done": Text(zh="已人工处理", en="seen to"),
}
HEARD = {
    "push": Text(zh="回调", en="callback"),
    "query": Text(zh="查询", en="query"),
    "reply": Text(zh="应答", en="reply"),
}
PUSH_STATES = {
    "received": Text(zh="待处理", en="received"),
    "done": Text(zh="已处理", en="done"),
    "waiting": Text(zh="等待支付入账", en="waits for the payment"),
    "refused": Text(zh="不符", en="contradicts"),
    "ignored": Text(zh="已忽略", en="ignored"),
}
EVENTS = {
    "TRANSACTION.SUCCESS": Text(zh="支付成功", en="paid"),
    "REFUND.SUCCESS": Text(zh="退款成功", en="refunded"),
    "REFUND.ABNORMAL": Text(zh="退款异常", en="refund failed"),
    "REFUND.CLOSED": Text(zh="退款关闭", en="refund closed"),
}
MEMBER, AMOUNT = Text(zh="会员", en="Member"), Text(zh="金额", en="Amount")
STATE, NOTE = Text(zh="状态", en="State"), Text(zh="说明", en="Note")
NUMBER, CHARGE = Text(zh="单号", en="Number"), Text(zh="支付单号", en="Charge")
CREATED, CHANGED = Text(zh="创建", en="Created"), Text(zh="更新", en="Changed")
PROVIDERS = Text(zh="微信单号", en="WeChat Pay's number")
ASK = Text(zh="查询", en="Ask WeChat Pay")
RETRY = Text(zh="重试", en="Try again")


def _unpaid(row: Any) -> bool:  # Any: a row
    return bool(row.state != "paid")


def _unfinished(row: Any) -> bool:
    return bool(row.state != "refunded")


def _unclaimed(row: Any) -> bool:
    return bool(row.state == "unclaimed")


def _open(row: Any) -> bool:
    return bool(row.state in inbox.OPEN)


trades = Resource(
    name="trades",
    title=Text(zh="微信支付单", en="WeChat Pay charges"),
    model=WechatPayTrade,
    reply=TradeRow,
    columns=(
        Column("created_at", CREATED, "time", filter=True),
        Column("number", NUMBER, filter=True),
        Column("member", MEMBER, "member", filter=True),
        Column("amount", AMOUNT, "fen"),
        Column("title", Text(zh="内容", en="For")),
        Column("state", STATE, "choice", choices=TRADE_STATES, filter=True),
        Column("transaction", PROVIDERS, filter=True),
        Column("paid_at", Text(zh="支付时间", en="Paid"), "time", filter=True),
        Column("expires_at", Text(zh="支付截止", en="To be paid by"), "time", list=False),
        Column("changed_at", CHANGED, "time", list=False),
        Column("note", NOTE, list=False),
    ),
    permission=VIEW,
    export_permission=VIEW,
    actions=(Action("query", ASK, desk.ask_trade, ACT, shown=_unpaid),),
    venue_free=True,
)

refunds = Resource(
    name="refunds",
    title=Text(zh="微信退款", en="WeChat Pay refunds"),
    model=WechatPayRefund,
    reply=RefundRow,
    columns=(
        Column("created_at", CREATED, "time", filter=True),
        Column("number", NUMBER, filter=True),
        Column("charge", CHARGE, filter=True),
        Column("member", MEMBER, "member", filter=True),
        Column("amount", AMOUNT, "fen"),
        Column("total", Text(zh="原支付金额", en="Of"), "fen", list=False),
        Column("reason", Text(zh="原因", en="Reason"), list=False),
        Column("source", Text(zh="来源", en="Made by"), "choice", choices=SOURCES, filter=True),
        Column("state", STATE, "choice", choices=REFUND_STATES, filter=True),
        Column("status", Text(zh="微信状态", en="WeChat Pay's state"), list=False),
        Column("provider_id", PROVIDERS, list=False),
        Column("refunded_at", Text(zh="退款时间", en="Refunded"), "time", filter=True),
        Column("changed_at", CHANGED, "time", list=False),
        Column("note", NOTE),
    ),
    permission=VIEW,
    export_permission=VIEW,
    actions=(Action("retry", RETRY, desk.ask_refund, ACT, idempotent=True, shown=_unfinished),),
    venue_free=True,
)

settlements = Resource(
    name="settlements",
    title=Text(zh="微信支付入账", en="WeChat Pay settlements"),
    model=WechatPaySettlement,
    reply=SettlementRow,
    columns=(
        Column("booked_at", Text(zh="入账", en="Booked"), "time", filter=True),
        Column("kind", Text(zh="类型", en="Kind"), "choice", choices=KINDS, filter=True),
        Column("number", NUMBER, filter=True),
        Column("charge", CHARGE, filter=True),
        Column("member", MEMBER, "member", filter=True),
        Column("amount", AMOUNT, "fen"),
        Column("transaction", PROVIDERS, filter=True),
        Column("happened_at", Text(zh="发生", en="Happened"), "time"),
        Column("heard", Text(zh="得知方式", en="Heard by"), "choice", choices=HEARD, filter=True),
        Column("claimed_by", Text(zh="认领", en="Claimed by"), filter=True),
        Column("state", STATE, "choice", choices=SETTLEMENT_STATES, filter=True),
        Column("note", NOTE, list=False),
    ),
    permission=VIEW,
    export_permission=VIEW,
    actions=(
        Action("offer", Text(zh="重新派发", en="Offer again"), desk.offer, ACT, idempotent=True, shown=_unclaimed),
        Action(
            "handle",
            Text(zh="标记已处理", en="Mark as seen to"),
            desk.handle,
            ACT,
            form=Handled,
            reason=True,
            shown=_unclaimed,
        ),
    ),
    venue_free=True,
)

pushes = Resource(
    name="pushes",
    title=Text(zh="微信支付回调", en="WeChat Pay callbacks"),
    model=WechatPayPush,
    reply=PushRow,
    columns=(
        Column("received_at", Text(zh="收到", en="Received"), "time", filter=True),
        Column("event_type", Text(zh="事件", en="Event"), "choice", choices=EVENTS, filter=True),
        Column("number", CHARGE, filter=True),
        Column("refund", Text(zh="退款单号", en="Refund"), filter=True),
        Column("state", STATE, "choice", choices=PUSH_STATES, filter=True),
        Column("note", NOTE),
        Column("processed_at", Text(zh="处理", en="Processed"), "time", list=False),
        Column("event_id", Text(zh="通知编号", en="Notification"), filter=True, list=False),
        Column("serial", Text(zh="签名密钥", en="Signed by"), list=False),
    ),
    permission=VIEW,
    actions=(Action("retry", RETRY, inbox.retry, ACT, idempotent=True, shown=_open),),
    venue_free=True,
    member=None,
)

panel = Panel("payments", Text(zh="微信支付", en="WeChat Pay"), VIEW, desk.figures)
