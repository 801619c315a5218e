"""What staff work with: templates and who agreed to them, codes, pushes, shipments, and how all of it stands."""

from typing import Any

from integrations.wechat import codes, connection, inbox, people, shipping, subscriptions
from integrations.wechat.models import (
    WechatCheck,
    WechatCode,
    WechatPush,
    WechatShipment,
    WechatSubscription,
    WechatTemplate,
    WechatToken,
)
from integrations.wechat.schemas import (
    CodeForm,
    CodeRow,
    Correction,
    PushRow,
    ShipmentRow,
    SubscriptionRow,
    TemplateForm,
    TemplateRow,
)
from roost import Action, Column, Context, Form, Page, Panel, Resource, Text

MEMBER, STATE, NOTE = Text(zh="会员", en="Member"), Text(zh="状态", en="State"), Text(zh="说明", en="Note")
CHANGED, RETRY = Text(zh="更新", en="Changed"), Text(zh="重试", en="Try again")
TEMPLATE, PAGE = Text(zh="模板 ID", en="Template id"), Text(zh="页面", en="Page")
SUBSCRIPTION_STATES = {
    "open": Text(zh="正常", en="open"),
    "refused": Text(zh="已拒绝", en="refused"),
    "blocked": Text(zh="被限制", en="blocked"),
}
CODE_STATES = {
    "pending": Text(zh="生成中", en="being drawn"),
    "ready": Text(zh="已生成", en="ready"),
    "failed": Text(zh="失败", en="failed"),
}
PUSH_STATES = {
    "received": Text(zh="待处理", en="received"),
    "done": Text(zh="已处理", en="done"),
    "waiting": Text(zh="稍后再试", en="waiting"),
    "stored": Text(zh="仅存档", en="stored only"),
    "ignored": Text(zh="已忽略", en="ignored"),
    "failed": Text(zh="失败", en="failed"),
}
SHIPMENT_STATES = {
    "pending": Text(zh="待录入", en="pending"),
    "told": Text(zh="已录入", en="told"),
    "failed": Text(zh="失败", en="failed"),
}


ENVS = {
    "release": Text(zh="正式版", en="release"),
    "trial": Text(zh="体验版", en="trial"),
    "develop": Text(zh="开发版", en="development"),
}
PUSHES = {
    "subscribe_msg_popup_event": Text(zh="订阅弹窗", en="Subscription asked"),
    "subscribe_msg_change_event": Text(zh="订阅管理", en="Subscription changed"),
    "subscribe_msg_sent_event": Text(zh="订阅消息送达", en="Message delivered"),
    "wxa_media_check": Text(zh="内容审核结果", en="Verdict on a picture"),
    "trade_manage_remind_access_api": Text(zh="发货接入提醒", en="Reminder to report shipping"),
    "trade_manage_remind_shipping": Text(zh="发货提醒", en="Reminder to ship"),
    "trade_manage_order_settlement": Text(zh="订单结算", en="Order settled"),
    "message.text": Text(zh="客服文字消息", en="Text of a member"),
    "message.image": Text(zh="客服图片消息", en="Picture of a member"),
}


def _failed(row: Any) -> bool:  # Any: a row
    return bool(row.state == "failed")


def _open(row: Any) -> bool:
    return row.state in (*inbox.OPEN, "ignored") and row.body is not None


def _correctable(row: Any) -> bool:
    return row.told < shipping.MOST_TOLD and row.body is not None


templates = Resource(
    name="templates",
    title=Text(zh="订阅消息模板", en="Subscribe messages"),
    model=WechatTemplate,
    reply=TemplateRow,
    columns=(
        Column("title", Text(zh="名称", en="Name")),
        Column("template", TEMPLATE, filter=True),
        Column("fields", Text(zh="内容", en="Fields")),
        Column("lasting", Text(zh="长期订阅", en="Long-term"), "bool", filter=True),
        Column("page", PAGE),
        Column("active", Text(zh="启用", en="In use"), "bool", filter=True),
        Column("changed_at", CHANGED, "time", list=False),
    ),
    permission="wechat.view",
    edit_permission="wechat.edit",
    create=Form(TemplateForm, subscriptions.add_template),
    edit=Form(TemplateForm, subscriptions.edit_template),
    venue_free=True,
    member=None,
)

quotas = Resource(
    name="quotas",
    title=Text(zh="订阅额度", en="Message quotas"),
    model=WechatSubscription,
    reply=SubscriptionRow,
    columns=(
        Column("member", MEMBER, "member", filter=True),
        Column("template", TEMPLATE, filter=True),
        Column("remaining", Text(zh="可发次数", en="May be sent"), "int"),
        Column("state", STATE, "choice", choices=SUBSCRIPTION_STATES, filter=True),
        Column("accepted", Text(zh="同意次数", en="Agreed"), "int"),
        Column("sent", Text(zh="已发", en="Sent"), "int"),
        Column("last_code", Text(zh="最近结果", en="Last result")),
        Column("changed_at", CHANGED, "time", filter=True),
    ),
    permission="wechat.view",
    venue_free=True,
)

