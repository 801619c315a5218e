"""What members are told of their feedback."""

from plugins.feedback.hookspecs import FeedbackReplied, SurveyOffered
from plugins.feedback.models import FeedbackCase, FeedbackSurvey
from roost import Context, Notice, Text, Told, local_date


def _replied(ctx: Context, fact: FeedbackReplied) -> Told | None:
    case = FeedbackCase.scoped(ctx).first(FeedbackCase.id == fact.case)
    if case is None:
        return None
    day = local_date(case.created_at, ctx.tenant.zone).isoformat()
    return Told(case.member, {"date": day, "case": str(case.id)})


def _surveyed(ctx: Context, fact: SurveyOffered) -> Told | None:
    survey = FeedbackSurvey.scoped(ctx).first(FeedbackSurvey.id == fact.survey)
    if survey is None or survey.state != "open":  # answered, or over, before this was delivered
        return None
    until = local_date(survey.expires_at, ctx.tenant.zone).isoformat()
    return Told(survey.member, {"until": until, "survey": str(survey.id)})


NOTICES = (
    Notice(
        "feedback_replied",
        Text("您的反馈有新回复", "An answer to your feedback"),
        _replied,
        Text("您 {date} 提交的反馈有了新回复。", "There is an answer to your feedback of {date}."),
        link="pages/feedback/case?id={case}",
    ),
    Notice(
        "survey_offered",
        Text("邀请您评价", "How did we do?"),
        _surveyed,
        Text("请在 {until} 前告诉我们您的感受。", "Tell us before {until} how we did."),
        link="pages/feedback/survey?id={survey}",
    ),
)
