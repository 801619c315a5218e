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


LATE = {"reply": Text(zh="未在时限内回复", en="not answered"), "solve": Text(zh="未在时限内解决", en="not solved")}
NOTICES = (
    Notice(
        "feedback_received",
        Text(zh="新反馈", en="New feedback"),
        _opened,
        Text(
            zh="{venue} 收到新的{category}反馈，请在 {until} 前回复。",
            en="New feedback at {venue} ({category}): answer before {until}.",
        ),
        permission="feedback.view",
    ),
    Notice(
        "feedback_escalated",
        Text(zh="反馈超时", en="Feedback is late"),
        _late,
        Text(
            zh="{venue} {opened} 的{category}反馈{what}，已转总部。",
            en="Feedback at {venue} of {opened} ({category}) was {what} in time and is head office's now.",
        ),
        permission="feedback.view",
    ),
    Notice(
        "feedback_replied",
        Text(zh="您的反馈有新回复", en="An answer to your feedback"),
        _replied,
        Text(zh="您 {date} 提交的反馈有了新回复。", en="There is an answer to your feedback of {date}."),
        link="pages/feedback/case?id={case}",
    ),
    Notice(
        "survey_offered",
        Text(zh="邀请您评价", en="How did we do?"),
        _surveyed,
        Text(zh="请在 {until} 前告诉我们您的感受。", en="Tell us before {until} how we did."),
        link="pages/feedback/survey?id={survey}",
    ),
)
