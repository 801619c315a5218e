"""What staff work with: notices, templates, campaigns, messages, announcements, and who wants no marketing."""

from collections.abc import Sequence
from typing import Any

from peewee import fn

from plugins.notify import announcements, blocking, campaigns, importing, noticing, preferences, staff, templating
from plugins.notify.mail import NAME as EMAIL
from plugins.notify.models import (
    NotifyAnnouncement,
    NotifyBlock,
    NotifyCampaign,
    NotifyMessage,
    NotifyNotice,
    NotifyStaff,
    NotifyTemplate,
)
from plugins.notify.preferences import masked
from plugins.notify.schemas import (
    AnnouncementIn,
    AnnouncementRow,
    BlockIn,
    BlockRow,
    CampaignIn,
    CampaignOut,
    ExemptIn,
    ImportIn,
    MessageRow,
    NoticeEdit,
    NoticeOut,
    StaffIn,
    StaffRow,
    StartIn,
    TemplateIn,
    TemplateOut,
    TrialIn,
)
from plugins.notify.settings import NotifySettings
from roost import (
    Action,
    Column,
    Context,
    Form,
    Panel,
    Resource,
    Text,
    identity,
    local_midnight,
    mask_phone,
    names_in,
    unseal,
)

LOCALES = {"zh": Text(zh="中文", en="Chinese"), "en": Text(zh="英文", en="English")}
CAMPAIGN_STATES = {
    "draft": Text(zh="草稿", en="draft"),
    "gathering": Text(zh="统计中", en="counting"),
    "ready": Text(zh="待发送", en="ready"),
    "running": Text(zh="发送中", en="running"),
    "stopped": Text(zh="已停止", en="stopped"),
    "done": Text(zh="已完成", en="done"),
    "cancelled": Text(zh="已取消", en="cancelled"),
}
MESSAGE_STATES = {
    "listed": Text(zh="未开始", en="listed"),
    "waiting": Text(zh="等待", en="waiting"),
    "sending": Text(zh="发送中", en="sending"),
    "sent": Text(zh="已发送", en="sent"),
    "failed": Text(zh="失败", en="failed"),
    "unknown": Text(zh="结果不明", en="unknown"),
    "skipped": Text(zh="未发送", en="not sent"),
}
PROGRESS = tuple(Column(state, title, "int") for state, title in MESSAGE_STATES.items())
IMPORTED = (
    Column("added", Text(zh="新增", en="Added"), "int"),
    Column("known", Text(zh="已有", en="Known"), "int"),
    Column("bad", Text(zh="无法识别", en="Unreadable"), "int"),
)
TRIED = (
    Column("channel", Text(zh="渠道", en="Channel"), "choice", source="message_channels"),
    Column("words", Text(zh="原因", en="Why")),
)
SOURCES = {
    "link": Text(zh="退订链接", en="link"),
    "reply": Text(zh="短信回复", en="reply"),
    "staff": Text(zh="员工登记", en="staff"),
}


def _present_notices(ctx: Context, rows: Sequence[NotifyNotice]) -> Sequence[Any]:
    offered, english = noticing.offered(ctx), ctx.locale.startswith("en")
    shown = []
    for row in rows:
        notice = offered[row.fact][1] if row.fact in offered else None
        locale = "en" if english else "zh"
        shown.append(
            {
                **row.__data__,
                "name": notice.title.in_(locale) if notice else row.fact,
                "usual": notice.text.in_(locale) if notice else "",
                "values": " ".join(f"{{{v}}}" for v in sorted(noticing.values_of(notice))) if notice else "",
            }
        )
    return shown


def _present_campaigns(ctx: Context, rows: Sequence[NotifyCampaign]) -> Sequence[Any]:
    counted = campaigns.progress(ctx, [row.id for row in rows])
    return [{**row.__data__, "progress": counted[row.id]} for row in rows]


def _masked(channel: str, address: str) -> str:
    return masked(address) if channel == EMAIL else mask_phone(address)


