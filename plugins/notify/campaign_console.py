"""What staff send to many, and what became of every message."""

from collections.abc import Sequence
from typing import Any

from peewee import fn

from plugins.notify import campaigns, importing, noticing, preferences
from plugins.notify.models import (
    NotifyCampaign,
    NotifyMessage,
)
from plugins.notify.preferences import shown
from plugins.notify.settings import NotifySettings
from plugins.notify.staff_schemas import (
    CampaignIn,
    ExemptIn,
    ImportIn,
    StartIn,
    TrialIn,
)
from roost import (
    Action,
    Column,
    Context,
    Form,
    Panel,
    Resource,
    Text,
    local_midnight,
    names_in,
    unseal,
)

CAMPAIGN_STATES = {
    "draft": Text("草稿", "draft"),
    "gathering": Text("统计中", "counting"),
    "ready": Text("待发送", "ready"),
    "running": Text("发送中", "running"),
    "stopped": Text("已停止", "stopped"),
    "done": Text("已完成", "done"),
    "cancelled": Text("已取消", "cancelled"),
}

MESSAGE_STATES = {
    "listed": Text("未开始", "listed"),
    "waiting": Text("等待", "waiting"),
    "sending": Text("发送中", "sending"),
    "sent": Text("已发送", "sent"),
    "failed": Text("失败", "failed"),
    "unknown": Text("结果不明", "unknown"),
    "skipped": Text("未发送", "not sent"),
}

PROGRESS = tuple(Column(state, title, "int") for state, title in MESSAGE_STATES.items())

IMPORTED = (
    Column("added", Text("新增", "Added"), "int"),
    Column("known", Text("已有", "Known"), "int"),
    Column("bad", Text("无法识别", "Unreadable"), "int"),
)

TRIED = (
    Column("channel", Text("渠道", "Channel"), "choice", source="message_channels"),
    Column("words", Text("原因", "Why")),
)


def _present_campaigns(ctx: Context, rows: Sequence[NotifyCampaign]) -> Sequence[Any]:
    counted = campaigns.progress(ctx, [row.id for row in rows])
    return [{"progress": counted[row.id]} for row in rows]


def _present_messages(ctx: Context, rows: Sequence[NotifyMessage]) -> Sequence[Any]:
    return [
        {
            "address": shown(row.address_channel, unseal(ctx, "address", row.address)) if row.address else "",
            "trail": [[str(part) for part in tried] for tried in row.trail],
            "tried": [{"channel": tried[0], "words": tried[2] or tried[1]} for tried in row.trail],
        }
        for row in rows
    ]


def _in(*states: str) -> Any:  # Any: a function of a row
    return lambda row: row.state in states


CAMPAIGNS = Resource(
    name="campaigns",
    offers={"message_channels": preferences.named_channels},
    title=Text("群发", "Campaigns"),
    model=NotifyCampaign,
    also=("template", "link", "everybody", "tag", "tag_value"),
    columns=(
        Column("name", Text("名称", "Name")),
        Column("state", Text("状态", "State"), "choice", choices=CAMPAIGN_STATES, filter=True),
        Column("channels", Text("渠道", "Channels"), "choice", source="message_channels"),
        Column("heads", Text("人数", "Heads"), "int"),
        Column("reachable", Text("可触达", "May be told"), "int", says="may be written to by one of the channels"),
        Column("cost_fen", Text("费用上限", "Cost at most"), "fen"),
        Column("progress", Text("进度", "Progress"), "facts", parts=PROGRESS, type=dict[str, int]),
        Column("venue", Text("门店", "Venue"), "venue", filter=True),
        Column("created_at", Text("创建时间", "Written"), "time", filter=True),
        Column("started_at", Text("开始时间", "Begun"), "time", list=False),
        Column("ended_at", Text("结束时间", "Ended"), "time", list=False),
        Column("marketing", Text("营销消息", "Marketing"), "bool", filter=True),
        Column("exempt_reason", Text("非营销理由", "Why it is no marketing"), list=False),
        Column("title_zh", Text("中文标题", "Title in Chinese"), list=False),
        Column("text_zh", Text("中文内容", "Text in Chinese"), list=False),
        Column("title_en", Text("英文标题", "Title in English"), list=False),
        Column("text_en", Text("英文内容", "Text in English"), list=False),
        Column("states", Text("会员状态", "States"), "choice", source="states", list=False),
        Column("levels", Text("会员等级", "Levels"), "choice", source="levels", list=False),
        Column("basis", Text("导入名单依据", "Basis of the list"), list=False),
        Column("imported", Text("导入结果", "Imported"), "facts", parts=IMPORTED, list=False),
    ),
    permission="notify.view",
    edit_permission="notify.send",
    create=Form(CampaignIn, campaigns.draft),
    edit=Form(CampaignIn, campaigns.edit),
    actions=(
        Action("preview", Text("统计人数与费用", "Preview"), campaigns.preview, shown=_in("draft", "ready")),
        Action(
            "import",
            Text("导入名单", "Import a list"),
            importing.import_list,
            form=ImportIn,
            shown=_in("draft", "ready"),
        ),
        Action(
            "exempt",
            Text("设为非营销消息", "Not marketing"),
            campaigns.exempt,
            permission="notify.exempt",
            form=ExemptIn,
            reason=True,
            approve_over=lambda body: 1,  # whatever its size: a second person decides
            stands_on=campaigns.EXEMPTION_STANDS_ON,
            shown=lambda row: row.marketing and row.state in campaigns.EDITABLE,
        ),
        Action("test", Text("测试发送", "Send a test"), campaigns.try_out, form=TrialIn),
        Action(
            "start",
            Text("发送", "Send"),
            campaigns.start,
            form=StartIn,
            idempotent=True,
            approve_over=lambda body: body.heads,
            limit=lambda ctx: ctx.settings(NotifySettings).approve_over,
            shown=_in("ready"),
        ),
        Action("stop", Text("停止", "Stop"), campaigns.stop, shown=_in("running")),
        Action("resume", Text("继续发送", "Resume"), campaigns.resume, idempotent=True, shown=_in("stopped")),
        Action("cancel", Text("取消", "Cancel"), campaigns.cancel, shown=_in("draft", "gathering", "ready", "stopped")),
        Action(
            "retry_failed",
            Text("重试失败的", "Try the failed again"),
            campaigns.retry_failed,
            idempotent=True,
            shown=_in("done"),
        ),
    ),
    venue="venue",
    present=_present_campaigns,
)


