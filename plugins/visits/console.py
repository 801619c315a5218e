"""What staff see and do: the visits, a form to add one, and today's figures."""

from plugins.visits import counter
from plugins.visits.models import VisitsVisit
from plugins.visits.schemas import VisitForm, VisitView
from roost import Column, Form, Panel, Resource, Text

visits = Resource(
    name="records",
    title=Text("到店记录", "Visits"),
    model=VisitsVisit,
    reply=VisitView,
    columns=(
        Column("occurred_at", Text("到店时间", "Came"), "time"),
        Column("day", Text("日期", "Day"), "date", filter=True),
        Column("member", Text("会员", "Member"), "member", filter=True),
        Column("venue", Text("门店", "Venue"), "venue", filter=True),
        Column("points", Text("所得积分", "Points"), "points"),
        Column("growth", Text("所得成长值", "Growth"), "int", list=False),
        Column("source", Text("来源", "Source"), "choice", source="entry_sources", filter=True),
        Column("source_key", Text("编号", "Number"), filter=True, page=False),
        Column(
            "origin",
            Text("写入方式", "Origin"),
            "choice",
            choices={
                "live": Text("实时", "live"),
                "import": Text("导入", "import"),
                "replay": Text("重放", "replay"),
            },
            list=False,
        ),
        Column("recorded_at", Text("记录时间", "Recorded"), "time", list=False),
    ),
    permission="visits.view",
    edit_permission="visits.record",
    export_permission="visits.export",
    create=Form(VisitForm, counter.enter_by_form),
    venue="venue",
)

today = Panel("today", Text("今日到店", "Visits today"), "visits.view", counter.figures_of_today)
