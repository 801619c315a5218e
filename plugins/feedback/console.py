"""What staff work with: the cases of their venues."""

from collections.abc import Sequence
from typing import Any

from plugins.feedback import pictures, service
from plugins.feedback.models import FeedbackCase
from plugins.feedback.schemas import Compensation, FeedbackSettings, Said, StaffMessage
from plugins.feedback.words import CATEGORIES
from roost import Action, Column, Context, Panel, Resource, Text

STATES = {
    "new": Text("待受理", "new"),
    "working": Text("处理中", "working"),
    "replied": Text("已回复", "replied"),
    "solved": Text("已解决", "solved"),
    "closed": Text("已关闭", "closed"),
}


AUTHORS = {
    "member": Text("会员", "Member"),
    "staff": Text("员工", "Staff"),
    "system": Text("系统", "System"),
}
SAID = (
    Column("created_at", Text("时间", "At"), "time"),
    Column("author", Text("谁", "By"), "choice", choices=AUTHORS),
    Column("text", Text("内容", "Text")),
    Column("internal", Text("内部", "Internal"), "bool"),
)


def _open(row: Any) -> bool:  # Any: a case's row
    return row.state in service.OPEN


def present(ctx: Context, rows: Sequence[Any]) -> Sequence[Any]:
    """Add what was said to the rows, and the pictures that the account may see."""
    said = service.messages(ctx, [row.id for row in rows], internal=True)
    items = pictures.of_cases(ctx, [row.id for row in rows])
    return [{"pictures": pictures.addresses(row, items[row.id]), "messages": said[row.id]} for row in rows]


cases = Resource(
    name="cases",
    title=Text("意见反馈", "Feedback"),
    model=FeedbackCase,
    also=("handler", "solve_by"),
    permission="feedback.view",
    export_permission="feedback.view",
    venue="venue",
    present=present,
    actions=(
        Action("take", Text("受理", "Accept"), service.take, "feedback.reply", shown=lambda row: row.state == "new"),
        Action("reply", Text("回复", "Reply"), service.reply, "feedback.reply", form=Said, shown=_open),
        Action("note", Text("内部备注", "Internal note"), service.note, "feedback.reply", form=Said),
        Action("solve", Text("解决", "Solve"), service.solve, "feedback.reply", form=Said, shown=_open),
        Action(
            "compensate",
            Text("补偿积分", "Compensate"),
            service.compensate,
            "feedback.compensate",
            form=Compensation,
            reason=True,
            idempotent=True,
            approve_over=lambda body: body.points,
            limit=lambda ctx: ctx.settings(FeedbackSettings).compensation_limit,
            already=lambda ctx, row: row.compensated,  # the limit is the case's, however many steps it takes
            stands_on=("compensated",),
        ),
    ),
    columns=(
        Column("created_at", Text("时间", "At"), "time", filter=True),
        Column("venue", Text("门店", "Venue"), "venue", filter=True),
        Column("category", Text("类别", "Category"), "choice", choices=CATEGORIES, filter=True),
        Column("member", Text("会员", "Member"), "member", filter=True),
        Column("text", Text("内容", "Text")),
        Column("state", Text("状态", "State"), "choice", choices=STATES, filter=True),
        Column("escalated", Text("转总部", "Escalated"), "bool", filter=True),
        Column("reply_by", Text("须回复", "Reply by"), "time"),
        Column("score", Text("评分", "Score"), "int"),
        Column("compensated", Text("补偿", "Compensated"), "points", list=False),
        Column("pictures", Text("图片", "Pictures"), list=False, type=list[str]),
        Column("messages", Text("往来", "Messages"), "table", parts=SAID, list=False, type=list[StaffMessage]),
    ),
)


def _waiting(ctx: Context) -> Sequence[tuple[str, str]]:
    """Count what waits for staff, in the venues of the account."""
    waiting = FeedbackCase.scoped(ctx).select().where(FeedbackCase.state.in_(service.OPEN))
    waiting = waiting.where(ctx.within(FeedbackCase.venue))
    figures = (
        (Text("待回复", "To be answered"), waiting.where(FeedbackCase.reply_by.is_null(False))),
        (Text("待解决", "To be solved"), waiting),
        (Text("超时，已转总部", "Late, at head office"), waiting.where(FeedbackCase.escalated)),
    )
    return [(words.in_(ctx.locale), f"{query.count():,}") for words, query in figures]


WAITING = Panel("waiting", Text("意见反馈", "Feedback"), "feedback.view", _waiting)