pictures = Resource(
    name="codes",
    title=Text(zh="小程序码", en="Mini-program codes"),
    model=WechatCode,
    reply=CodeRow,
    columns=(
        Column("created_at", Text(zh="创建", en="Created"), "time", filter=True),
        Column("key", Text(zh="名称", en="Name"), filter=True),
        Column("plugin", Text(zh="来源", en="From"), "choice", source="plugins", filter=True),
        Column("scene", Text(zh="场景值", en="Scene"), filter=True),
        Column("page", PAGE),
        Column("width", Text(zh="宽度", en="Width"), "int", list=False),
        Column("env", Text(zh="版本", en="Version"), "choice", choices=ENVS, list=False),
        Column("state", STATE, "choice", choices=CODE_STATES, filter=True),
        Column("error", NOTE),
    ),
    permission="wechat.view",
    edit_permission="wechat.edit",
    create=Form(CodeForm, codes.add),
    actions=(Action("retry", RETRY, codes.retry, "wechat.edit", shown=_failed),),
    venue_free=True,
)

pushes = Resource(
    name="pushes",
    title=Text(zh="微信推送记录", en="Pushes of WeChat"),
    model=WechatPush,
    reply=PushRow,
    columns=(
        Column("received_at", Text(zh="收到", en="Received"), "time", filter=True),
        Column("kind", Text(zh="事件", en="Event"), "choice", choices=PUSHES, filter=True),
        Column("member", MEMBER, "member", filter=True),
        Column("state", STATE, "choice", choices=PUSH_STATES, filter=True),
        Column("note", NOTE),
        Column("processed_at", Text(zh="处理", en="Processed"), "time"),
    ),
    permission="wechat.view",
    actions=(Action("retry", RETRY, inbox.retry, "wechat.edit", shown=_open),),
    venue_free=True,
)

shipments = Resource(
    name="shipments",
    title=Text(zh="发货信息录入", en="Shipping told to WeChat"),
    model=WechatShipment,
    reply=ShipmentRow,
    columns=(
        Column("changed_at", CHANGED, "time", filter=True),
        Column("order", Text(zh="订单", en="Order"), page=False),
        Column("member", MEMBER, "member", filter=True),
        Column("transaction", Text(zh="微信支付单号", en="Payment"), filter=True),
        Column("state", STATE, "choice", choices=SHIPMENT_STATES, filter=True),
        Column("told", Text(zh="录入次数", en="Times told"), "int"),
        Column("tries", Text(zh="失败次数", en="Failures"), "int"),
        Column("code", Text(zh="错误码", en="Code"), filter=True),
        Column("error", NOTE),
    ),
    permission="wechat.view",
    actions=(
        Action("retry", RETRY, shipping.retry, "wechat.edit", shown=_failed),
        Action(
            "correct",
            Text(zh="更正运单号", en="Correct the number"),
            shipping.correct,
            "wechat.edit",
            form=Correction,
            reason=True,
            shown=_correctable,
        ),
    ),
    venue_free=True,
)


def _count(ctx: Context, model: Any, *where: Any) -> str:  # Any: a table and peewee expressions
    return str(model.scoped(ctx).select().where(*where).count())


def figures(ctx: Context) -> list[tuple[str, str]]:
    """Return the dashboard's figures."""
    ready = connection.is_ready(ctx)
    row = WechatToken.scoped(ctx).first(WechatToken.appid == people.appid_of(ctx)) if ready else None
    left = int((row.expires_at - ctx.now()).total_seconds() // 60) if row is not None and row.expires_at else 0
    return [
        ("小程序", "已配置" if ready else "未配置"),
        ("访问令牌剩余（分钟）", str(max(left, 0))),
        ("可推送会员", str(subscriptions.figures(ctx))),
        ("待处理推送", _count(ctx, WechatPush, WechatPush.state.in_(("received", "waiting", "failed")))),
        ("审核中的图片", _count(ctx, WechatCheck, WechatCheck.state == "pending")),
        ("发货录入失败", _count(ctx, WechatShipment, WechatShipment.state == "failed")),
    ]


status = Panel("status", Text(zh="微信接入", en="WeChat"), "wechat.view", figures)
gallery = Page("gallery", Text(zh="小程序码图片", en="Codes to print"), "wechat.view", "gallery.html", codes.gallery)
