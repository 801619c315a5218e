"""What surveys came to: averages and how the scores spread."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from peewee import fn

from plugins.feedback.models import FeedbackAnswer, FeedbackSurvey
from plugins.feedback.schemas import QuestionFigures
from roost import Context, local_midnight, tenants

PERIODS = (7, 30, 90, 365)  # days that the page offers
SCORES = (1, 2, 3, 4, 5)


def average(scores: Sequence[int]) -> float | None:
    """Return the mean of some scores, to two places; None of none."""
    return round(sum(scores) / len(scores), 2) if scores else None


def spread(rows: Sequence[tuple[str, int, int]]) -> list[QuestionFigures]:
    """Put (question, score, count) together, the most answered question first."""
    counts: dict[str, list[int]] = {}
    for question, score, count in rows:
        counts.setdefault(question, [0] * len(SCORES))[score - 1] += count
    made = [
        QuestionFigures(question=question, answers=sum(given), average=_mean(given), counts=given)
        for question, given in counts.items()
    ]
    return sorted(made, key=lambda one: (-one.answers, one.question))


def overall(figures: Sequence[QuestionFigures]) -> float | None:
    """Return the mean of all scores in some figures, to two places; None of none."""
    counts = [sum(one.counts[place] for one in figures) for place in range(len(SCORES))]
    return _mean(counts) if any(counts) else None


def _mean(counts: Sequence[int]) -> float:
    return round(sum(score * count for score, count in zip(SCORES, counts, strict=True)) / sum(counts), 2)


def of_rounds(ctx: Context, rounds: Sequence[UUID]) -> dict[UUID, list[QuestionFigures]]:
    """Return the figures of some rounds, by question."""
    columns = (FeedbackAnswer.round, FeedbackAnswer.question, FeedbackAnswer.score)
    query = FeedbackAnswer.scoped(ctx).select(*columns, fn.COUNT(FeedbackAnswer.id))
    query = query.where(FeedbackAnswer.round.in_(list(rounds) or [None])).group_by(*columns)
    found: dict[UUID, list[tuple[str, int, int]]] = {one: [] for one in rounds}
    for round_id, question, score, count in query.tuples():
        found[round_id].append((question, score, count))
    return {one: spread(rows) for one, rows in found.items()}


def states_of_rounds(ctx: Context, rounds: Sequence[UUID]) -> dict[tuple[UUID, str], int]:
    """Return how many surveys of some rounds are in which state."""
    columns = (FeedbackSurvey.round, FeedbackSurvey.state)
    query = FeedbackSurvey.scoped(ctx).select(*columns, fn.COUNT(FeedbackSurvey.id))
    query = query.where(FeedbackSurvey.round.in_(list(rounds) or [None])).group_by(*columns)
    return {(round_id, state): count for round_id, state, count in query.tuples()}


def _within(ctx: Context, query: Any, column: Any, venue: UUID | None) -> Any:  # Any: peewee's query and field
    """Hold a query to one venue, and to those that the account may see."""
    if venue is not None:
        query = query.where(column == venue)
    return query.where(ctx.within(column))


def of_period(ctx: Context, days: int, venue: UUID | None = None) -> list[QuestionFigures]:
    """Return the figures of the last `days` days, today included, for the venues that the account may see."""
    since = local_midnight(ctx.today() - timedelta(days=days - 1), ctx.tenant.zone)
    columns = (FeedbackAnswer.question, FeedbackAnswer.score)
    query = FeedbackAnswer.scoped(ctx).select(*columns, fn.COUNT(FeedbackAnswer.id))
    query = _within(ctx, query.where(FeedbackAnswer.answered_at >= since), FeedbackAnswer.venue, venue)
    return spread(list(query.group_by(*columns).tuples()))


def states_of_period(ctx: Context, days: int, venue: UUID | None = None) -> dict[str, int]:
    """Return how many surveys that were offered in the last `days` days are in which state."""
    since = local_midnight(ctx.today() - timedelta(days=days - 1), ctx.tenant.zone)
    query = FeedbackSurvey.scoped(ctx).select(FeedbackSurvey.state, fn.COUNT(FeedbackSurvey.id))
    query = _within(ctx, query.where(FeedbackSurvey.offered_at >= since), FeedbackSurvey.venue, venue)
    return dict(query.group_by(FeedbackSurvey.state).tuples())


def page(ctx: Context, query: Mapping[str, str]) -> dict[str, Any]:
    """Return what the page of satisfaction shows; what the query asks for wrongly counts as not asked for."""
    days = next((one for one in PERIODS if str(one) == query.get("days")), 90)
    venues = [one for one in tenants.venues(ctx) if ctx.covers(one.id)]
    venue = next((one.id for one in venues if str(one.id) == query.get("venue")), None)
    figures, states = of_period(ctx, days, venue), states_of_period(ctx, days, venue)
    return {
        "english": ctx.locale == "en",
        "days": days,
        "periods": PERIODS,
        "venue": str(venue or ""),
        "choices": [(str(one.id), one.name) for one in venues],
        "figures": figures,
        "average": overall(figures),
        "offered": sum(states.values()),
        "answered": states.get("answered", 0),
        "declined": states.get("declined", 0),
    }


def panel(ctx: Context) -> Sequence[tuple[str, str]]:
    """Return the last 30 days' average, and how many of those asked answered."""
    mean, states = overall(of_period(ctx, 30)), states_of_period(ctx, 30)
    english = ctx.locale == "en"
    return [
        ("Average, 30 days" if english else "近 30 天均分", f"{mean:.2f}" if mean is not None else "—"),
        ("Answered" if english else "已填写", f"{states.get('answered', 0):,} / {sum(states.values()):,}"),
    ]
