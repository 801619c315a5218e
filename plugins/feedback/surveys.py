"""Surveys: who may be asked, and what comes back.

open ──answer──▶ answered
 ├──decline────▶ declined
 └──its days pass, or its round is closed──▶ expired

Whatever asks, a case or a round, asks through `offer`: so nobody is asked twice within `survey_days`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from plugins.feedback.hookspecs import SurveyAnswered, SurveyOffered
from plugins.feedback.models import FeedbackAnswer, FeedbackAsked, FeedbackCase, FeedbackSurvey
from plugins.feedback.schemas import FeedbackSettings, SurveyAnswer
from roost import Conflict, Context, Invalid, members


def _may_ask(ctx: Context, member: UUID) -> bool:
    """Write down that a member is asked now; False, and nothing written, when that would be too soon.

    The row decides, by one condition: two who ask at once wait for each other, and the second is refused.
    """
    now, days = ctx.now(), ctx.settings(FeedbackSettings).survey_days
    first = FeedbackAsked.scoped(ctx).insert(member=member, asked_at=now).on_conflict_ignore()
    if list(first.returning(FeedbackAsked.id).execute()):
        return True
    again = FeedbackAsked.scoped(ctx).update(asked_at=now)
    again = again.where(FeedbackAsked.member == member, FeedbackAsked.asked_at <= now - timedelta(days=days))
    return bool(again.execute())


def offer(
    ctx: Context,
    member: UUID,
    questions: Sequence[str],
    *,
    venue: UUID | None,
    expires_at: datetime,
    case: UUID | None = None,
    round: UUID | None = None,
) -> FeedbackSurvey | None:
    """Put a survey to a member; None when they were asked any survey within `survey_days`."""
    if not _may_ask(ctx, member):
        return None
    survey: FeedbackSurvey = FeedbackSurvey.scoped(ctx).create(
        member=member,
        venue=venue,
        case=case,
        round=round,
        questions=list(questions),
        offered_at=ctx.now(),
        expires_at=expires_at,
    )
    ctx.publish(SurveyOffered(member=member, survey=survey.id, case=case, round=round))
    return survey


def offer_after(ctx: Context, case: FeedbackCase, moment: str) -> FeedbackSurvey | None:
    """Ask about a case that was just solved or closed, where the settings say that this is the moment."""
    settings = ctx.settings(FeedbackSettings)
    if settings.survey_after != moment or members.get(ctx, case.member).erased:
        return None
    expires_at = ctx.now() + timedelta(days=settings.survey_open_days)
    return offer(ctx, case.member, settings.survey_questions, venue=case.venue, expires_at=expires_at, case=case.id)


# --- the member ------------------------------------------------------------------------------------------------------


def waiting(ctx: Context, member: UUID) -> FeedbackSurvey | None:
    """Return the survey that waits for a member's answer, the newest first, or None."""
    query = (
        FeedbackSurvey.scoped(ctx)
        .select()
        .where(FeedbackSurvey.member == member, FeedbackSurvey.state == "open", FeedbackSurvey.expires_at > ctx.now())
    )
    found: FeedbackSurvey | None = query.order_by(FeedbackSurvey.id.desc()).first()
    return found


def answer(ctx: Context, member: UUID, survey_id: UUID, body: SurveyAnswer) -> FeedbackSurvey:
    """Keep a member's answer; the same answer again changes nothing.

    Raises NotFound for the survey of another, Invalid for another number of scores than questions, Conflict for a
    survey that ended (`survey_over`) or was answered otherwise (`answered`).
    """
    survey = _lock(ctx, member, survey_id)
    if len(body.scores) != len(survey.questions):
        raise Invalid(
            f"give {len(survey.questions)} scores, one for each question; there are {len(body.scores)}",
            f"共 {len(survey.questions)} 题，请逐题评分",
            fields=[{"path": "body.scores", "message": f"one score for each of {len(survey.questions)} questions"}],
        )
    if survey.state == "answered":
        given = scores(ctx, [survey.id])[survey.id]
        if ([one.score for one in given], survey.text) == (body.scores, body.text):
            return survey
        raise Conflict("this survey has been answered", "您已填写过这份调查", code="answered")
    _require_open(ctx, survey)
    now = ctx.now()
    for place, (question, score) in enumerate(zip(survey.questions, body.scores, strict=True)):
        FeedbackAnswer.scoped(ctx).create(
            survey=survey.id,
            place=place,
            question=question,
            score=score,
            venue=survey.venue,
            round=survey.round,
            answered_at=now,
        )
    ctx.publish(SurveyAnswered(member=member, survey=survey.id, scores=tuple(body.scores)))
    return _end(ctx, survey, "answered", text=body.text)


def decline(ctx: Context, member: UUID, survey_id: UUID) -> FeedbackSurvey:
    """Let a member do without a survey; again changes nothing. Raises NotFound, or Conflict when it has ended."""
    survey = _lock(ctx, member, survey_id)
    if survey.state == "declined":
        return survey
    _require_open(ctx, survey)
    return _end(ctx, survey, "declined")


def _lock(ctx: Context, member: UUID, survey: UUID) -> FeedbackSurvey:
    row: FeedbackSurvey = FeedbackSurvey.scoped(ctx).lock(FeedbackSurvey.id == survey, FeedbackSurvey.member == member)
    return row


def _require_open(ctx: Context, survey: FeedbackSurvey) -> None:
    if survey.state != "open" or survey.expires_at <= ctx.now():
        raise Conflict("this survey has ended", "这份调查已结束", code="survey_over")


def _end(ctx: Context, survey: FeedbackSurvey, state: str, *, text: str | None = None) -> FeedbackSurvey:
    FeedbackSurvey.scoped(ctx).update(state=state, text=text, ended_at=ctx.now()).where(
        FeedbackSurvey.id == survey.id
    ).execute()
    ended: FeedbackSurvey = FeedbackSurvey.scoped(ctx).get(FeedbackSurvey.id == survey.id)
    return ended


def let_go(ctx: Context, member: UUID) -> None:
    """End the surveys that wait for a member's answer."""
    query = FeedbackSurvey.scoped(ctx).update(state="expired", ended_at=ctx.now())
    query.where(FeedbackSurvey.member == member, FeedbackSurvey.state == "open").execute()


# --- reading and the clock -------------------------------------------------------------------------------------------


def scores(ctx: Context, surveys: Sequence[UUID]) -> dict[UUID, list[FeedbackAnswer]]:
    """Return what some surveys were answered, in the order of their questions."""
    found: dict[UUID, list[FeedbackAnswer]] = {survey: [] for survey in surveys}
    if surveys:
        query = FeedbackAnswer.scoped(ctx).select().where(FeedbackAnswer.survey.in_(list(surveys)))
        for row in query.order_by(FeedbackAnswer.survey, FeedbackAnswer.place):
            found[row.survey].append(row)
    return found


def expire_due(ctx: Context) -> int:
    """End the surveys whose days have passed; return how many."""
    query = FeedbackSurvey.scoped(ctx).update(state="expired", ended_at=ctx.now())
    return int(query.where(FeedbackSurvey.state == "open", FeedbackSurvey.expires_at <= ctx.now()).execute())
