"""What staff see and do: the visits, a form to add one, and today's figures."""

from plugins.visits import counter
from plugins.visits.models import VisitsVisit
from plugins.visits.schemas import VisitForm, VisitRow
from roost import Column, Form, Panel, Resource, Text

visits = Resource(
    name="records",
    title=Text(zh="到店记录", en="Visits"),
    model=VisitsVisit,
    reply=VisitRow,
    columns=(
        Column("occurred_at", Text(zh="到店时间", en="Came"), "time"),
        Column("day", Text(zh="日期", en="Day"), "date", filter=True),
        Column("member", Text(zh="会员", en="Member"), "member", filter=True),
        Column("venue", Text(zh="门店", en="Venue"), "venue", filter=True),
        Column("points", Text(zh="所得积分", en="Points"), "points"),
        Column("growth", Text(zh="所得成长值", en="Growth"), "int", list=False),
        Column("source", Text(zh="来源", en="Source"), "choice", source="entry_sources", filter=True),
        Column("source_key", Text(zh="编号", en="Number"), filter=True, page=False),
        Column(
            "origin",
            Text(zh="写入方式", en="Origin"),
            "choice",
            choices={
                "live": Text(zh="实时", en="live"),
                "import": Text(zh="导入", en="import"),
                "replay": Text(zh="重放", en="replay"),
            },
            list=False,
        ),
        Column("recorded_at", Text(zh="记录时间", en="Recorded"), "time", list=False),
    ),
    permission="visits.view",
    edit_permission="visits.record",
    export_permission="visits.export",
    create=Form(VisitForm, counter.enter_by_form),
    venue="venue",
)

today = Panel("today", Text(zh="今日到店", en="Visits today"), "visits.view", counter.figures_of_today)
