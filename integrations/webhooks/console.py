"""What staff see: addresses, deliveries, attempts, the facts there are, and how it goes."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from integrations.webhooks import catalogue, deliveries, endpoints
from integrations.webhooks.models import WebhooksAttempt, WebhooksDelivery, WebhooksEndpoint
from integrations.webhooks.schemas import (
    AttemptRow,
    DeliveryRow,
    EndpointChange,
    EndpointRow,
    NewEndpoint,
    Period,
)
from roost import Action, Column, Context, Form, Page, Panel, Resource, Text, names_in

STATES = {
    "on": Text(zh="启用", en="on"),
    "off": Text(zh="停用", en="off"),
    "disabled": Text(zh="已自动停用", en="disabled"),
}
REASONS = {
    "": Text(zh="", en=""),
    "gone": Text(zh="对方返回 410", en="the receiver said 410"),
    "failing": Text(zh="长时间失败", en="failed for too long"),
}
DELIVERY_STATES = {
    "waiting": Text(zh="待推送", en="waiting"),
    "parked": Text(zh="排队", en="in line"),
    "sending": Text(zh="推送中", en="being sent"),
    "delivered": Text(zh="已送达", en="delivered"),
    "failed": Text(zh="失败", en="failed"),
    "stopped": Text(zh="已停止", en="stopped"),
}
SECRET = Text(zh="密钥（仅显示 5 分钟，请立即保存）", en="Secret (shown for 5 minutes: keep it now)")
AT, STATUS, ERROR = Text(zh="时间", en="At"), Text(zh="状态码", en="Status"), Text(zh="错误", en="Error")
STATE, ENDPOINT = Text(zh="状态", en="State"), Text(zh="推送地址", en="Address")


def _rotating(row: Any) -> bool:  # Any: a row
    return row.old_until is not None


def _still(row: Any) -> bool:
    return not _rotating(row)


def _on(row: Any) -> bool:
    return bool(row.active)


def _ended(row: Any) -> bool:
    return row.state not in deliveries.OPEN


addresses = Resource(
    name="endpoints",
    title=Text(zh="推送地址", en="Webhook addresses"),
    model=WebhooksEndpoint,
    reply=EndpointRow,
    columns=(
        Column("url", Text(zh="地址", en="URL")),
        Column("description", Text(zh="说明", en="Description")),
        Column("state", STATE, "choice", choices=STATES, filter=True),
        Column("reason", Text(zh="原因", en="Reason"), "choice", choices=REASONS),
        Column(
            "secret", Text(zh="密钥（仅显示 5 分钟，请立即保存）", en="Secret (for 5 minutes: keep it now)"), list=False
        ),
        Column("facts", Text(zh="订阅的事件", en="Facts"), list=False),
        Column("failures", Text(zh="连续失败", en="Failures in a row"), "int"),
        Column("failing_since", Text(zh="开始失败", en="Failing since"), "time", list=False),
        Column("paused_until", Text(zh="暂停至", en="Paused until"), "time"),
        Column("old_until", Text(zh="旧密钥有效至", en="Old secret until"), "time", list=False),
        Column("created_at", Text(zh="创建", en="Created"), "time", list=False),
        Column("changed_at", Text(zh="更新", en="Changed"), "time", list=False),
    ),
    permission="webhooks.view",
    edit_permission="webhooks.edit",
    create=Form(NewEndpoint, endpoints.create),
    edit=Form(EndpointChange, endpoints.change),
    actions=(
        Action("ping", Text(zh="发送测试", en="Send a test"), endpoints.ping, "webhooks.edit"),
        Action("rotate", Text(zh="更换密钥", en="New secret"), endpoints.rotate, "webhooks.edit", shown=_still),
        Action(
            "retire", Text(zh="停用旧密钥", en="End old secret"), endpoints.retire, "webhooks.edit", shown=_rotating
        ),
        Action(
            "replay",
            Text(zh="重推一段时间", en="Send a period again"),
            endpoints.replay,
            "webhooks.replay",
            form=Period,
            shown=_on,
        ),
        Action("remove", Text(zh="删除", en="Delete"), endpoints.remove, "webhooks.edit"),
    ),
    venue_free=True,
    member=None,
    present=endpoints.present,
)

sent = Resource(
    name="deliveries",
    title=Text(zh="推送记录", en="Webhook deliveries"),
    model=WebhooksDelivery,
    reply=DeliveryRow,
    columns=(
        Column("created_at", AT, "time", filter=True),
        Column("fact", Text(zh="事件", en="Fact"), filter=True),
        Column("state", STATE, "choice", choices=DELIVERY_STATES, filter=True),
        Column("attempts", Text(zh="次数", en="Attempts"), "int"),
        Column("status", STATUS, "int"),
        Column("error", ERROR),
        Column("due_at", Text(zh="下次", en="Next"), "time"),
        Column("endpoint", ENDPOINT, named=names_in(WebhooksEndpoint, "url"), list=False),
        Column("event", Text(zh="事件号", en="Event"), page=False),
        Column("occurred_at", Text(zh="发生", en="Occurred"), "time", list=False),
        Column("finished_at", Text(zh="结束", en="Ended"), "time", list=False),
        Column("body", Text(zh="内容", en="Body"), page=False),
    ),
    permission="webhooks.view",
    actions=(Action("replay", Text(zh="重推", en="Send again"), deliveries.replay, "webhooks.replay", shown=_ended),),
    venue_free=True,
    member=None,
)

attempts = Resource(
    name="attempts",
    title=Text(zh="推送尝试", en="Webhook attempts"),
    model=WebhooksAttempt,
    reply=AttemptRow,
    columns=(
        Column("created_at", AT, "time", filter=True),
        Column("number", Text(zh="第几次", en="Number"), "int"),
        Column("status", STATUS, "int", filter=True),
        Column("error", ERROR, filter=True),
        Column("duration_ms", Text(zh="耗时（毫秒）", en="Took (ms)"), "int"),
        Column("reply", Text(zh="响应开头", en="Reply")),
        Column("delivery", Text(zh="推送", en="Delivery"), named=names_in(WebhooksDelivery, "fact"), list=False),
        Column("endpoint", ENDPOINT, named=names_in(WebhooksEndpoint, "url"), list=False),
    ),
    permission="webhooks.view",
    venue_free=True,
    member=None,
)


def _facts(ctx: Context, query: Mapping[str, str]) -> dict[str, Any]:
    return {"facts": catalogue.facts(ctx), "english": ctx.locale == "en"}


def _figures(ctx: Context) -> Sequence[tuple[str, str]]:
    english, day = ctx.locale == "en", ctx.now() - timedelta(days=1)
    addresses_on = WebhooksEndpoint.scoped(ctx).select().where(WebhooksEndpoint.state == "on").count()
    disabled = WebhooksEndpoint.scoped(ctx).select().where(WebhooksEndpoint.state == "disabled").count()
    recent = WebhooksDelivery.scoped(ctx).select().where(WebhooksDelivery.created_at >= day)
    done = recent.where(WebhooksDelivery.state == "delivered").count()
    failed = recent.where(WebhooksDelivery.state == "failed").count()
    names = ("on", "disabled", "delivered, 24 h", "failed, 24 h") if english else (
        "启用", "自动停用", "24 小时送达", "24 小时失败"
    )  # fmt: skip
    return list(zip(names, map(str, (addresses_on, disabled, done, failed)), strict=True))


facts_page = Page("facts", Text(zh="可订阅的事件", en="Facts to subscribe to"), "webhooks.view", "facts.html", _facts)
status = Panel("status", Text(zh="事件推送", en="Webhooks"), "webhooks.view", _figures)