MESSAGES = Resource(
    name="messages",
    title=Text("发送记录", "Messages"),
    model=NotifyMessage,
    also=(
        "locale",
        Column("trail", Text("未成功的渠道", "Channel, code and words of what did not work"), type=list[list[str]]),
    ),
    columns=(
        Column("created_at", Text("时间", "At"), "time", filter=True),
        Column("member", Text("会员", "Member"), "member", filter=True),
        Column("address", Text("导入地址", "Address"), says="an imported address, masked"),
        Column("notice", Text("通知", "Notice"), "choice", source=noticing.named, filter=True),
        Column("state", Text("状态", "State"), "choice", choices=MESSAGE_STATES, filter=True),
        Column("channel", Text("渠道", "Channel"), "choice", source="message_channels", filter=True),
        Column("code", Text("原因", "Why"), filter=True),
        Column("campaign", Text("群发", "Campaign"), named=names_in(NotifyCampaign, "name"), filter=True),
        Column("venue", Text("门店", "Venue"), "venue", filter=True),
        Column("shown", Text("在站内信", "In the inbox"), "bool", list=False),
        Column("marketing", Text("营销消息", "Marketing"), "bool", list=False),
        Column("tried", Text("未成功的渠道", "What did not work"), "table", parts=TRIED, list=False, rest=False),
        Column("due_at", Text("计划时间", "Due"), "time", list=False),
        Column("ended_at", Text("结束时间", "Ended"), "time", list=False),
    ),
    permission="notify.view",
    actions=(
        Action(
            "retry",
            Text("重试", "Try again"),
            campaigns.retry_one,
            permission="notify.send",
            idempotent=True,
            shown=_in("failed"),
        ),
    ),
    venue="venue",
    export_permission="notify.view",
    present=_present_messages,
)


RESOURCES = (CAMPAIGNS, MESSAGES)


def _today(ctx: Context) -> Sequence[tuple[str, str]]:
    """Return how many messages ended today, by outcome; an account of single venues sees its own."""
    since = local_midnight(ctx.today(), ctx.tenant.zone)
    query = NotifyMessage.scoped(ctx).select(NotifyMessage.state, fn.COUNT(NotifyMessage.id))
    query = query.where(NotifyMessage.ended_at >= since)
    if ctx.actor.venues:
        query = query.where(NotifyMessage.venue.in_(sorted(ctx.actor.venues)))
    counts = dict(query.group_by(NotifyMessage.state).tuples())
    locale = "en" if ctx.locale.startswith("en") else "zh"
    return [(MESSAGE_STATES[s].in_(locale), str(counts.get(s, 0))) for s in ("sent", "failed", "unknown")]


PANEL = Panel("today", Text("今日消息", "Messages today"), "notify.view", _today)
