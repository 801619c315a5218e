"""A member's cases and surveys when the member leaves, merges, or asks for a copy."""

from typing import Any
from uuid import UUID

from plugins.feedback import pictures, service, surveys
from plugins.feedback.models import (
    GONE,
    FeedbackAnswer,
    FeedbackAsked,
    FeedbackCase,
    FeedbackMessage,
    FeedbackRound,
    FeedbackSurvey,
)
from roost import Context


def erase(ctx: Context, member: UUID) -> None:
    """Remove what the member wrote and showed; that there was a case or a survey, and how it went, stays."""
    FeedbackSurvey.scoped(ctx).update(state="expired", ended_at=ctx.now()).where(
        FeedbackSurvey.member == member, FeedbackSurvey.state == "open"
    ).execute()
    FeedbackSurvey.scoped(ctx).update(text=GONE).where(
        FeedbackSurvey.member == member, FeedbackSurvey.text.is_null(False)
    ).execute()
    FeedbackAsked.scoped(ctx).delete().where(FeedbackAsked.member == member).execute()
    mine = FeedbackCase.scoped(ctx).select(FeedbackCase.id).where(FeedbackCase.member == member)
    ids = [row.id for row in mine]
    if not ids:
        return
    FeedbackMessage.scoped(ctx).update(text=GONE).where(
        FeedbackMessage.case.in_(ids), FeedbackMessage.author == "member"
    ).execute()
    FeedbackCase.scoped(ctx).update(text=GONE, pictures=[]).where(FeedbackCase.member == member).execute()


def merge(ctx: Context, member: UUID, merged: UUID) -> None:
    """Make the merged member's cases and surveys the member's; they were asked when either was asked last.

    One survey at most stays open: the survivor's own, else the other's.
    """
    FeedbackCase.scoped(ctx).update(member=member).where(FeedbackCase.member == merged).execute()
    if surveys.waiting(ctx, member) is not None:
        FeedbackSurvey.scoped(ctx).update(state="expired", ended_at=ctx.now()).where(
            FeedbackSurvey.member == merged, FeedbackSurvey.state == "open"
        ).execute()
    FeedbackSurvey.scoped(ctx).update(member=member).where(FeedbackSurvey.member == merged).execute()
    theirs = FeedbackAsked.scoped(ctx).first(FeedbackAsked.member == merged)
    if theirs is not None:
        FeedbackAsked.scoped(ctx).insert(member=member, asked_at=theirs.asked_at).on_conflict_ignore().execute()
        later = FeedbackAsked.scoped(ctx).update(asked_at=theirs.asked_at)
        later.where(FeedbackAsked.member == member, FeedbackAsked.asked_at < theirs.asked_at).execute()
        FeedbackAsked.scoped(ctx).delete().where(FeedbackAsked.member == merged).execute()


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


def purge(ctx: Context) -> None:
    """Delete all of this tenant's rows."""
    pictures.detach_all(ctx)
    for model in (FeedbackAnswer, FeedbackSurvey, FeedbackRound, FeedbackAsked, FeedbackMessage, FeedbackCase):
        model.scoped(ctx).delete().execute()
