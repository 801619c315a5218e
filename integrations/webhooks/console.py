"""What staff see: addresses, deliveries, attempts, the facts there are, and how it goes."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from integrations.webhooks import catalogue, deliveries, endpoints
from integrations.webhooks.labels import delivered, subscribable
from integrations.webhooks.models import WebhooksAttempt, WebhooksDelivery, WebhooksEndpoint
from integrations.webhooks.schemas import (
    DeliveryState,
    EndpointChange,
    EndpointRow,
    NewEndpoint,
    Period,
)
from roost import Action, Column, Context, Form, Page, Panel, Resource, Text, names_in

STATES = {
    "on": Text("启用", "on"),
    "off": Text("停用", "off"),
    "disabled": Text("已自动停用", "disabled"),
}
REASONS = {
    "": Text("", ""),
    "gone": Text("对方返回 410", "the receiver said 410"),
    "failing": Text("长时间失败", "failed for too long"),
}
DELIVERY_STATES = {
    "waiting": Text("待推送", "waiting"),
    "parked": Text("排队", "in line"),
    "sending": Text("推送中", "being sent"),
    "delivered": Text("已送达", "delivered"),
    "failed": Text("失败", "failed"),
    "stopped": Text("已停止", "stopped"),
}
SECRET = Text("密钥（仅显示 5 分钟，请立即保存）", "Secret (shown for 5 minutes: keep it now)")
AT, STATUS, ERROR = Text("时间", "At"), Text("状态码", "Status"), Text("错误", "Error")
STATE, ENDPOINT = Text("状态", "State"), Text("推送地址", "Address")


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
    title=Text("推送地址", "Webhook addresses"),
    model=WebhooksEndpoint,
    reply=EndpointRow,
    columns=(
        Column("url", Text("地址", "URL")),
        Column("description", Text("说明", "Description")),
        Column("state", STATE, "choice", choices=STATES, filter=True),
        Column("reason", Text("原因", "Reason"), "choice", choices=REASONS),
        Column("secret", Text("密钥（仅显示 5 分钟，请立即保存）", "Secret (for 5 minutes: keep it now)"), list=False),
        Column("facts", Text("订阅的事件", "Facts"), "choice", source=subscribable, list=False),
        Column("failures", Text("连续失败", "Failures in a row"), "int"),
        Column("failing_since", Text("开始失败", "Failing since"), "time", list=False),
        Column("paused_until", Text("暂停至", "Paused until"), "time"),
        Column("old_until", Text("旧密钥有效至", "Old secret until"), "time", list=False),
        Column("created_at", Text("创建", "Created"), "time", list=False),
        Column("changed_at", Text("更新", "Changed"), "time", list=False),
    ),
    permission="webhooks.view",
    edit_permission="webhooks.edit",
    create=Form(NewEndpoint, endpoints.create),
    edit=Form(EndpointChange, endpoints.change),
    actions=(
        Action("ping", Text("发送测试", "Send a test"), endpoints.ping),
        Action("rotate", Text("更换密钥", "New secret"), endpoints.rotate, shown=_still),
        Action("retire", Text("停用旧密钥", "End old secret"), endpoints.retire, shown=_rotating),
        Action(
            "replay",
            Text("重推一段时间", "Send a period again"),
            endpoints.replay,
            "webhooks.replay",
            form=Period,
            shown=_on,
        ),
        Action("remove", Text("删除", "Delete"), endpoints.remove),
    ),
    venue_free=True,
    present=endpoints.present,
)

sent = Resource(
    name="deliveries",
    title=Text("推送记录", "Webhook deliveries"),
    model=WebhooksDelivery,
    columns=(
        Column("created_at", AT, "time", filter=True),
        Column("fact", Text("事件", "Fact"), "choice", source=delivered, filter=True),
        Column("state", STATE, "choice", choices=DELIVERY_STATES, filter=True, type=DeliveryState),
        Column("attempts", Text("次数", "Attempts"), "int"),
        Column("status", STATUS, "int"),
        Column("error", ERROR),
        Column("due_at", Text("下次", "Next"), "time"),
        Column("endpoint", ENDPOINT, named=names_in(WebhooksEndpoint, "url"), list=False),
        Column("event", Text("事件号", "Event"), page=False),
        Column("occurred_at", Text("发生", "Occurred"), "time", list=False),
        Column("finished_at", Text("结束", "Ended"), "time", list=False),
        Column("body", Text("内容", "Body"), page=False),
    ),
    permission="webhooks.view",
    actions=(Action("replay", Text("重推", "Send again"), deliveries.replay, "webhooks.replay", shown=_ended),),
    venue_free=True,
)


def _facts_of(ctx: Context, ids: Sequence[Any]) -> dict[Any, str]:  # Any: ids of deliveries
    """Return what each delivery is of, in words."""
    words = dict(delivered(ctx))
    rows = WebhooksDelivery.scoped(ctx).select(WebhooksDelivery.id, WebhooksDelivery.fact)
    found = rows.where(WebhooksDelivery.id.in_(list(ids) or [None])).tuples()
    return {row: words[fact].in_(ctx.locale) if fact in words else fact for row, fact in found}


attempts = Resource(
    name="attempts",
    title=Text("推送尝试", "Webhook attempts"),
    model=WebhooksAttempt,
    columns=(
        Column("created_at", AT, "time", filter=True),
        Column("number", Text("第几次", "Number"), "int"),
        Column("status", STATUS, "int", filter=True),
        Column("error", ERROR, filter=True),
        Column("duration_ms", Text("耗时（毫秒）", "Took (ms)"), "int"),
        Column("reply", Text("响应开头", "Reply")),
        Column("delivery", Text("推送", "Delivery"), named=_facts_of, list=False),
        Column("endpoint", ENDPOINT, named=names_in(WebhooksEndpoint, "url"), list=False),
    ),
    permission="webhooks.view",
    venue_free=True,
)


def _facts(ctx: Context, query: Mapping[str, str]) -> dict[str, Any]:
    facts = catalogue.facts(ctx)
    names = {slug: ctx.plugin_name(slug).in_(ctx.locale) for slug in {one.plugin for one in facts} - {"core"}}
    core = Text("系统", "System").in_(ctx.locale)
    return {"facts": facts, "names": {"core": core, **names}, "english": ctx.locale == "en"}


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


facts_page = Page("facts", Text("可订阅的事件", "Facts to subscribe to"), "webhooks.view", "facts.html", _facts)
status = Panel("status", Text("事件推送", "Webhooks"), "webhooks.view", _figures)
