"""The SaaS desk: leads, events, objects that wait, lists, servers, retries, and the lag."""

from typing import Any

from integrations.qinniao import circuit, desk, inbox, leads, reconcile
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
    CircuitRow,
    Conversion,
    EventRow,
    LeadRow,
    ListRow,
    NewLead,
    NewRetry,
    NewRun,
    ObjectRow,
    RetryRow,
)
from roost import Action, Column, Form, Panel, Resource, Text

EVENTS = {
    "lead.created": Text(zh="新潜客", en="Lead created"),
    "member.converted": Text(zh="转为会员", en="Became a member"),
    "member.updated": Text(zh="会籍更新", en="Member updated"),
    "card.opened": Text(zh="开卡", en="Card opened"),
    "card.renewed": Text(zh="续卡", en="Card renewed"),
    "card.frozen": Text(zh="停卡", en="Card frozen"),
    "card.expired": Text(zh="卡到期", en="Card expired"),
    "card.refunded": Text(zh="退卡", en="Card refunded"),
    "order.paid": Text(zh="订单支付", en="Order paid"),
    "order.refunded": Text(zh="订单退款", en="Order refunded"),
    "checkin.created": Text(zh="到店", en="Gate scan"),
    "booking.created": Text(zh="预约", en="Booked"),
    "booking.cancelled": Text(zh="取消预约", en="Booking cancelled"),
    "booking.attended": Text(zh="预约到课", en="Booking attended"),
    "coach.assigned": Text(zh="分配教练", en="Coach assigned"),
    "coach.released": Text(zh="解除教练", en="Coach released"),
}
LEAD_STATES = {
    "pending": Text(zh="待推送", en="pending"),
    "matched": Text(zh="已匹配", en="matched"),
    "pushed": Text(zh="已推送", en="pushed"),
    "failed": Text(zh="失败", en="failed"),
}
EVENT_STATES = {
    "received": Text(zh="待处理", en="received"),
    "done": Text(zh="已处理", en="done"),
    "stale": Text(zh="已过时", en="superseded"),
    "waiting": Text(zh="待匹配", en="unmatched"),
    "stored": Text(zh="仅存档", en="stored only"),
    "ignored": Text(zh="已忽略", en="ignored"),
    "failed": Text(zh="失败", en="failed"),
}
OBJECT_STATES = {
    "unknown": Text(zh="未收到", en="not told"),
    "applied": Text(zh="已同步", en="taken over"),
    "waiting": Text(zh="待匹配", en="unmatched"),
    "failed": Text(zh="失败", en="failed"),
    "erased": Text(zh="已注销", en="erased"),
}
KINDS = {
    "members": Text(zh="会籍", en="member"),
    "cards": Text(zh="卡", en="card"),
    "orders": Text(zh="订单", en="order"),
    "refunds": Text(zh="退款", en="refund"),
    "checkins": Text(zh="到店", en="gate scan"),
    "bookings": Text(zh="预约", en="booking"),
    "coaches": Text(zh="教练关系", en="coach relation"),
    "leads": Text(zh="潜客", en="lead"),
    "classes": Text(zh="课程", en="class"),
    "staff": Text(zh="员工", en="staff"),
    "stores": Text(zh="门店", en="store"),
}
LIST_STATES = {
    "idle": Text(zh="空闲", en="idle"),
    "running": Text(zh="进行中", en="running"),
    "failed": Text(zh="失败", en="failed"),
}
CIRCUIT_STATES = {
    "closed": Text(zh="正常", en="working"),
    "open": Text(zh="熔断", en="not asked for a while"),
    "half-open": Text(zh="试探", en="being tried"),
}
WHAT = {
    "leads": Text(zh="潜客", en="leads"),
    "events": Text(zh="推送", en="events"),
    "records": Text(zh="记录", en="records"),
}
RETRY_STATES = {"running": Text(zh="进行中", en="running"), "done": Text(zh="完成", en="done")}
HOW = {
    "push": Text(zh="推送", en="push"),
    "pull": Text(zh="对账", en="reconciliation"),
    "match": Text(zh="匹配", en="match"),
    "csv": Text(zh="导入", en="import"),
    "staff": Text(zh="人工", en="by hand"),
}
MEMBER, VENUE = Text(zh="会员", en="Member"), Text(zh="门店", en="Venue")
STATE, NOTE = Text(zh="状态", en="State"), Text(zh="说明", en="Note")
RETRY = Text(zh="重试", en="Try again")


