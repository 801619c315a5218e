"""A member's cases and surveys: what their rows do not say by themselves when the member leaves, merges, or asks for a
copy.
"""

from typing import Any
from uuid import UUID

from plugins.feedback import pictures, service, surveys
from plugins.feedback.models import GONE, FeedbackCase, FeedbackMessage, FeedbackSurvey
from roost import Context


def erase(ctx: Context, member: UUID) -> None:
    """Remove what the member said; that there was a case or a survey, and how it went, stays."""
    surveys.let_go(ctx, member)
    FeedbackSurvey.scoped(ctx).update(text=GONE).where(
        FeedbackSurvey.member == member, FeedbackSurvey.text.is_null(False)
    ).execute()
    mine = FeedbackCase.scoped(ctx).select(FeedbackCase.id).where(FeedbackCase.member == member)
    FeedbackMessage.scoped(ctx).update(text=GONE).where(
        FeedbackMessage.case.in_(mine), FeedbackMessage.author == "member"
    ).execute()


def merge(ctx: Context, member: UUID, merged: UUID) -> None:
    """Leave one survey open at most: the survivor's own, else the other's."""
    if surveys.waiting(ctx, member) is not None:
        surveys.let_go(ctx, merged)


def export(ctx: Context, member: UUID) -> dict[str, Any]:
    """Return the member's cases and what was said in them, without staff's notes; and their surveys."""
    rows = list(FeedbackCase.scoped(ctx).select().where(FeedbackCase.member == member).order_by(FeedbackCase.id))
    said = service.messages(ctx, [row.id for row in rows], internal=False)
    items = pictures.of_cases(ctx, [row.id for row in rows])
    return {
        "cases": [
            {
                "id": str(row.id),
                "at": row.created_at.isoformat(),
                "category": row.category,
                "text": row.text,
                "pictures": row.pictures,
                "media": [str(item.id) for item in items[row.id]],  # the files themselves stand in media's own part
                "state": row.state,
                "score": row.score,
                "messages": [
                    {"author": m.author, "text": m.text, "at": m.created_at.isoformat()} for m in said[row.id]
                ],
            }
            for row in rows
        ],
        "surveys": _surveys(ctx, member),
    }


def _surveys(ctx: Context, member: UUID) -> list[dict[str, Any]]:
    query = FeedbackSurvey.scoped(ctx).select().where(FeedbackSurvey.member == member)
    rows = list(query.order_by(FeedbackSurvey.id))
    given = surveys.scores(ctx, [row.id for row in rows])
    return [
        {
            "id": str(row.id),
            "at": row.offered_at.isoformat(),
            "state": row.state,
            "text": row.text,
            "scores": [{"question": one.question, "score": one.score} for one in given[row.id]],
        }
        for row in rows
    ]
