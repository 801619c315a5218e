"""What staff see: messages, replies, who wants no marketing, what the days cost."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from integrations.sms.models import SmsDay, SmsMessage, SmsOptOut, SmsReply
from integrations.sms.schemas import DayRow, MessageRow, OptOutRow, ReplyRow, SmsSettings
from roost import Action, Column, Context, Panel, Resource, Text, mask_phone, unseal

STATES = {
    "queued": Text(zh="待发送", en="waiting"),
    "sending": Text(zh="发送中", en="under way"),
    "sent": Text(zh="已提交", en="sent"),
    "delivered": Text(zh="已送达", en="delivered"),
    "failed": Text(zh="未送达", en="not delivered"),
    "refused": Text(zh="被拒绝", en="refused"),
    "unknown": Text(zh="结果未知", en="unknown"),
    "expired": Text(zh="已过期", en="too late"),
}
COMPANIES = {"tencent": Text(zh="腾讯云", en="Tencent"), "aliyun": Text(zh="阿里云", en="Aliyun")}
REASONS = {
    "too_often": Text(zh="频率限制", en="too often"),
    "bad_number": Text(zh="号码无效", en="bad number"),
    "blocked": Text(zh="黑名单/已退订", en="on a black list"),
    "closed_hours": Text(zh="非营销时段", en="outside marketing hours"),
    "bad_content": Text(zh="含敏感词", en="word not allowed"),
    "bad_template": Text(zh="模板错误", en="bad template"),
    "bad_sign": Text(zh="签名错误", en="bad signature"),
    "balance": Text(zh="余额或额度不足", en="no balance or quota"),
    "credentials": Text(zh="密钥或配置错误", en="credentials or settings"),
    "busy": Text(zh="服务商繁忙", en="provider busy"),
    "unreachable": Text(zh="无法连接", en="unreachable"),
    "refused": Text(zh="其他", en="other"),
}
HOW = {"reply": Text(zh="回复退订", en="by reply"), "provider": Text(zh="运营商黑名单", en="black list")}
PHONE, MEMBER = Text(zh="手机号", en="Phone"), Text(zh="会员", en="Member")
VENUE = Text(zh="门店", en="Venue")
COST = Text(zh="费用", en="Cost")
WEEK = timedelta(days=7)


def _masked(ctx: Context, row: Any) -> str:
    return mask_phone(unseal(ctx, "phone", row.phone)) if row.phone is not None else ""


def _messages(ctx: Context, rows: Sequence[Any]) -> Sequence[MessageRow]:
    return [MessageRow.model_validate({**_plain(row, MessageRow), "phone": _masked(ctx, row)}) for row in rows]


def _replies(ctx: Context, rows: Sequence[Any]) -> Sequence[ReplyRow]:
    return [
        ReplyRow.model_validate(
            {
                **_plain(row, ReplyRow),
                "phone": _masked(ctx, row),
                "text": unseal(ctx, "text", row.text) if row.text is not None else "",
            }
        )
        for row in rows
    ]


def _opt_outs(ctx: Context, rows: Sequence[Any]) -> Sequence[OptOutRow]:
    return [OptOutRow.model_validate({**_plain(row, OptOutRow), "phone": _masked(ctx, row)}) for row in rows]


def _plain(row: Any, model: type[Any]) -> dict[str, Any]:
    """Return a row's values but for those that are sealed."""
    return {name: getattr(row, name) for name in model.model_fields if name not in ("phone", "text")}


def lift(ctx: Context, opt_out: UUID, body: None = None) -> None:
    """Let marketing go to a phone again: its owner asked for it, and staff say so."""
    SmsOptOut.scoped(ctx).get(SmsOptOut.id == opt_out)
    SmsOptOut.scoped(ctx).delete().where(SmsOptOut.id == opt_out).execute()


PURPOSES = {
    "login": Text(zh="登录验证码", en="Login code"),
    "change_phone": Text(zh="换绑手机号验证码", en="Code to change the phone"),
}


def _purposes(ctx: Context) -> list[tuple[str, Text | str]]:
    """Return what texts are sent for: the codes that Roost sends, and the names of templates."""
    own = ctx.settings(SmsSettings).templates
    return [*PURPOSES.items(), *((name, name) for name in sorted(own) if name not in PURPOSES)]


