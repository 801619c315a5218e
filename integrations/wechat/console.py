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
    Correction,
    TemplateForm,
)
from roost import Action, Column, Context, Form, Page, Panel, Resource, Text

MEMBER, STATE, NOTE = Text("会员", "Member"), Text("状态", "State"), Text("说明", "Note")
CHANGED, RETRY = Text("更新", "Changed"), Text("重试", "Try again")
TEMPLATE, PAGE = Text("模板 ID", "Template id"), Text("页面", "Page")
SUBSCRIPTION_STATES = {
    "open": Text("正常", "open"),
    "refused": Text("已拒绝", "refused"),
    "blocked": Text("被限制", "blocked"),
}
CODE_STATES = {
    "pending": Text("生成中", "being drawn"),
    "ready": Text("已生成", "ready"),
    "failed": Text("失败", "failed"),
}
PUSH_STATES = {
    "received": Text("待处理", "received"),
    "done": Text("已处理", "done"),
    "waiting": Text("稍后再试", "waiting"),
    "stored": Text("仅存档", "stored only"),
    "ignored": Text("已忽略", "ignored"),
    "failed": Text("失败", "failed"),
}
SHIPMENT_STATES = {
    "pending": Text("待录入", "pending"),
    "told": Text("已录入", "told"),
    "failed": Text("失败", "failed"),
}


ENVS = {
    "release": Text("正式版", "release"),
    "trial": Text("体验版", "trial"),
    "develop": Text("开发版", "development"),
}
PUSHES = {
    "subscribe_msg_popup_event": Text("订阅弹窗", "Subscription asked"),
    "subscribe_msg_change_event": Text("订阅管理", "Subscription changed"),
    "subscribe_msg_sent_event": Text("订阅消息送达", "Message delivered"),
    "wxa_media_check": Text("内容审核结果", "Verdict on a picture"),
    "trade_manage_remind_access_api": Text("发货接入提醒", "Reminder to report shipping"),
    "trade_manage_remind_shipping": Text("发货提醒", "Reminder to ship"),
    "trade_manage_order_settlement": Text("订单结算", "Order settled"),
    "message.text": Text("客服文字消息", "Text of a member"),
    "message.image": Text("客服图片消息", "Picture of a member"),
}


def _failed(row: Any) -> bool:  # Any: a row
    return bool(row.state == "failed")


def _correctable(row: Any) -> bool:
    return row.told < shipping.MOST_TOLD and row.body is not None


templates = Resource(
    name="templates",
    title=Text("订阅消息模板", "Subscribe messages"),
    model=WechatTemplate,
    columns=(
        Column("title", Text("名称", "Name")),
        Column("template", TEMPLATE, filter=True),
        Column("fields", Text("内容", "Fields")),
        Column("lasting", Text("长期订阅", "Long-term"), "bool", filter=True),
        Column("page", PAGE),
        Column("active", Text("启用", "In use"), "bool", filter=True),
        Column("changed_at", CHANGED, "time", list=False),
    ),
    permission="wechat.view",
    edit_permission="wechat.edit",
    create=Form(TemplateForm, subscriptions.add_template),
    edit=Form(TemplateForm, subscriptions.edit_template),
    venue_free=True,
)

quotas = Resource(
    name="quotas",
    title=Text("订阅额度", "Message quotas"),
    model=WechatSubscription,
    columns=(
        Column("member", MEMBER, "member", filter=True),
        Column("template", TEMPLATE, filter=True),
        Column("remaining", Text("可发次数", "May be sent"), "int"),
        Column("state", STATE, "choice", choices=SUBSCRIPTION_STATES, filter=True),
        Column("accepted", Text("同意次数", "Agreed"), "int"),
        Column("sent", Text("已发", "Sent"), "int"),
        Column("last_code", Text("最近结果", "Last result")),
        Column("changed_at", CHANGED, "time", filter=True),
    ),
    permission="wechat.view",
    venue_free=True,
)

pictures = Resource(
    name="codes",
    title=Text("小程序码", "Mini-program codes"),
    model=WechatCode,
    columns=(
        Column("created_at", Text("创建", "Created"), "time", filter=True),
        Column("key", Text("名称", "Name"), filter=True),
        Column("plugin", Text("来源", "From"), "choice", source="plugins", filter=True),
        Column("scene", Text("场景值", "Scene"), filter=True),
        Column("page", PAGE),
        Column("width", Text("宽度", "Width"), "int", list=False),
        Column("env", Text("版本", "Version"), "choice", choices=ENVS, list=False),
        Column("state", STATE, "choice", choices=CODE_STATES, filter=True),
        Column("error", NOTE),
    ),
    permission="wechat.view",
    edit_permission="wechat.edit",
    create=Form(CodeForm, codes.add),
    actions=(Action("retry", RETRY, codes.retry, shown=_failed),),
    venue_free=True,
)

pushes = Resource(
    name="pushes",
    title=Text("微信推送记录", "Pushes of WeChat"),
    model=WechatPush,
    columns=(
        Column("received_at", Text("收到", "Received"), "time", filter=True),
        Column("kind", Text("事件", "Event"), "choice", choices=PUSHES, filter=True),
        Column("member", MEMBER, "member", filter=True),
        Column("state", STATE, "choice", choices=PUSH_STATES, filter=True),
        Column("note", NOTE),
        Column("processed_at", Text("处理", "Processed"), "time"),
    ),
    permission="wechat.view",
    actions=(Action("retry", RETRY, inbox.retry, "wechat.edit", shown=inbox.may_retry),),
    venue_free=True,
)

shipments = Resource(
    name="shipments",
    title=Text("发货信息录入", "Shipping told to WeChat"),
    model=WechatShipment,
    columns=(
        Column("changed_at", CHANGED, "time", filter=True),
        Column("order", Text("订单", "Order"), page=False),
        Column("member", MEMBER, "member", filter=True),
        Column("transaction", Text("微信支付单号", "Payment"), filter=True),
        Column("state", STATE, "choice", choices=SHIPMENT_STATES, filter=True),
        Column("told", Text("录入次数", "Times told"), "int"),
        Column("tries", Text("失败次数", "Failures"), "int"),
        Column("code", Text("错误码", "Code"), filter=True),
        Column("error", NOTE),
    ),
    permission="wechat.view",
    actions=(
        Action("retry", RETRY, shipping.retry, "wechat.edit", shown=_failed),
        Action(
            "correct",
            Text("更正运单号", "Correct the number"),
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


status = Panel("status", Text("微信接入", "WeChat"), "wechat.view", figures)
gallery = Page("gallery", Text("小程序码图片", "Codes to print"), "wechat.view", "gallery.html", codes.gallery)
