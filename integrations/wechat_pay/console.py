"""The payment desk: charges, refunds, what was settled, callbacks."""

from typing import Any

from integrations.wechat_pay import desk
from integrations.wechat_pay.inbox import INBOX
from integrations.wechat_pay.models import WechatPayPush, WechatPayRefund, WechatPaySettlement, WechatPayTrade
from integrations.wechat_pay.schemas import Handled
from roost import Action, Column, Panel, Resource, Text

VIEW, ACT = "wechat_pay.view", "wechat_pay.act"
TRADE_STATES = {
    "asked": Text("下单中", "asked for"),
    "open": Text("待支付", "to be paid"),
    "paid": Text("已支付", "paid"),
    "closed": Text("已关闭", "closed"),
}
REFUND_STATES = {
    "asked": Text("待确认", "asked for"),
    "working": Text("退款中", "at work"),
    "refunded": Text("已退款", "refunded"),
    "failed": Text("失败", "failed"),
    "withdrawn": Text("已撤回", "withdrawn"),
}
SOURCES = {"roost": Text("系统", "Roost"), "platform": Text("商户平台", "by hand on the platform")}
KINDS = {
    "paid": Text("支付", "paid"),
    "closed": Text("关闭", "closed"),
    "refunded": Text("退款", "refunded"),
    "refund_failed": Text("退款失败", "refund failed"),
}
SETTLEMENT_STATES = {
    "claimed": Text("已入账", "claimed"),
    "unclaimed": Text("无人认领", "unclaimed"),
    "done": Text("已人工处理", "seen to"),
}
HEARD = {
    "push": Text("回调", "callback"),
    "query": Text("查询", "query"),
    "reply": Text("应答", "reply"),
}
PUSH_STATES = {
    "received": Text("待处理", "received"),
    "done": Text("已处理", "done"),
    "waiting": Text("等待支付入账", "waits for the payment"),
    "refused": Text("不符", "contradicts"),
    "ignored": Text("已忽略", "ignored"),
}
EVENTS = {
    "TRANSACTION.SUCCESS": Text("支付成功", "paid"),
    "REFUND.SUCCESS": Text("退款成功", "refunded"),
    "REFUND.ABNORMAL": Text("退款异常", "refund failed"),
    "REFUND.CLOSED": Text("退款关闭", "refund closed"),
}
MEMBER, AMOUNT = Text("会员", "Member"), Text("金额", "Amount")
STATE, NOTE = Text("状态", "State"), Text("说明", "Note")
NUMBER, CHARGE = Text("单号", "Number"), Text("支付单号", "Charge")
CREATED, CHANGED = Text("创建", "Created"), Text("更新", "Changed")
PROVIDERS = Text("微信单号", "WeChat Pay's number")
ASK = Text("查询", "Ask WeChat Pay")
RETRY = Text("重试", "Try again")


def _unpaid(row: Any) -> bool:  # Any: a row
    return bool(row.state != "paid")


def _unfinished(row: Any) -> bool:
    return bool(row.state != "refunded")


def _unclaimed(row: Any) -> bool:
    return bool(row.state == "unclaimed")


trades = Resource(
    name="trades",
    title=Text("微信支付单", "WeChat Pay charges"),
    model=WechatPayTrade,
    columns=(
        Column("created_at", CREATED, "time", filter=True),
        Column("number", NUMBER, filter=True),
        Column("member", MEMBER, "member", filter=True),
        Column("amount", AMOUNT, "fen"),
        Column("title", Text("内容", "For")),
        Column("state", STATE, "choice", choices=TRADE_STATES, filter=True),
        Column("transaction", PROVIDERS, filter=True),
        Column("paid_at", Text("支付时间", "Paid"), "time", filter=True),
        Column("expires_at", Text("支付截止", "To be paid by"), "time", list=False),
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
    title=Text("微信退款", "WeChat Pay refunds"),
    model=WechatPayRefund,
    columns=(
        Column("created_at", CREATED, "time", filter=True),
        Column("number", NUMBER, filter=True),
        Column("charge", CHARGE, filter=True),
        Column("member", MEMBER, "member", filter=True),
        Column("amount", AMOUNT, "fen"),
        Column("total", Text("原支付金额", "Of"), "fen", list=False),
        Column("reason", Text("原因", "Reason"), list=False),
        Column("source", Text("来源", "Made by"), "choice", choices=SOURCES, filter=True),
        Column("state", STATE, "choice", choices=REFUND_STATES, filter=True),
        Column("status", Text("微信状态", "WeChat Pay's state"), list=False),
        Column("provider_id", PROVIDERS, list=False),
        Column("refunded_at", Text("退款时间", "Refunded"), "time", filter=True),
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
    title=Text("微信支付入账", "WeChat Pay settlements"),
    model=WechatPaySettlement,
    columns=(
        Column("booked_at", Text("入账", "Booked"), "time", filter=True),
        Column("kind", Text("类型", "Kind"), "choice", choices=KINDS, filter=True),
        Column("number", NUMBER, filter=True),
        Column("charge", CHARGE, filter=True),
        Column("member", MEMBER, "member", filter=True),
        Column("amount", AMOUNT, "fen"),
        Column("transaction", PROVIDERS, filter=True),
        Column("happened_at", Text("发生", "Happened"), "time"),
        Column("heard", Text("得知方式", "Heard by"), "choice", choices=HEARD, filter=True),
        Column("claimed_by", Text("认领", "Claimed by"), filter=True),
        Column("state", STATE, "choice", choices=SETTLEMENT_STATES, filter=True),
        Column("note", NOTE, list=False),
    ),
    permission=VIEW,
    export_permission=VIEW,
    actions=(
        Action("offer", Text("重新派发", "Offer again"), desk.offer, ACT, idempotent=True, shown=_unclaimed),
        Action(
            "handle",
            Text("标记已处理", "Mark as seen to"),
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
    title=Text("微信支付回调", "WeChat Pay callbacks"),
    model=WechatPayPush,
    columns=(
        Column("received_at", Text("收到", "Received"), "time", filter=True),
        Column("event_type", Text("事件", "Event"), "choice", choices=EVENTS, filter=True),
        Column("number", CHARGE, filter=True),
        Column("refund", Text("退款单号", "Refund"), filter=True),
        Column("state", STATE, "choice", choices=PUSH_STATES, filter=True),
        Column("note", NOTE),
        Column("processed_at", Text("处理", "Processed"), "time", list=False),
        Column("event_id", Text("通知编号", "Notification"), filter=True, list=False),
        Column("serial", Text("签名密钥", "Signed by"), list=False),
    ),
    permission=VIEW,
    actions=(Action("retry", RETRY, INBOX.retry, ACT, idempotent=True, shown=INBOX.is_open),),
    venue_free=True,
)

panel = Panel("payments", Text("微信支付", "WeChat Pay"), VIEW, desk.figures)
