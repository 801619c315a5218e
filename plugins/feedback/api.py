"""What members call."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from plugins.feedback import pictures, service, surveys
from plugins.feedback.models import FeedbackCase, FeedbackMessage, FeedbackSurvey
from plugins.feedback.schemas import (
    CaseOut,
    MessageOut,
    NewCase,
    OpenSurvey,
    Said,
    Score,
    SurveyAnswer,
    SurveyOut,
)
from roost import Context, Endpoints, Listing, PageQuery, keyset

member = Endpoints("member")


def cases_out(
    ctx: Context, cases: Sequence[FeedbackCase], said: Mapping[UUID, Sequence[FeedbackMessage]] | None = None
) -> list[CaseOut]:
    """Show cases to their member, with what was said in them where it is given."""
    items = pictures.of_cases(ctx, [case.id for case in cases])
    return [
        CaseOut.model_validate(case, from_attributes=True).model_copy(
            update={
                "pictures": pictures.addresses(case, items[case.id]),
                "media": items[case.id],
                "messages": [MessageOut.model_validate(m) for m in (said or {}).get(case.id, ())],
            }
        )
        for case in cases
    ]


def _show(ctx: Context, case: UUID) -> CaseOut:
    row = service.of_member(ctx, ctx.member, case)
    return cases_out(ctx, [row], service.messages(ctx, [case], internal=False))[0]


@member.post("/cases", status=201, rate="20/hour")
def open_case(ctx: Context, body: NewCase) -> CaseOut:
    """Give feedback on a venue."""
    return cases_out(ctx, [service.open_case(ctx, ctx.member, body)])[0]


@member.get("/cases")
def list_cases(ctx: Context, page: PageQuery) -> Listing[CaseOut]:
    """List my feedback, newest first, without what was said in it."""
    query = FeedbackCase.scoped(ctx).select().where(FeedbackCase.member == ctx.member)
    rows, next_cursor = keyset(query, FeedbackCase.id, page)
    return Listing(items=cases_out(ctx, rows), next_cursor=next_cursor)


@member.get("/cases/{case_id}")
def read_case(ctx: Context, case_id: UUID) -> CaseOut:
    """Show one case of mine, with all that was said."""
    return _show(ctx, case_id)


@member.post("/cases/{case_id}/answer", rate="60/hour")
def answer(ctx: Context, case_id: UUID, body: Said) -> CaseOut:
    """Add to an open case."""
    service.answer(ctx, ctx.member, case_id, body.text)
    return _show(ctx, case_id)


@member.post("/cases/{case_id}/reopen", rate="20/hour")
def reopen(ctx: Context, case_id: UUID, body: Said) -> CaseOut:
    """Take up again what was not solved after all, within the days for it."""
    service.reopen(ctx, ctx.member, case_id, body.text)
    return _show(ctx, case_id)


@member.post("/cases/{case_id}/score")
def rate(ctx: Context, case_id: UUID, body: Score) -> CaseOut:
    """Rate a solved case, once."""
    service.rate(ctx, ctx.member, case_id, body.score)
    return _show(ctx, case_id)


# --- surveys ---------------------------------------------------------------------------------------------------------


def survey_out(ctx: Context, survey: FeedbackSurvey) -> SurveyOut:
    """Show a survey to its member."""
    given = [one.score for one in surveys.scores(ctx, [survey.id])[survey.id]]
    return SurveyOut.model_validate(survey, from_attributes=True).model_copy(update={"scores": given})


@member.get("/survey")
def read_survey(ctx: Context) -> OpenSurvey:
    """Show the survey that waits for my answer, if there is one."""
    found = surveys.waiting(ctx, ctx.member)
    return OpenSurvey(survey=survey_out(ctx, found) if found is not None else None)


@member.post("/surveys/{survey_id}/answer", rate="60/hour")
def answer_survey(ctx: Context, survey_id: UUID, body: SurveyAnswer) -> SurveyOut:
    """Answer a survey, once; the same answer again changes nothing."""
    return survey_out(ctx, surveys.answer(ctx, ctx.member, survey_id, body))


@member.post("/surveys/{survey_id}/decline", rate="60/hour")
def decline_survey(ctx: Context, survey_id: UUID) -> SurveyOut:
    """Do without a survey; again changes nothing."""
    return survey_out(ctx, surveys.decline(ctx, ctx.member, survey_id))