def _present_messages(ctx: Context, rows: Sequence[NotifyMessage]) -> Sequence[Any]:
    return [
        {
            **row.__data__,
            "address": _masked(row.address_channel, unseal(ctx, "address", row.address)) if row.address else "",
            "trail": [[str(part) for part in tried] for tried in row.trail],
            "tried": [{"channel": tried[0], "words": tried[2] or tried[1]} for tried in row.trail],
        }
        for row in rows
    ]


def _present_blocks(ctx: Context, rows: Sequence[NotifyBlock]) -> Sequence[Any]:
    return [{**row.__data__, "address": _masked(row.channel, unseal(ctx, "address", row.address))} for row in rows]


def _present_staff(ctx: Context, rows: Sequence[NotifyStaff]) -> Sequence[Any]:
    return [
        {**row.__data__, "address": _masked(row.channel, unseal(ctx, "staff_address", row.staff_address))}
        for row in rows
    ]


def _accounts(ctx: Context) -> Sequence[tuple[Any, Text | str]]:
    return [(row.id, row.name) for row in identity.Staff.scoped(ctx).select().order_by(identity.Staff.username)]


def _in(*states: str) -> Any:  # Any: a function of a row
    return lambda row: row.state in states


NOTICES = Resource(
    name="notices",
    title=Text(zh="通知", en="Notices"),
    model=NotifyNotice,
    reply=NoticeOut,
    columns=(
        Column("name", Text(zh="通知", en="Notice")),
        Column("group", Text(zh="功能", en="Feature"), "choice", source="plugins", filter=True),
        Column("enabled", Text(zh="启用", en="On"), "bool", filter=True),
        Column("channels", Text(zh="渠道", en="Channels"), "choice", source="message_channels"),
        Column("usual", Text(zh="默认内容", en="Usual words"), list=False),
        Column("values", Text(zh="可用变量", en="Placeholders"), list=False),
        Column("title_zh", Text(zh="中文标题", en="Title in Chinese"), list=False),
        Column("title_en", Text(zh="英文标题", en="Title in English"), list=False),
        Column("text_zh", Text(zh="中文内容", en="Text in Chinese"), list=False),
        Column("text_en", Text(zh="英文内容", en="Text in English"), list=False),
        Column("fact", Text(zh="编码", en="Code"), filter=True, page=False),
    ),
    permission="notify.texts",
    edit_permission="notify.texts",
    edit=Form(NoticeEdit, noticing.edit),
    venue_free=True,
    member=None,
    present=_present_notices,
)

TEMPLATES = Resource(
    name="templates",
    title=Text(zh="服务商模板", en="Providers' templates"),
    model=NotifyTemplate,
    reply=TemplateOut,
    columns=(
        Column("code", Text(zh="通知或群发编码", en="Notice or campaign"), filter=True),
        Column("channel", Text(zh="渠道", en="Channel"), "choice", source="message_channels", filter=True),
        Column("locale", Text(zh="语言", en="Language"), "choice", choices=LOCALES, filter=True),
        Column("template", Text(zh="模板编号", en="Template")),
        Column("params", Text(zh="参数对应", en="Values"), list=False),
    ),
    permission="notify.texts",
    edit_permission="notify.texts",
    create=Form(TemplateIn, templating.add),
    edit=Form(TemplateIn, templating.edit),
    actions=(Action("remove", Text(zh="删除", en="Remove"), templating.remove, permission="notify.texts"),),
    venue_free=True,
    member=None,
)

