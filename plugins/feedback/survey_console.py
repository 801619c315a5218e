"""What staff see of surveys: rounds, single surveys, and the page of averages."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from plugins.feedback import figures, rounds, surveys
from plugins.feedback.models import FeedbackCase, FeedbackRound, FeedbackSurvey
from plugins.feedback.schemas import NewRound, RoundRow, ScoreRow, SurveyRow
from roost import Action, Column, Context, Form, Page, Panel, Resource, Text, names_in

ROUND_STATES = {
    "sending": Text(zh="邀请中", en="asking"),
    "open": Text(zh="进行中", en="open"),
    "closed": Text(zh="已结束", en="closed"),
}
SURVEY_STATES = {
    "open": Text(zh="待填写", en="open"),
    "answered": Text(zh="已填写", en="answered"),
    "declined": Text(zh="不参加", en="declined"),
    "expired": Text(zh="已过期", en="expired"),
}


RESULT = (
    Column("question", Text(zh="问题", en="Question")),
    Column("answers", Text(zh="答卷", en="Answers"), "int"),
    Column("average", Text(zh="平均分", en="Average")),
)
SCORE = (
    Column("question", Text(zh="问题", en="Question")),
    Column("score", Text(zh="评分", en="Score"), "int"),
)


def _close(ctx: Context, round_id: UUID, body: None) -> None:
    rounds.close(ctx, round_id)


def present_rounds(ctx: Context, rows: Sequence[Any]) -> Sequence[RoundRow]:
    """Add the figures so far to the rows."""
    ids = [row.id for row in rows]
    results, states = figures.of_rounds(ctx, ids), figures.states_of_rounds(ctx, ids)
    counted = ("answered", "declined", "average", "results")
    return [
        RoundRow(
            **{name: getattr(row, name) for name in RoundRow.model_fields if name not in counted},
            answered=states.get((row.id, "answered"), 0),
            declined=states.get((row.id, "declined"), 0),
            average=figures.overall(results[row.id]),
            results=results[row.id],
        )
        for row in rows
    ]


def present_surveys(ctx: Context, rows: Sequence[Any]) -> Sequence[SurveyRow]:
    """Add the scores to the rows."""
    given = surveys.scores(ctx, [row.id for row in rows])
    return [
        SurveyRow(
            **{name: getattr(row, name) for name in SurveyRow.model_fields if name not in ("average", "scores")},
            average=figures.average([one.score for one in given[row.id]]),
            scores=[ScoreRow(question=one.question, score=one.score) for one in given[row.id]],
        )
        for row in rows
    ]


ROUNDS = Resource(
    name="rounds",
    title=Text(zh="满意度调查", en="Survey rounds"),
    model=FeedbackRound,
    reply=RoundRow,
    permission="feedback.view",
    edit_permission="feedback.surveys",
    venue="venue",
    member=None,
    present=present_rounds,
    create=Form(NewRound, rounds.open_round),
    actions=(
        Action(
            "close",
            Text(zh="结束调查", en="Close"),
            _close,
            "feedback.surveys",
            shown=lambda row: row.state != "closed",
        ),
    ),
    columns=(
        Column("title", Text(zh="名称", en="Title")),
        Column("state", Text(zh="状态", en="State"), "choice", choices=ROUND_STATES, filter=True),
        Column("venue", Text(zh="门店", en="Venue"), "venue", filter=True),
        Column("offered", Text(zh="已邀请", en="Asked"), "int"),
        Column("passed_over", Text(zh="近期已邀请过", en="Asked too recently"), "int"),
        Column("answered", Text(zh="已填写", en="Answered"), "int"),
        Column("declined", Text(zh="不参加", en="Declined"), "int"),
        Column("average", Text(zh="平均分", en="Average")),
        Column("created_at", Text(zh="开始时间", en="Opened"), "time", filter=True),
        Column("closes_at", Text(zh="结束时间", en="Closes"), "time"),
        Column("results", Text(zh="各题结果", en="By question"), "table", parts=RESULT, list=False),
    ),
)

SURVEYS = Resource(
    name="surveys",
    area="data",
    title=Text(zh="满意度答卷", en="Surveys"),
    model=FeedbackSurvey,
    reply=SurveyRow,
    permission="feedback.view",
    export_permission="feedback.view",
    venue="venue",
    present=present_surveys,
    columns=(
        Column("offered_at", Text(zh="邀请时间", en="Asked at"), "time", filter=True),
        Column("member", Text(zh="会员", en="Member"), "member", filter=True),
        Column("venue", Text(zh="门店", en="Venue"), "venue", filter=True),
        Column("state", Text(zh="状态", en="State"), "choice", choices=SURVEY_STATES, filter=True),
        Column("average", Text(zh="平均分", en="Average")),
        Column("text", Text(zh="留言", en="Text")),
        Column("ended_at", Text(zh="完成时间", en="Ended"), "time", list=False),
        Column("expires_at", Text(zh="截止时间", en="Open until"), "time", list=False),
        Column("case", Text(zh="反馈", en="Case"), named=names_in(FeedbackCase, "text"), list=False),
        Column("round", Text(zh="调查", en="Round"), named=names_in(FeedbackRound, "title"), list=False),
        Column("scores", Text(zh="各题评分", en="Scores"), "table", parts=SCORE, list=False),
    ),
)

SATISFACTION = Page(
    "/satisfaction",
    Text(zh="满意度统计", en="Satisfaction"),
    "feedback.view",
    "satisfaction.html",
    figures.page,
    area="data",
)
PANEL = Panel("satisfaction", Text(zh="满意度", en="Satisfaction"), "feedback.view", figures.panel)
