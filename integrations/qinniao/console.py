"""The SaaS desk: leads, events, objects that wait, lists, servers, retries, and the lag."""

from typing import Any

from integrations.qinniao import circuit, desk, leads, reconcile
from integrations.qinniao.columns import columns_of_lists, columns_of_pushes
from integrations.qinniao.inbox import INBOX
from integrations.qinniao.models import (
    QinniaoCircuit,
    QinniaoCursor,
    QinniaoEvent,
    QinniaoLead,
    QinniaoObject,
    QinniaoRetry,
)
from integrations.qinniao.schemas import (
    Assignment,
    Conversion,
    NewLead,
    NewRetry,
    NewRun,
)
from roost import Action, Column, Form, Panel, Resource, Text

EVENTS = {
    "lead.created": Text("新潜客", "Lead created"),
    "member.converted": Text("转为会员", "Became a member"),
    "member.updated": Text("会籍更新", "Member updated"),
    "card.opened": Text("开卡", "Card opened"),
    "card.renewed": Text("续卡", "Card renewed"),
    "card.frozen": Text("停卡", "Card frozen"),
    "card.expired": Text("卡到期", "Card expired"),
    "card.refunded": Text("退卡", "Card refunded"),
    "order.paid": Text("订单支付", "Order paid"),
    "order.refunded": Text("订单退款", "Order refunded"),
    "checkin.created": Text("到店", "Gate scan"),
    "booking.created": Text("预约", "Booked"),
    "booking.cancelled": Text("取消预约", "Booking cancelled"),
    "booking.attended": Text("预约到课", "Booking attended"),
    "coach.assigned": Text("分配教练", "Coach assigned"),
    "coach.released": Text("解除教练", "Coach released"),
}
LEAD_STATES = {
    "pending": Text("待推送", "pending"),
    "matched": Text("已匹配", "matched"),
    "pushed": Text("已推送", "pushed"),
    "failed": Text("失败", "failed"),
}
OBJECT_STATES = {
    "unknown": Text("未收到", "not told"),
    "applied": Text("已同步", "taken over"),
    "waiting": Text("待匹配", "unmatched"),
    "failed": Text("失败", "failed"),
    "erased": Text("已注销", "erased"),
}
KINDS = {
    "members": Text("会籍", "member"),
    "cards": Text("卡", "card"),
    "orders": Text("订单", "order"),
    "refunds": Text("退款", "refund"),
    "checkins": Text("到店", "gate scan"),
    "bookings": Text("预约", "booking"),
    "coaches": Text("教练关系", "coach relation"),
    "leads": Text("潜客", "lead"),
    "classes": Text("课程", "class"),
    "staff": Text("员工", "staff"),
    "stores": Text("门店", "store"),
}
CIRCUIT_STATES = {
    "closed": Text("正常", "working"),
    "open": Text("熔断", "not asked for a while"),
    "half-open": Text("试探", "being tried"),
}
WHAT = {
    "leads": Text("潜客", "leads"),
    "events": Text("推送", "events"),
    "records": Text("记录", "records"),
}
RETRY_STATES = {"running": Text("进行中", "running"), "done": Text("完成", "done")}
HOW = {
    "push": Text("推送", "push"),
    "pull": Text("对账", "reconciliation"),
    "match": Text("匹配", "match"),
    "csv": Text("导入", "import"),
    "staff": Text("人工", "by hand"),
}
MEMBER, VENUE = Text("会员", "Member"), Text("门店", "Venue")
STATE, NOTE = Text("状态", "State"), Text("说明", "Note")
RETRY = Text("重试", "Try again")


def _unfinished(row: Any) -> bool:  # Any: a row
    return row.state in ("pending", "failed")


def _waits(row: Any) -> bool:
    return row.state in ("waiting", "failed")


people = Resource(
    name="leads",
    title=Text("潜客推送", "Leads to the SaaS"),
    model=QinniaoLead,
    columns=(
        Column("created_at", Text("注册", "Since"), "time", filter=True),
        Column("member", MEMBER, "member", filter=True),
        Column("venue", VENUE, "venue", filter=True),
        Column("state", STATE, "choice", choices=LEAD_STATES, filter=True),
        Column("error", NOTE),
        Column("tries", Text("失败次数", "Failures"), "int"),
        Column("converted_at", Text("转会员", "Converted"), "time", filter=True),
        Column("conversion_lag", Text("延迟（秒）", "Lag (s)"), "int"),
        Column("late", Text("延迟转会员", "Late"), "bool", filter=True),
        Column("converted_by", Text("转化来源", "Heard by"), "choice", choices=HOW, filter=True),
        Column("saas_lead", Text("SaaS 潜客号", "Lead number"), list=False),
        Column("saas_member", Text("SaaS 会员号", "Member number"), filter=True),
        Column("proof", Text("凭证", "Proof"), list=False),
        Column("attachment", Text("附件", "Attachment"), list=False),
        Column("changed_at", Text("更新", "Changed"), "time", list=False),
    ),
    permission="qinniao.view",
    edit_permission="qinniao.retry",
    export_permission="qinniao.view",
    create=Form(NewLead, leads.add),
    actions=(
        Action("retry", RETRY, leads.retry, shown=_unfinished),
        Action(
            "convert",
            Text("人工转会员", "Convert by hand"),
            leads.convert,
            "qinniao.convert",
            form=Conversion,
            reason=True,
        ),
    ),
    venue="venue",
)