CAMPAIGNS = Resource(
    name="campaigns",
    offers={"message_channels": preferences.named_channels},
    title=Text(zh="群发", en="Campaigns"),
    model=NotifyCampaign,
    reply=CampaignOut,
    columns=(
        Column("name", Text(zh="名称", en="Name")),
        Column("state", Text(zh="状态", en="State"), "choice", choices=CAMPAIGN_STATES, filter=True),
        Column("channels", Text(zh="渠道", en="Channels"), "choice", source="message_channels"),
        Column("heads", Text(zh="人数", en="Heads"), "int"),
        Column("reachable", Text(zh="可触达", en="May be told"), "int"),
        Column("cost_fen", Text(zh="费用上限", en="Cost at most"), "fen"),
        Column("progress", Text(zh="进度", en="Progress"), "facts", parts=PROGRESS),
        Column("venue", Text(zh="门店", en="Venue"), "venue", filter=True),
        Column("created_at", Text(zh="创建时间", en="Written"), "time", filter=True),
        Column("started_at", Text(zh="开始时间", en="Begun"), "time", list=False),
        Column("ended_at", Text(zh="结束时间", en="Ended"), "time", list=False),
        Column("marketing", Text(zh="营销消息", en="Marketing"), "bool", filter=True),
        Column("exempt_reason", Text(zh="非营销理由", en="Why it is no marketing"), list=False),
        Column("title_zh", Text(zh="中文标题", en="Title in Chinese"), list=False),
        Column("text_zh", Text(zh="中文内容", en="Text in Chinese"), list=False),
        Column("title_en", Text(zh="英文标题", en="Title in English"), list=False),
        Column("text_en", Text(zh="英文内容", en="Text in English"), list=False),
        Column("states", Text(zh="会员状态", en="States"), "choice", source="states", list=False),
        Column("levels", Text(zh="会员等级", en="Levels"), "choice", source="levels", list=False),
        Column("basis", Text(zh="导入名单依据", en="Basis of the list"), list=False),
        Column("imported", Text(zh="导入结果", en="Imported"), "facts", parts=IMPORTED, list=False),
    ),
    permission="notify.view",
    edit_permission="notify.send",
    create=Form(CampaignIn, campaigns.draft),
    edit=Form(CampaignIn, campaigns.edit),
    actions=(
        Action(
            "preview",
            Text(zh="统计人数与费用", en="Preview"),
            campaigns.preview,
            permission="notify.send",
            shown=_in("draft", "ready"),
        ),
        Action(
            "import",
            Text(zh="导入名单", en="Import a list"),
            importing.import_list,
            permission="notify.send",
            form=ImportIn,
            shown=_in("draft", "ready"),
        ),
        Action(
            "exempt",
            Text(zh="设为非营销消息", en="Not marketing"),
            campaigns.exempt,
            permission="notify.exempt",
            form=ExemptIn,
            reason=True,
            approve_over=lambda body: 1,  # whatever its size: a second person decides
            stands_on=campaigns.EXEMPTION_STANDS_ON,
            shown=lambda row: row.marketing and row.state in campaigns.EDITABLE,
        ),
        Action(
            "test", Text(zh="测试发送", en="Send a test"), campaigns.try_out, permission="notify.send", form=TrialIn
        ),
        Action(
            "start",
            Text(zh="发送", en="Send"),
            campaigns.start,
            permission="notify.send",
            form=StartIn,
            idempotent=True,
            approve_over=lambda body: body.heads,
            limit=lambda ctx: ctx.settings(NotifySettings).approve_over,
            shown=_in("ready"),
        ),
        Action("stop", Text(zh="停止", en="Stop"), campaigns.stop, permission="notify.send", shown=_in("running")),
        Action(
            "resume",
            Text(zh="继续发送", en="Resume"),
            campaigns.resume,
            permission="notify.send",
            idempotent=True,
            shown=_in("stopped"),
        ),
        Action(
            "cancel",
            Text(zh="取消", en="Cancel"),
            campaigns.cancel,
            permission="notify.send",
            shown=_in("draft", "gathering", "ready", "stopped"),
        ),
        Action(
            "retry_failed",
            Text(zh="重试失败的", en="Try the failed again"),
            campaigns.retry_failed,
            permission="notify.send",
            idempotent=True,
            shown=_in("done"),
        ),
    ),
    venue="venue",
    member=None,
    present=_present_campaigns,
)

