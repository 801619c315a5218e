"""What staff work with: the cases of their venues."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from plugins.feedback import pictures, service
from plugins.feedback.models import FeedbackCase
from plugins.feedback.schemas import CaseRow, Compensation, FeedbackSettings, Said, StaffMessage
from plugins.feedback.words import CATEGORIES
from roost import Action, Column, Context, Panel, Resource, Text

STATES = {
    "new": Text(zh="待受理", en="new"),
    "working": Text(zh="处理中", en="working"),
    "replied": Text(zh="已回复", en="replied"),
    "solved": Text(zh="已解决", en="solved"),
    "closed": Text(zh="已关闭", en="closed"),
}


AUTHORS = {
    "member": Text(zh="会员", en="Member"),
    "staff": Text(zh="员工", en="Staff"),
    "system": Text(zh="系统", en="System"),
}
SAID = (
    Column("created_at", Text(zh="时间", en="At"), "time"),
    Column("author", Text(zh="谁", en="By"), "choice", choices=AUTHORS),
    Column("text", Text(zh="内容", en="Text")),
    Column("internal", Text(zh="内部", en="Internal"), "bool"),
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
    title=Text(zh="意见反馈", en="Feedback"),
    model=FeedbackCase,
    reply=CaseRow,
    permission="feedback.view",
    export_permission="feedback.view",
    venue="venue",
    present=present,
    actions=(
        Action("take", Text(zh="受理", en="Accept"), _take, "feedback.reply", shown=lambda row: row.state == "new"),
        Action("reply", Text(zh="回复", en="Reply"), _reply, "feedback.reply", form=Said, shown=_open),
        Action("note", Text(zh="内部备注", en="Internal note"), _note, "feedback.reply", form=Said),
        Action("solve", Text(zh="解决", en="Solve"), _solve, "feedback.reply", form=Said, shown=_open),
        Action(
            "compensate",
            Text(zh="补偿积分", en="Compensate"),
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
        Column("created_at", Text(zh="时间", en="At"), "time", filter=True),
        Column("venue", Text(zh="门店", en="Venue"), "venue", filter=True),
        Column("category", Text(zh="类别", en="Category"), "choice", choices=CATEGORIES, filter=True),
        Column("member", Text(zh="会员", en="Member"), "member", filter=True),
        Column("text", Text(zh="内容", en="Text")),
        Column("state", Text(zh="状态", en="State"), "choice", choices=STATES, filter=True),
        Column("escalated", Text(zh="转总部", en="Escalated"), "bool", filter=True),
        Column("reply_by", Text(zh="须回复", en="Reply by"), "time"),
        Column("score", Text(zh="评分", en="Score"), "int"),
        Column("compensated", Text(zh="补偿", en="Compensated"), "points", list=False),
        Column("pictures", Text(zh="图片", en="Pictures"), list=False),
        Column("messages", Text(zh="往来", en="Messages"), "table", parts=SAID, list=False),
    ),
)


def _waiting(ctx: Context) -> Sequence[tuple[str, str]]:
    counts, english = service.waiting(ctx), ctx.locale.startswith("en")
    return [
        ("To be answered" if english else "待回复", f"{counts.unanswered:,}"),
        ("To be solved" if english else "待解决", f"{counts.unsolved:,}"),
        ("Late, at head office" if english else "超时，已转总部", f"{counts.escalated:,}"),
    ]


WAITING = Panel("waiting", Text(zh="意见反馈", en="Feedback"), "feedback.view", _waiting)