events = Resource(
    name="events",
    title=Text("SaaS 推送记录", "Events of the SaaS"),
    model=QinniaoEvent,
    also=("kind",),
    columns=(
        *columns_of_pushes(EVENTS),
        Column("saas_id", Text("SaaS 编号", "Number"), filter=True),
    ),
    permission="qinniao.view",
    actions=(Action("retry", RETRY, INBOX.retry, "qinniao.retry", shown=INBOX.is_open),),
    venue="venue",
)

objects = Resource(
    name="records",
    title=Text("SaaS 记录", "Records of the SaaS"),
    model=QinniaoObject,
    columns=(
        Column("changed_at", Text("更新", "Changed"), "time", filter=True),
        Column("kind", Text("类型", "Kind"), "choice", choices=KINDS, filter=True),
        Column("saas_id", Text("SaaS 编号", "Number"), filter=True),
        Column("owner", Text("SaaS 会员号", "Member number"), filter=True),
        Column("phone", Text("手机号", "Phone"), "phone"),
        Column("member", MEMBER, "member", filter=True),
        Column("venue", VENUE, "venue", filter=True),
        Column("state", STATE, "choice", choices=OBJECT_STATES, filter=True),
        Column("note", NOTE),
        Column("version", Text("版本", "Version"), "int", list=False),
        Column("told_at", Text("SaaS 更新时间", "Changed there"), "time", list=False),
    ),
    permission="qinniao.view",
    actions=(
        Action("retry", RETRY, desk.retry_object, "qinniao.retry", shown=_waits),
        Action(
            "assign",
            Text("关联会员", "Assign to a member"),
            desk.assign,
            "qinniao.convert",
            form=Assignment,
            reason=True,
            shown=_waits,
        ),
    ),
    venue="venue",
    present=desk.present_objects,
)

lists = Resource(
    name="lists",
    title=Text("SaaS 对账", "Reconciliation with the SaaS"),
    model=QinniaoCursor,
    columns=columns_of_lists(KINDS),
    permission="qinniao.view",
    edit_permission="qinniao.retry",
    create=Form(NewRun, reconcile.begin),
    actions=(Action("run", Text("立即对账", "Reconcile now"), reconcile.run),),
    venue_free=True,
)

circuits = Resource(
    name="servers",
    title=Text("SaaS 接口状态", "Servers of the SaaS"),
    model=QinniaoCircuit,
    columns=(
        Column("target", Text("地址", "Address"), filter=True),
        Column("state", STATE, "choice", choices=CIRCUIT_STATES, filter=True),
        Column("failures", Text("连续失败", "Failures in a row"), "int"),
        Column("error", Text("最近错误", "Last error")),
        Column("opened_at", Text("熔断时间", "Stopped at"), "time"),
        Column("changed_at", Text("更新", "Changed"), "time"),
    ),
    permission="qinniao.view",
    actions=(
        Action("close", Text("恢复调用", "Ask again now"), circuit.close, "qinniao.retry", shown=circuit.is_broken),
    ),
    venue_free=True,
)

retries = Resource(
    name="retries",
    title=Text("批量重试", "All tried again"),
    model=QinniaoRetry,
    columns=(
        Column("created_at", Text("发起", "Begun"), "time", filter=True),
        Column("what", Text("内容", "What"), "choice", choices=WHAT, filter=True),
        Column("state", STATE, "choice", choices=RETRY_STATES, filter=True),
        Column("found", Text("条数", "Found"), "int"),
        Column("settled", Text("已解决", "Settled"), "int"),
        Column("finished_at", Text("完成", "Finished"), "time"),
    ),
    permission="qinniao.view",
    edit_permission="qinniao.retry",
    create=Form(NewRetry, desk.retry_all),
    venue_free=True,
)

lag = Panel("lag", Text("SaaS 对接", "SaaS link"), "qinniao.view", desk.figures)