MESSAGES = Resource(
    name="messages",
    title=Text(zh="发送记录", en="Messages"),
    model=NotifyMessage,
    reply=MessageRow,
    columns=(
        Column("created_at", Text(zh="时间", en="At"), "time", filter=True),
        Column("member", Text(zh="会员", en="Member"), "member", filter=True),
        Column("address", Text(zh="导入地址", en="Address")),
        Column("notice", Text(zh="通知", en="Notice"), "choice", source=noticing.named, filter=True),
        Column("state", Text(zh="状态", en="State"), "choice", choices=MESSAGE_STATES, filter=True),
        Column("channel", Text(zh="渠道", en="Channel"), "choice", source="message_channels", filter=True),
        Column("code", Text(zh="原因", en="Why"), filter=True),
        Column("campaign", Text(zh="群发", en="Campaign"), named=names_in(NotifyCampaign, "name"), filter=True),
        Column("venue", Text(zh="门店", en="Venue"), "venue", filter=True),
        Column("shown", Text(zh="在站内信", en="In the inbox"), "bool", list=False),
        Column("marketing", Text(zh="营销消息", en="Marketing"), "bool", list=False),
        Column("tried", Text(zh="未成功的渠道", en="What did not work"), "table", parts=TRIED, list=False),
        Column("due_at", Text(zh="计划时间", en="Due"), "time", list=False),
        Column("ended_at", Text(zh="结束时间", en="Ended"), "time", list=False),
    ),
    permission="notify.view",
    actions=(
        Action(
            "retry",
            Text(zh="重试", en="Try again"),
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

ANNOUNCEMENTS = Resource(
    name="announcements",
    area="content",
    title=Text(zh="公告", en="Announcements"),
    model=NotifyAnnouncement,
    reply=AnnouncementRow,
    columns=(
        Column("title_zh", Text(zh="中文标题", en="Title in Chinese")),
        Column("title_en", Text(zh="英文标题", en="Title in English"), list=False),
        Column("text_zh", Text(zh="中文内容", en="Text in Chinese"), list=False),
        Column("text_en", Text(zh="英文内容", en="Text in English"), list=False),
        Column("venue", Text(zh="门店", en="Venue"), "venue", filter=True),
        Column("starts_at", Text(zh="开始", en="From"), "time", filter=True),
        Column("ends_at", Text(zh="结束", en="Until"), "time", filter=True),
    ),
    permission="notify.announce",
    edit_permission="notify.announce",
    create=Form(AnnouncementIn, announcements.announce),
    edit=Form(AnnouncementIn, announcements.edit),
    actions=(
        Action("take_down", Text(zh="撤下", en="Take down"), announcements.take_down, permission="notify.announce"),
    ),
    venue="venue",
    member=None,
)

BLOCKS = Resource(
    name="blocks",
    title=Text(zh="退订名单", en="Want no marketing"),
    model=NotifyBlock,
    reply=BlockRow,
    columns=(
        Column("channel", Text(zh="渠道", en="Channel"), "choice", source="message_channels", filter=True),
        Column("address", Text(zh="地址", en="Address")),
        Column("source", Text(zh="来源", en="Source"), "choice", choices=SOURCES, filter=True),
        Column("created_at", Text(zh="时间", en="At"), "time", filter=True),
    ),
    permission="notify.block",
    edit_permission="notify.block",
    create=Form(BlockIn, blocking.add),
    actions=(Action("lift", Text(zh="移出", en="Lift"), blocking.lift, permission="notify.block", reason=True),),
    venue_free=True,
    member=None,
    present=_present_blocks,
)

STAFF = Resource(
    name="staff",
    title=Text(zh="员工通知", en="Staff are told"),
    model=NotifyStaff,
    reply=StaffRow,
    columns=(
        Column("account", Text(zh="员工", en="Staff"), "choice", source=_accounts, filter=True),
        Column("channel", Text(zh="渠道", en="Channel"), "choice", source="message_channels", filter=True),
        Column("address", Text(zh="地址", en="Address")),
        Column("notices", Text(zh="接收的通知", en="Told of"), "choice", source=noticing.named),
        Column("created_at", Text(zh="登记时间", en="Since"), "time"),
    ),
    permission="notify.told",
    edit_permission="notify.told",
    create=Form(StaffIn, staff.subscribe),
    actions=(Action("end", Text(zh="停止通知", en="Stop"), staff.end, permission="notify.told"),),
    venue_free=True,
    member=None,
    area="system",
    present=_present_staff,
    offers={"staff_notices": staff.offered},
)

RESOURCES = (CAMPAIGNS, MESSAGES, NOTICES, TEMPLATES, ANNOUNCEMENTS, BLOCKS, STAFF)


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


PANEL = Panel("today", Text(zh="今日消息", en="Messages today"), "notify.view", _today)
