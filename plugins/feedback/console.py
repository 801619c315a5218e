"""What staff work with: the cases of their venues."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from plugins.feedback import pictures, service
from plugins.feedback.models import FeedbackCase
from plugins.feedback.schemas import CaseRow, Compensation, FeedbackSettings, Said, StaffMessage
from roost import Action, Column, Context, Panel, Resource, Text

STATES = {
    "new": Text("待受理", "new"),
    "working": Text("处理中", "working"),
    "replied": Text("已回复", "replied"),
    "solved": Text("已解决", "solved"),
    "closed": Text("已关闭", "closed"),
}
CATEGORIES = {
    "facility": Text("设施", "facility"),
    "hygiene": Text("卫生", "hygiene"),
    "coach": Text("教练", "coach"),
    "course": Text("课程", "course"),
    "fee": Text("费用", "fee"),
    "other": Text("其他", "other"),
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


def _take(ctx: Context, case: UUID, body: None) -> None:
    service.take(ctx, case)


def _reply(ctx: Context, case: UUID, body: Said) -> None:
    service.reply(ctx, case, body.text)


def _note(ctx: Context, case: UUID, body: Said) -> None:
    service.note(ctx, case, body.text)


def _solve(ctx: Context, case: UUID, body: Said) -> None:
    service.solve(ctx, case, body.text)


def _compensate(ctx: Context, case: UUID, body: Compensation) -> None:
    service.compensate(ctx, case, body.points)


def _open(row: Any) -> bool:  # Any: a case's row
    return row.state in service.OPEN


def present(ctx: Context, rows: Sequence[Any]) -> Sequence[Any]:
    """Add what was said to the rows, and the pictures that the account may see."""
    said = service.messages(ctx, [row.id for row in rows], internal=True)
    items = pictures.of_cases(ctx, [row.id for row in rows])
    made = ("messages", "pictures")
    shown = []
    for row in rows:
        values: dict[str, Any] = {name: getattr(row, name) for name in CaseRow.model_fields if name not in made}
        messages = [StaffMessage.model_validate(m, from_attributes=True) for m in said[row.id]]
        shown.append(CaseRow(**values, pictures=pictures.addresses(row, items[row.id]), messages=messages))
    return shown


cases = Resource(
    name="cases",
    title=Text("意见反馈", "Feedback"),
    model=FeedbackCase,
    reply=CaseRow,
    permission="feedback.view",
    export_permission="feedback.view",
    venue="venue",
    present=present,
    actions=(
        Action("take", Text("受理", "Accept"), _take, "feedback.reply", shown=lambda row: row.state == "new"),
        Action("reply", Text("回复", "Reply"), _reply, "feedback.reply", form=Said, shown=_open),
        Action("note", Text("内部备注", "Internal note"), _note, "feedback.reply", form=Said),
        Action("solve", Text("解决", "Solve"), _solve, "feedback.reply", form=Said, shown=_open),
        Action(
            "compensate",
            Text("补偿积分", "Compensate"),
            _compensate,
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
        Column("pictures", Text("图片", "Pictures"), list=False),
        Column("messages", Text("往来", "Messages"), "table", parts=SAID, list=False),
    ),
)


def _waiting(ctx: Context) -> Sequence[tuple[str, str]]:
    counts, english = service.waiting(ctx), ctx.locale.startswith("en")
    return [
        ("To be answered" if english else "待回复", f"{counts.unanswered:,}"),
        ("To be solved" if english else "待解决", f"{counts.unsolved:,}"),
        ("Late, at head office" if english else "超时，已转总部", f"{counts.escalated:,}"),
    ]


WAITING = Panel("waiting", Text("意见反馈", "Feedback"), "feedback.view", _waiting)
