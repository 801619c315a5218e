"""What staff see of surveys: rounds, single surveys, and the page of averages."""

from collections.abc import Sequence
from typing import Any

from plugins.feedback import figures, rounds, surveys
from plugins.feedback.models import FeedbackCase, FeedbackRound, FeedbackSurvey
from plugins.feedback.schemas import NewRound, QuestionFigures, ScoreRow
from roost import Action, Column, Context, Form, Page, Panel, Resource, Text, names_in

ROUND_STATES = {
    "sending": Text("邀请中", "asking"),
    "open": Text("进行中", "open"),
    "closed": Text("已结束", "closed"),
}
SURVEY_STATES = {
    "open": Text("待填写", "open"),
    "answered": Text("已填写", "answered"),
    "declined": Text("不参加", "declined"),
    "expired": Text("已过期", "expired"),
}


RESULT = (
    Column("question", Text("问题", "Question")),
    Column("answers", Text("答卷", "Answers"), "int"),
    Column("average", Text("平均分", "Average")),
)
SCORE = (
    Column("question", Text("问题", "Question")),
    Column("score", Text("评分", "Score"), "int"),
)


def present_rounds(ctx: Context, rows: Sequence[Any]) -> Sequence[Any]:
    """Add the figures so far to the rows."""
    ids = [row.id for row in rows]
    results, states = figures.of_rounds(ctx, ids), figures.states_of_rounds(ctx, ids)
    return [
        {state: states.get((row.id, state), 0) for state in ("answered", "declined")}
        | {"average": figures.overall(results[row.id]), "results": results[row.id]}
        for row in rows
    ]


def present_surveys(ctx: Context, rows: Sequence[Any]) -> Sequence[Any]:
    """Add the scores to the rows."""
    given = surveys.scores(ctx, [row.id for row in rows])
    return [{"average": figures.average([one.score for one in given[row.id]]), "scores": given[row.id]} for row in rows]


ROUNDS = Resource(
    name="rounds",
    title=Text("满意度调查", "Survey rounds"),
    model=FeedbackRound,
    also=("questions", "states"),
    permission="feedback.view",
    edit_permission="feedback.surveys",
    venue="venue",
    present=present_rounds,
    create=Form(NewRound, rounds.open_round),
    actions=(Action("close", Text("结束调查", "Close"), rounds.close, shown=lambda row: row.state != "closed"),),
    columns=(
        Column("title", Text("名称", "Title")),
        Column("state", Text("状态", "State"), "choice", choices=ROUND_STATES, filter=True),
        Column("venue", Text("门店", "Venue"), "venue", filter=True),
        Column("offered", Text("已邀请", "Asked"), "int"),
        Column("passed_over", Text("近期已邀请过", "Asked too recently"), "int"),
        Column("answered", Text("已填写", "Answered"), "int"),
        Column("declined", Text("不参加", "Declined"), "int"),
        Column("average", Text("平均分", "Average"), type=float | None),
        Column("created_at", Text("开始时间", "Opened"), "time", filter=True),
        Column("closes_at", Text("结束时间", "Closes"), "time"),
        Column(
            "results", Text("各题结果", "By question"), "table", parts=RESULT, list=False, type=list[QuestionFigures]
        ),
    ),
)

SURVEYS = Resource(
    name="surveys",
    area="data",
    title=Text("满意度答卷", "Surveys"),
    model=FeedbackSurvey,
    permission="feedback.view",
    export_permission="feedback.view",
    venue="venue",
    present=present_surveys,
    columns=(
        Column("offered_at", Text("邀请时间", "Asked at"), "time", filter=True),
        Column("member", Text("会员", "Member"), "member", filter=True),
        Column("venue", Text("门店", "Venue"), "venue", filter=True),
        Column("state", Text("状态", "State"), "choice", choices=SURVEY_STATES, filter=True),
        Column("average", Text("平均分", "Average"), type=float | None),
        Column("text", Text("留言", "Text")),
        Column("ended_at", Text("完成时间", "Ended"), "time", list=False),
        Column("expires_at", Text("截止时间", "Open until"), "time", list=False),
        Column("case", Text("反馈", "Case"), named=names_in(FeedbackCase, "text"), list=False),
        Column("round", Text("调查", "Round"), named=names_in(FeedbackRound, "title"), list=False),
        Column("scores", Text("各题评分", "Scores"), "table", parts=SCORE, list=False, type=list[ScoreRow]),
    ),
)

SATISFACTION = Page(
    "/satisfaction",
    Text("满意度统计", "Satisfaction"),
    "feedback.view",
    "satisfaction.html",
    figures.page,
    area="data",
)
PANEL = Panel("satisfaction", Text("满意度", "Satisfaction"), "feedback.view", figures.panel)
