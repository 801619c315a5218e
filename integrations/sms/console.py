"""What staff see: messages, replies, who wants no marketing, what the days cost."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from integrations.sms.models import SmsDay, SmsMessage, SmsOptOut, SmsReply
from integrations.sms.schemas import SmsSettings
from roost import Action, Column, Context, Panel, Resource, Text, mask_phone, unseal

STATES = {
    "queued": Text("待发送", "waiting"),
    "sending": Text("发送中", "under way"),
    "sent": Text("已提交", "sent"),
    "delivered": Text("已送达", "delivered"),
    "failed": Text("未送达", "not delivered"),
    "refused": Text("被拒绝", "refused"),
    "unknown": Text("结果未知", "unknown"),
    "expired": Text("已过期", "too late"),
}
COMPANIES = {"tencent": Text("腾讯云", "Tencent"), "aliyun": Text("阿里云", "Aliyun")}
REASONS = {
    "too_often": Text("频率限制", "too often"),
    "bad_number": Text("号码无效", "bad number"),
    "blocked": Text("黑名单/已退订", "on a black list"),
    "closed_hours": Text("非营销时段", "outside marketing hours"),
    "bad_content": Text("含敏感词", "word not allowed"),
    "bad_template": Text("模板错误", "bad template"),
    "bad_sign": Text("签名错误", "bad signature"),
    "balance": Text("余额或额度不足", "no balance or quota"),
    "credentials": Text("密钥或配置错误", "credentials or settings"),
    "busy": Text("服务商繁忙", "provider busy"),
    "unreachable": Text("无法连接", "unreachable"),
    "refused": Text("其他", "other"),
}
HOW = {"reply": Text("回复退订", "by reply"), "provider": Text("运营商黑名单", "black list")}
PHONE, MEMBER = Text("手机号", "Phone"), Text("会员", "Member")
VENUE = Text("门店", "Venue")
COST = Text("费用", "Cost")
WEEK = timedelta(days=7)


def _masked(ctx: Context, row: Any) -> str:
    return mask_phone(unseal(ctx, "phone", row.phone)) if row.phone is not None else ""


def _phones(ctx: Context, rows: Sequence[Any]) -> Sequence[Any]:
    return [{"phone": _masked(ctx, row)} for row in rows]


def _replies(ctx: Context, rows: Sequence[Any]) -> Sequence[Any]:
    return [
        {"phone": _masked(ctx, row), "text": unseal(ctx, "text", row.text) if row.text is not None else ""}
        for row in rows
    ]


def lift(ctx: Context, opt_out: UUID, body: None = None) -> None:
    """Let marketing go to a phone again: its owner asked for it, and staff say so."""
    SmsOptOut.scoped(ctx).get(SmsOptOut.id == opt_out)
    SmsOptOut.scoped(ctx).delete().where(SmsOptOut.id == opt_out).execute()


PURPOSES = {
    "login": Text("登录验证码", "Login code"),
    "change_phone": Text("换绑手机号验证码", "Code to change the phone"),
}


def _purposes(ctx: Context) -> list[tuple[str, Text | str]]:
    """Return what texts are sent for: the codes that Roost sends, and the names of templates."""
    own = ctx.settings(SmsSettings).templates
    return [*PURPOSES.items(), *((name, name) for name in sorted(own) if name not in PURPOSES)]


messages = Resource(
    name="messages",
    title=Text("短信记录", "Text messages"),
    model=SmsMessage,
    columns=(
        Column("created_at", Text("时间", "At"), "time", filter=True),
        Column("phone", PHONE, "phone"),
        Column("member", MEMBER, "member", filter=True),
        Column("venue", VENUE, "venue", filter=True, list=False),
        Column("purpose", Text("用途", "Purpose"), "choice", source=_purposes, filter=True),
        Column("marketing", Text("营销", "Marketing"), "bool", filter=True, list=False),
        Column("state", Text("状态", "State"), "choice", choices=STATES, filter=True),
        Column("provider", Text("服务商", "Provider"), "choice", choices=COMPANIES, filter=True),
        Column("reason", Text("原因", "Reason"), "choice", choices=REASONS, filter=True),
        Column("code", Text("返回码", "Code"), filter=True),
        Column("note", Text("说明", "Note"), list=False),
        Column("template", Text("模板", "Template"), list=False),
        Column("segments", Text("计费条数", "Segments"), "int", list=False),
        Column("cost_fen", COST, "fen"),
        Column("sent_at", Text("提交时间", "Sent"), "time", list=False),
        Column("settled_at", Text("回执时间", "Receipt"), "time", list=False),
    ),
    permission="sms.view",
    export_permission="sms.view",
    venue="venue",
    present=_phones,
)

replies = Resource(
    name="replies",
    title=Text("短信回复", "Replies"),
    model=SmsReply,
    columns=(
        Column("received_at", Text("时间", "At"), "time", filter=True),
        Column("phone", PHONE, "phone"),
        Column("member", MEMBER, "member", filter=True),
        Column("venue", VENUE, "venue", filter=True, list=False),
        Column("text", Text("内容", "Text")),
        Column("unsubscribe", Text("退订", "Unsubscribes"), "bool", filter=True),
    ),
    permission="sms.view",
    venue="venue",
    present=_replies,
)

opt_outs = Resource(
    name="opt-outs",
    title=Text("营销退订", "No marketing"),
    model=SmsOptOut,
    columns=(
        Column("since", Text("时间", "Since"), "time", filter=True),
        Column("phone", PHONE, "phone"),
        Column("member", MEMBER, "member", filter=True),
        Column("venue", VENUE, "venue", filter=True, list=False),
        Column("how", Text("来源", "How"), "choice", choices=HOW, filter=True),
    ),
    permission="sms.view",
    actions=(Action("lift", Text("恢复营销短信", "Allow marketing again"), lift, "sms.manage", reason=True),),
    venue="venue",
    present=_phones,
)

days = Resource(
    name="days",
    title=Text("短信费用", "Cost of text messages"),
    model=SmsDay,
    columns=(
        Column("day", Text("日期", "Day"), "date", filter=True),
        Column("messages", Text("条数", "Messages"), "int"),
        Column("cost_fen", COST, "fen"),
    ),
    permission="sms.view",
    export_permission="sms.view",
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


spend = Panel("spend", Text("短信", "Text messages"), "sms.view", figures)
