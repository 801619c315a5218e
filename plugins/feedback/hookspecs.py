"""What feedback tells others."""

from uuid import UUID

from roost import Context, Fact, Text, fact


class FeedbackReceived(Fact):
    """A member gave feedback."""

    label = Text("收到反馈", "Feedback received")

    member: UUID
    case: UUID
    venue: UUID


class FeedbackReplied(Fact):
    """Staff answered a member."""

    label = Text("反馈已回复", "Feedback answered")

    member: UUID
    case: UUID


class FeedbackEscalated(Fact):
    """A case was not answered or not solved in time and is head office's now."""

    label = Text("反馈超时升级", "Feedback escalated")

    case: UUID
    venue: UUID
    why: str  # reply, solve


class SurveyOffered(Fact):
    """A member was put a survey: about a case, or in a round."""

    label = Text("发起回访问卷", "Survey offered")

    member: UUID
    survey: UUID
    case: UUID | None = None
    round: UUID | None = None


class SurveyAnswered(Fact):
    """A member answered a survey; the scores run from 1 to 5, in the order of the questions."""

    label = Text("问卷已填写", "Survey answered")

    member: UUID
    survey: UUID
    scores: tuple[int, ...]


@fact(since="1.0")
def feedback_received(ctx: Context, fact: FeedbackReceived) -> None:
    """Fires when a member gave feedback: a moment to tell the venue's manager."""


@fact(since="1.0")
def feedback_replied(ctx: Context, fact: FeedbackReplied) -> None:
    """Fires when staff answered: a moment to tell the member."""


@fact(since="1.0")
def feedback_escalated(ctx: Context, fact: FeedbackEscalated) -> None:
    """Fires once for each deadline that passed."""


@fact(since="1.0")
def survey_offered(ctx: Context, fact: SurveyOffered) -> None:
    """Fires when a member was put a survey: a moment to tell the member."""


@fact(since="1.0")
def survey_answered(ctx: Context, fact: SurveyAnswered) -> None:
    """Fires once for each survey that was answered."""