messages = Resource(
    name="messages",
    title=Text(zh="短信记录", en="Text messages"),
    model=SmsMessage,
    reply=MessageRow,
    columns=(
        Column("created_at", Text(zh="时间", en="At"), "time", filter=True),
        Column("phone", PHONE, "phone"),
        Column("member", MEMBER, "member", filter=True),
        Column("venue", VENUE, "venue", filter=True, list=False),
        Column("purpose", Text(zh="用途", en="Purpose"), "choice", source=_purposes, filter=True),
        Column("marketing", Text(zh="营销", en="Marketing"), "bool", filter=True, list=False),
        Column("state", Text(zh="状态", en="State"), "choice", choices=STATES, filter=True),
        Column("provider", Text(zh="服务商", en="Provider"), "choice", choices=COMPANIES, filter=True),
        Column("reason", Text(zh="原因", en="Reason"), "choice", choices=REASONS, filter=True),
        Column("code", Text(zh="返回码", en="Code"), filter=True),
        Column("note", Text(zh="说明", en="Note"), list=False),
        Column("template", Text(zh="模板", en="Template"), list=False),
        Column("segments", Text(zh="计费条数", en="Segments"), "int", list=False),
        Column("cost_fen", COST, "fen"),
        Column("sent_at", Text(zh="提交时间", en="Sent"), "time", list=False),
        Column("settled_at", Text(zh="回执时间", en="Receipt"), "time", list=False),
    ),
    permission="sms.view",
    export_permission="sms.view",
    venue="venue",
    present=_messages,
)

replies = Resource(
    name="replies",
    title=Text(zh="短信回复", en="Replies"),
    model=SmsReply,
    reply=ReplyRow,
    columns=(
        Column("received_at", Text(zh="时间", en="At"), "time", filter=True),
        Column("phone", PHONE, "phone"),
        Column("member", MEMBER, "member", filter=True),
        Column("venue", VENUE, "venue", filter=True, list=False),
        Column("text", Text(zh="内容", en="Text")),
        Column("unsubscribe", Text(zh="退订", en="Unsubscribes"), "bool", filter=True),
    ),
    permission="sms.view",
    venue="venue",
    present=_replies,
)

opt_outs = Resource(
    name="opt-outs",
    title=Text(zh="营销退订", en="No marketing"),
    model=SmsOptOut,
    reply=OptOutRow,
    columns=(
        Column("since", Text(zh="时间", en="Since"), "time", filter=True),
        Column("phone", PHONE, "phone"),
        Column("member", MEMBER, "member", filter=True),
        Column("venue", VENUE, "venue", filter=True, list=False),
        Column("how", Text(zh="来源", en="How"), "choice", choices=HOW, filter=True),
    ),
    permission="sms.view",
    actions=(Action("lift", Text(zh="恢复营销短信", en="Allow marketing again"), lift, "sms.manage", reason=True),),
    venue="venue",
    present=_opt_outs,
)

days = Resource(
    name="days",
    title=Text(zh="短信费用", en="Cost of text messages"),
    model=SmsDay,
    reply=DayRow,
    columns=(
        Column("day", Text(zh="日期", en="Day"), "date", filter=True),
        Column("messages", Text(zh="条数", en="Messages"), "int"),
        Column("cost_fen", COST, "fen"),
    ),
    permission="sms.view",
    export_permission="sms.view",
    member=None,
    venue_free=True,
)


def figures(ctx: Context) -> list[tuple[str, str]]:
    """Return the dashboard's figures: what today and the last seven days cost, and what went wrong in them."""
    today, settings = ctx.today(), ctx.settings(SmsSettings)
    rows = list(SmsDay.scoped(ctx).select().where(SmsDay.day > today - WEEK).order_by(SmsDay.day))
    spent = sum(row.cost_fen for row in rows if row.day == today)
    told = [
        ("今日费用 / 上限（元）", f"{_yuan(spent)} / {_yuan(settings.daily_spend_fen)}"),
        ("近 7 日费用（元）", _yuan(sum(row.cost_fen for row in rows))),
        ("近 7 日条数", str(sum(row.messages for row in rows))),
    ]
    since = ctx.now() - WEEK
    for title, states in (("未送达或被拒绝", ("failed", "refused")), ("结果未知", ("unknown",))):
        wrong = SmsMessage.scoped(ctx).select().where(SmsMessage.created_at > since, SmsMessage.state.in_(states))
        told.append((f"近 7 日{title}", str(wrong.count())))
    return told


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


spend = Panel("spend", Text(zh="短信", en="Text messages"), "sms.view", figures)
