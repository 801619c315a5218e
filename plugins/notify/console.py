"""What staff set: notices, templates and announcements, who wants no marketing, and where staff are told."""

from collections.abc import Sequence
from typing import Any, Literal

from plugins.notify import announcements, blocking, noticing, staff, templating
from plugins.notify.models import (
    NotifyAnnouncement,
    NotifyBlock,
    NotifyNotice,
    NotifyStaff,
    NotifyTemplate,
)
from plugins.notify.preferences import shown
from plugins.notify.staff_schemas import (
    AnnouncementIn,
    BlockIn,
    NoticeEdit,
    StaffIn,
    TemplateIn,
)
from roost import (
    Action,
    Column,
    Context,
    Form,
    Resource,
    Text,
    identity,
    unseal,
)

LOCALES = {"zh": Text("中文", "Chinese"), "en": Text("英文", "English")}

SOURCES = {
    "link": Text("退订链接", "link"),
    "reply": Text("短信回复", "reply"),
    "staff": Text("员工登记", "staff"),
}


def _present_notices(ctx: Context, rows: Sequence[NotifyNotice]) -> Sequence[Any]:
    offered, english = noticing.offered(ctx), ctx.locale.startswith("en")
    told = []
    for row in rows:
        notice = offered[row.fact][1] if row.fact in offered else None
        locale = "en" if english else "zh"
        told.append(
            {
                "name": notice.title.in_(locale) if notice else row.fact,
                "usual": notice.text.in_(locale) if notice else "",
                "values": " ".join(f"{{{v}}}" for v in sorted(noticing.values_of(notice))) if notice else "",
            }
        )
    return told


def _present_blocks(ctx: Context, rows: Sequence[NotifyBlock]) -> Sequence[Any]:
    return [{"address": shown(row.channel, unseal(ctx, "address", row.address))} for row in rows]


def _present_staff(ctx: Context, rows: Sequence[NotifyStaff]) -> Sequence[Any]:
    return [{"address": shown(row.channel, unseal(ctx, "staff_address", row.staff_address))} for row in rows]


def _accounts(ctx: Context) -> Sequence[tuple[Any, Text | str]]:
    return [(row.id, row.name) for row in identity.Staff.scoped(ctx).select().order_by(identity.Staff.username)]


NOTICES = Resource(
    name="notices",
    title=Text("通知", "Notices"),
    model=NotifyNotice,
    columns=(
        Column("name", Text("通知", "Notice")),
        Column("group", Text("功能", "Feature"), "choice", source="plugins", filter=True),
        Column("enabled", Text("启用", "On"), "bool", filter=True),
        Column("channels", Text("渠道", "Channels"), "choice", source="message_channels"),
        Column("usual", Text("默认内容", "Usual words"), list=False),
        Column("values", Text("可用变量", "Placeholders"), list=False),
        Column("title_zh", Text("中文标题", "Title in Chinese"), list=False),
        Column("title_en", Text("英文标题", "Title in English"), list=False),
        Column("text_zh", Text("中文内容", "Text in Chinese"), list=False),
        Column("text_en", Text("英文内容", "Text in English"), list=False),
        Column("fact", Text("编码", "Code"), filter=True, page=False),
    ),
    permission="notify.texts",
    edit=Form(NoticeEdit, noticing.edit),
    venue_free=True,
    present=_present_notices,
)


TEMPLATES = Resource(
    name="templates",
    title=Text("服务商模板", "Providers' templates"),
    model=NotifyTemplate,
    columns=(
        Column("code", Text("通知或群发编码", "Notice or campaign"), filter=True),
        Column("channel", Text("渠道", "Channel"), "choice", source="message_channels", filter=True),
        Column("locale", Text("语言", "Language"), "choice", choices=LOCALES, filter=True, type=Literal["zh", "en"]),
        Column("template", Text("模板编号", "Template")),
        Column("params", Text("参数对应", "Values"), list=False, type=dict[str, str]),
    ),
    permission="notify.texts",
    create=Form(TemplateIn, templating.add),
    edit=Form(TemplateIn, templating.edit),
    actions=(Action("remove", Text("删除", "Remove"), templating.remove),),
    venue_free=True,
)


ANNOUNCEMENTS = Resource(
    name="announcements",
    area="content",
    title=Text("公告", "Announcements"),
    model=NotifyAnnouncement,
    also=("link",),
    columns=(
        Column("title_zh", Text("中文标题", "Title in Chinese")),
        Column("title_en", Text("英文标题", "Title in English"), list=False),
        Column("text_zh", Text("中文内容", "Text in Chinese"), list=False),
        Column("text_en", Text("英文内容", "Text in English"), list=False),
        Column("venue", Text("门店", "Venue"), "venue", filter=True),
        Column("starts_at", Text("开始", "From"), "time", filter=True),
        Column("ends_at", Text("结束", "Until"), "time", filter=True),
    ),
    permission="notify.announce",
    create=Form(AnnouncementIn, announcements.announce),
    edit=Form(AnnouncementIn, announcements.edit),
    actions=(Action("take_down", Text("撤下", "Take down"), announcements.take_down),),
    venue="venue",
)


BLOCKS = Resource(
    name="blocks",
    title=Text("退订名单", "Want no marketing"),
    model=NotifyBlock,
    columns=(
        Column("channel", Text("渠道", "Channel"), "choice", source="message_channels", filter=True),
        Column("address", Text("地址", "Address")),
        Column("source", Text("来源", "Source"), "choice", choices=SOURCES, filter=True),
        Column("created_at", Text("时间", "At"), "time", filter=True),
    ),
    permission="notify.block",
    create=Form(BlockIn, blocking.add),
    actions=(Action("lift", Text("移出", "Lift"), blocking.lift, reason=True),),
    venue_free=True,
    present=_present_blocks,
)


STAFF = Resource(
    name="staff",
    title=Text("员工通知", "Staff are told"),
    model=NotifyStaff,
    columns=(
        Column("account", Text("员工", "Staff"), "choice", source=_accounts, filter=True),
        Column("channel", Text("渠道", "Channel"), "choice", source="message_channels", filter=True),
        Column("address", Text("地址", "Address")),
        Column("notices", Text("接收的通知", "Told of"), "choice", source=noticing.named),
        Column("created_at", Text("登记时间", "Since"), "time"),
    ),
    permission="notify.told",
    create=Form(StaffIn, staff.subscribe),
    actions=(Action("end", Text("停止通知", "Stop"), staff.end),),
    venue_free=True,
    area="system",
    present=_present_staff,
    offers={"staff_notices": staff.offered},
)

RESOURCES = (NOTICES, TEMPLATES, ANNOUNCEMENTS, BLOCKS, STAFF)