def _unfinished(row: Any) -> bool:  # Any: a row
    return row.state in ("pending", "failed")


def _open(row: Any) -> bool:
    return row.state in inbox.OPEN


def _waits(row: Any) -> bool:
    return row.state in ("waiting", "failed")


people = Resource(
    name="leads",
    title=Text(zh="潜客推送", en="Leads to the SaaS"),
    model=QinniaoLead,
    reply=LeadRow,
    columns=(
        Column("created_at", Text(zh="注册", en="Since"), "time", filter=True),
        Column("member", MEMBER, "member", filter=True),
        Column("venue", VENUE, "venue", filter=True),
        Column("state", STATE, "choice", choices=LEAD_STATES, filter=True),
        Column("error", NOTE),
        Column("tries", Text(zh="失败次数", en="Failures"), "int"),
        Column("converted_at", Text(zh="转会员", en="Converted"), "time", filter=True),
        Column("conversion_lag", Text(zh="延迟（秒）", en="Lag (s)"), "int"),
        Column("late", Text(zh="延迟转会员", en="Late"), "bool", filter=True),
        Column("converted_by", Text(zh="转化来源", en="Heard by"), "choice", choices=HOW, filter=True),
        Column("saas_lead", Text(zh="SaaS 潜客号", en="Lead number"), list=False),
        Column("saas_member", Text(zh="SaaS 会员号", en="Member number"), filter=True),
        Column("proof", Text(zh="凭证", en="Proof"), list=False),
        Column("attachment", Text(zh="附件", en="Attachment"), list=False),
        Column("changed_at", Text(zh="更新", en="Changed"), "time", list=False),
    ),
    permission="qinniao.view",
    edit_permission="qinniao.retry",
    export_permission="qinniao.view",
    create=Form(NewLead, leads.add),
    actions=(
        Action("retry", RETRY, leads.retry, "qinniao.retry", shown=_unfinished),
        Action(
            "convert",
            Text(zh="人工转会员", en="Convert by hand"),
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
    title=Text(zh="SaaS 推送记录", en="Events of the SaaS"),
    model=QinniaoEvent,
    reply=EventRow,
    columns=(
        Column("received_at", Text(zh="收到", en="Received"), "time", filter=True),
        Column("event_type", Text(zh="事件", en="Event"), "choice", choices=EVENTS, filter=True),
        Column("member", MEMBER, "member", filter=True),
        Column("venue", VENUE, "venue", filter=True),
        Column("state", STATE, "choice", choices=EVENT_STATES, filter=True),
        Column("note", NOTE),
        Column("occurred_at", Text(zh="发生", en="Occurred"), "time"),
        Column("processed_at", Text(zh="处理", en="Processed"), "time", list=False),
        Column("event_id", Text(zh="事件号", en="Event id"), filter=True, list=False),
        Column("saas_id", Text(zh="SaaS 编号", en="Number"), filter=True),
    ),
    permission="qinniao.view",
    actions=(Action("retry", RETRY, inbox.retry, "qinniao.retry", shown=_open),),
    venue="venue",
)

objects = Resource(
    name="records",
    title=Text(zh="SaaS 记录", en="Records of the SaaS"),
    model=QinniaoObject,
    reply=ObjectRow,
    columns=(
        Column("changed_at", Text(zh="更新", en="Changed"), "time", filter=True),
        Column("kind", Text(zh="类型", en="Kind"), "choice", choices=KINDS, filter=True),
        Column("saas_id", Text(zh="SaaS 编号", en="Number"), filter=True),
        Column("owner", Text(zh="SaaS 会员号", en="Member number"), filter=True),
        Column("phone", Text(zh="手机号", en="Phone"), "phone"),
        Column("member", MEMBER, "member", filter=True),
        Column("venue", VENUE, "venue", filter=True),
        Column("state", STATE, "choice", choices=OBJECT_STATES, filter=True),
        Column("note", NOTE),
        Column("version", Text(zh="版本", en="Version"), "int", list=False),
        Column("told_at", Text(zh="SaaS 更新时间", en="Changed there"), "time", list=False),
    ),
    permission="qinniao.view",
    actions=(
        Action("retry", RETRY, desk.retry_object, "qinniao.retry", shown=_waits),
        Action(
            "assign",
            Text(zh="关联会员", en="Assign to a member"),
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
    title=Text(zh="SaaS 对账", en="Reconciliation with the SaaS"),
    model=QinniaoCursor,
    reply=ListRow,
    columns=(
        Column("kind", Text(zh="列表", en="List"), "choice", choices=KINDS, filter=True),
        Column("state", STATE, "choice", choices=LIST_STATES, filter=True),
        Column("finished_at", Text(zh="上次完成", en="Last finished"), "time"),
        Column("items", Text(zh="条数", en="Items"), "int"),
        Column("found", Text(zh="补回", en="Found"), "int"),
        Column("rejected", Text(zh="无法识别", en="Unreadable"), "int"),
        Column("error", NOTE),
        Column("tries", Text(zh="失败次数", en="Failures"), "int", list=False),
        Column("started_on", Text(zh="开始日期", en="Started on"), "date", list=False),
    ),
    permission="qinniao.view",
    edit_permission="qinniao.retry",
    create=Form(NewRun, reconcile.begin),
    actions=(Action("run", Text(zh="立即对账", en="Reconcile now"), reconcile.run, "qinniao.retry"),),
    venue_free=True,
    member=None,
)

circuits = Resource(
    name="servers",
    title=Text(zh="SaaS 接口状态", en="Servers of the SaaS"),
    model=QinniaoCircuit,
    reply=CircuitRow,
    columns=(
        Column("target", Text(zh="地址", en="Address"), filter=True),
        Column("state", STATE, "choice", choices=CIRCUIT_STATES, filter=True),
        Column("failures", Text(zh="连续失败", en="Failures in a row"), "int"),
        Column("error", Text(zh="最近错误", en="Last error")),
        Column("opened_at", Text(zh="熔断时间", en="Stopped at"), "time"),
        Column("changed_at", Text(zh="更新", en="Changed"), "time"),
    ),
    permission="qinniao.view",
    actions=(
        Action(
            "close", Text(zh="恢复调用", en="Ask again now"), circuit.close, "qinniao.retry", shown=circuit.is_broken
        ),
    ),
    venue_free=True,
    member=None,
)

retries = Resource(
    name="retries",
    title=Text(zh="批量重试", en="All tried again"),
    model=QinniaoRetry,
    reply=RetryRow,
    columns=(
        Column("created_at", Text(zh="发起", en="Begun"), "time", filter=True),
        Column("what", Text(zh="内容", en="What"), "choice", choices=WHAT, filter=True),
        Column("state", STATE, "choice", choices=RETRY_STATES, filter=True),
        Column("found", Text(zh="条数", en="Found"), "int"),
        Column("settled", Text(zh="已解决", en="Settled"), "int"),
        Column("finished_at", Text(zh="完成", en="Finished"), "time"),
    ),
    permission="qinniao.view",
    edit_permission="qinniao.retry",
    create=Form(NewRetry, desk.retry_all),
    venue_free=True,
    member=None,
)

lag = Panel("lag", Text(zh="SaaS 对接", en="SaaS link"), "qinniao.view", desk.figures)
