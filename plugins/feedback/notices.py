"""What members are told of their feedback."""

from plugins.feedback import service
from plugins.feedback.hookspecs import FeedbackEscalated, FeedbackReceived, FeedbackReplied, SurveyOffered
from plugins.feedback.models import FeedbackCase, FeedbackSurvey
from plugins.feedback.words import CATEGORIES
from roost import Context, Notice, StaffTold, Text, Told, local_date, local_time, tenants


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


def _opened(ctx: Context, fact: FeedbackReceived) -> StaffTold | None:
    case = FeedbackCase.scoped(ctx).first(FeedbackCase.id == fact.case)
    if case is None or case.reply_by is None:  # answered before this was delivered
        return None
    until = local_time(case.reply_by, ctx.tenant.zone).strftime("%m-%d %H:%M")
    return StaffTold(case.venue, {**_of(ctx, case), "until": until})


def _late(ctx: Context, fact: FeedbackEscalated) -> StaffTold | None:
    case = FeedbackCase.scoped(ctx).first(FeedbackCase.id == fact.case)
    if case is None or case.state not in service.OPEN:
        return None
    return StaffTold(case.venue, {**_of(ctx, case), "what": LATE[fact.why].in_(ctx.locale)})


def _of(ctx: Context, case: FeedbackCase) -> dict[str, str]:
    category = CATEGORIES[case.category].in_(ctx.locale)
    opened = local_time(case.created_at, ctx.tenant.zone).strftime("%m-%d %H:%M")
    return {"venue": tenants.venue(ctx, case.venue).name, "category": category, "opened": opened}


LATE = {"reply": Text("未在时限内回复", "not answered"), "solve": Text("未在时限内解决", "not solved")}
NOTICES = (
    Notice(
        "feedback_received",
        Text("新反馈", "New feedback"),
        _opened,
        Text(
            "{venue} 收到新的{category}反馈，请在 {until} 前回复。",
            "New feedback at {venue} ({category}): answer before {until}.",
        ),
        permission="feedback.view",
    ),
    Notice(
        "feedback_escalated",
        Text("反馈超时", "Feedback is late"),
        _late,
        Text(
            "{venue} {opened} 的{category}反馈{what}，已转总部。",
            "Feedback at {venue} of {opened} ({category}) was {what} in time and is head office's now.",
        ),
        permission="feedback.view",
    ),
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
