"""What staff work with: coaches, relations and whom they wait for, events, lists, and the figures."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from peewee import fn

from integrations.ivep import inbox, reading, service
from integrations.ivep.models import IvepCoach, IvepCursor, IvepEvent, IvepRelation
from integrations.ivep.schemas import CoachRow, EventRow, ListRow, NewRun, RelationRow
from roost import Action, Column, Context, Form, Panel, Resource, Text

EVENTS = {
    "coach.assigned": Text(zh="分配教练", en="Coach assigned"),
    "coach.released": Text(zh="解除教练", en="Coach released"),
    "coach.updated": Text(zh="教练更新", en="Coach updated"),
}
RELATION_STATES = {
    "matched": Text(zh="已匹配", en="matched"),
    "waiting": Text(zh="待匹配", en="unmatched"),
    "failed": Text(zh="失败", en="failed"),
    "erased": Text(zh="已注销", en="erased"),
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
LIST_STATES = {
    "idle": Text(zh="空闲", en="idle"),
    "running": Text(zh="进行中", en="running"),
    "failed": Text(zh="失败", en="failed"),
}
KINDS = {"coaches": Text(zh="教练", en="coaches"), "relations": Text(zh="教练关系", en="relations")}
SOURCES = {"ivep": Text(zh="IVEP", en="IVEP"), "saas": Text(zh="SaaS", en="SaaS")}
MEMBER, VENUE, COACH = Text(zh="会员", en="Member"), Text(zh="门店", en="Venue"), Text(zh="教练", en="Coach")
STATE, NOTE = Text(zh="状态", en="State"), Text(zh="说明", en="Note")
NUMBER, CHANGED = Text(zh="编号", en="Number"), Text(zh="更新", en="Changed")
RETRY = Text(zh="重试", en="Try again")


def _waits(row: Any) -> bool:  # Any: a row
    return row.state in ("waiting", "failed")


def _open(row: Any) -> bool:
    return row.state in inbox.OPEN


def present_relations(ctx: Context, rows: Sequence[Any]) -> Sequence[RelationRow]:
    """Add the coaches' names."""
    names = service.names_of(ctx, [row.coach for row in rows if row.coach])
    return [RelationRow.model_validate(row).model_copy(update={"coach_name": names.get(row.coach, "")}) for row in rows]


coaches = Resource(
    name="coaches",
    title=Text(zh="教练", en="Coaches"),
    model=IvepCoach,
    reply=CoachRow,
    columns=(
        Column("number", NUMBER, filter=True),
        Column("name", Text(zh="姓名", en="Name"), filter=True),
        Column("title", Text(zh="头衔", en="Title")),
        Column("venue", VENUE, "venue", filter=True),
        Column("gone", Text(zh="已离职", en="Gone"), "bool", filter=True),
        Column("picture", Text(zh="照片", en="Picture"), list=False),
        Column("changed_at", CHANGED, "time"),
    ),
    permission="ivep.view",
    export_permission="ivep.view",
    venue="venue",
    member=None,
)

relations = Resource(
    name="relations",
    title=Text(zh="教练关系", en="Coaches and members"),
    model=IvepRelation,
    reply=RelationRow,
    columns=(
        Column("changed_at", CHANGED, "time", filter=True),
        Column("member", MEMBER, "member", filter=True),
        Column("coach_name", COACH),
        Column("assigned", Text(zh="在教", en="Assigned"), "bool", filter=True),
        Column("since", Text(zh="自", en="Since"), "time"),
        Column("venue", VENUE, "venue", filter=True),
        Column("state", STATE, "choice", choices=RELATION_STATES, filter=True),
        Column("note", NOTE),
        Column("member_number", Text(zh="SaaS 会员号", en="Member number"), filter=True),
        Column("number", NUMBER, filter=True, list=False),
        Column("source", Text(zh="来源", en="Told by"), "choice", choices=SOURCES, filter=True, list=False),
        Column("version", Text(zh="版本", en="Version"), "int", list=False),
        Column("told_at", Text(zh="对方更新时间", en="Changed there"), "time", list=False),
    ),
    permission="ivep.view",
    export_permission="ivep.view",
    actions=(Action("retry", RETRY, reading.retry, "ivep.retry", shown=_waits),),
    venue="venue",
    present=present_relations,
)

events = Resource(
    name="events",
    title=Text(zh="IVEP 推送记录", en="Events of IVEP"),
    model=IvepEvent,
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
        Column("number", NUMBER, filter=True),
    ),
    permission="ivep.view",
    actions=(Action("retry", RETRY, inbox.retry, "ivep.retry", shown=_open),),
    venue="venue",
)

lists = Resource(
    name="lists",
    title=Text(zh="IVEP 对账", en="Reconciliation with IVEP"),
    model=IvepCursor,
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
    permission="ivep.view",
    edit_permission="ivep.retry",
    create=Form(NewRun, reading.begin),
    actions=(Action("run", Text(zh="立即对账", en="Reconcile now"), reading.run, "ivep.retry"),),
    venue_free=True,
    member=None,
)


def figures(ctx: Context) -> list[tuple[str, str]]:
    """Return how many relations hold, wait and failed, and when the lists were last read."""
    rows = IvepRelation.scoped(ctx).select(IvepRelation.state, fn.COUNT(IvepRelation.id))
    counts: dict[str, int] = dict(rows.group_by(IvepRelation.state).tuples())
    held = IvepRelation.scoped(ctx).select().where(IvepRelation.state == "matched", IvepRelation.assigned).count()
    shown = [
        ("在教关系", str(held)),
        ("待匹配 / 失败", f"{counts.get('waiting', 0)} / {counts.get('failed', 0)}"),
    ]
    for kind, state, finished_at, error in reading.Pull.states(ctx):
        shown.append((f"对账 · {KINDS[kind].zh}", f"失败：{error}" if state == "failed" else _when(ctx, finished_at)))
    return shown


def _when(ctx: Context, instant: datetime | None) -> str:
    if instant is None:
        return "—"
    minutes = int((ctx.now() - instant).total_seconds() // 60)
    return f"{minutes} 分钟前" if minutes < 120 else f"{minutes // 60} 小时前"


panel = Panel("coaches", Text(zh="教练系统对接", en="Coach link"), "ivep.view", figures)
