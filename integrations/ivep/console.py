"""What staff work with: coaches, relations and whom they wait for, events, lists, and the figures."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from peewee import fn

from integrations import qinniao
from integrations.ivep import reading, service
from integrations.ivep.inbox import INBOX
from integrations.ivep.models import IvepCoach, IvepCursor, IvepEvent, IvepRelation
from integrations.ivep.schemas import NewRun
from roost import Action, Column, Context, Form, Panel, Resource, Text

EVENTS = {
    "coach.assigned": Text("分配教练", "Coach assigned"),
    "coach.released": Text("解除教练", "Coach released"),
    "coach.updated": Text("教练更新", "Coach updated"),
}
RELATION_STATES = {
    "matched": Text("已匹配", "matched"),
    "waiting": Text("待匹配", "unmatched"),
    "failed": Text("失败", "failed"),
    "erased": Text("已注销", "erased"),
}
KINDS = {"coaches": Text("教练", "coaches"), "relations": Text("教练关系", "relations")}
SOURCES = {"ivep": Text("IVEP", "IVEP"), "saas": Text("SaaS", "SaaS")}
MEMBER, VENUE, COACH = Text("会员", "Member"), Text("门店", "Venue"), Text("教练", "Coach")
STATE, NOTE = Text("状态", "State"), Text("说明", "Note")
NUMBER, CHANGED = Text("编号", "Number"), Text("更新", "Changed")
RETRY = Text("重试", "Try again")


def _waits(row: Any) -> bool:  # Any: a row
    return row.state in ("waiting", "failed")


def present_relations(ctx: Context, rows: Sequence[Any]) -> Sequence[Any]:
    names = service.names_of(ctx, [row.coach for row in rows if row.coach])
    return [{"coach_name": names.get(row.coach, "")} for row in rows]


coaches = Resource(
    name="coaches",
    title=Text("教练", "Coaches"),
    model=IvepCoach,
    columns=(
        Column("number", NUMBER, filter=True),
        Column("name", Text("姓名", "Name"), filter=True),
        Column("title", Text("头衔", "Title")),
        Column("venue", VENUE, "venue", filter=True),
        Column("gone", Text("已离职", "Gone"), "bool", filter=True),
        Column("picture", Text("照片", "Picture"), list=False),
        Column("changed_at", CHANGED, "time"),
    ),
    permission="ivep.view",
    export_permission="ivep.view",
    venue="venue",
)

relations = Resource(
    name="relations",
    title=Text("教练关系", "Coaches and members"),
    model=IvepRelation,
    also=("coach",),
    columns=(
        Column("changed_at", CHANGED, "time", filter=True),
        Column("member", MEMBER, "member", filter=True),
        Column("coach_name", COACH),
        Column("assigned", Text("在教", "Assigned"), "bool", filter=True),
        Column("since", Text("自", "Since"), "time"),
        Column("venue", VENUE, "venue", filter=True),
        Column("state", STATE, "choice", choices=RELATION_STATES, filter=True),
        Column("note", NOTE),
        Column("member_number", Text("SaaS 会员号", "Member number"), filter=True),
        Column("number", NUMBER, filter=True, list=False),
        Column("source", Text("来源", "Told by"), "choice", choices=SOURCES, filter=True, list=False),
        Column("version", Text("版本", "Version"), "int", list=False),
        Column("told_at", Text("对方更新时间", "Changed there"), "time", list=False),
    ),
    permission="ivep.view",
    export_permission="ivep.view",
    actions=(Action("retry", RETRY, reading.retry, "ivep.retry", shown=_waits),),
    venue="venue",
    present=present_relations,
)

events = Resource(
    name="events",
    title=Text("IVEP 推送记录", "Events of IVEP"),
    model=IvepEvent,
    columns=(
        *qinniao.columns_of_pushes(EVENTS),
        Column("number", NUMBER, filter=True),
    ),
    permission="ivep.view",
    actions=(Action("retry", RETRY, INBOX.retry, "ivep.retry", shown=INBOX.is_open),),
    venue="venue",
)

lists = Resource(
    name="lists",
    title=Text("IVEP 对账", "Reconciliation with IVEP"),
    model=IvepCursor,
    columns=qinniao.columns_of_lists(KINDS),
    permission="ivep.view",
    edit_permission="ivep.retry",
    create=Form(NewRun, reading.begin),
    actions=(Action("run", Text("立即对账", "Reconcile now"), reading.run),),
    venue_free=True,
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


panel = Panel("coaches", Text("教练系统对接", "Coach link"), "ivep.view", figures)
