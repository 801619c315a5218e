"""A member's cases when the member leaves, merges, or asks for a copy."""

from typing import Any
from uuid import UUID

from plugins.feedback import service
from plugins.feedback.models import FeedbackCase, FeedbackMessage
from roost import Context

GONE = "（已应会员要求删除）"


def erase(ctx: Context, member: UUID) -> None:
    """Remove what the member wrote and showed; that there was a case, and how it went, stays."""
    mine = FeedbackCase.scoped(ctx).select(FeedbackCase.id).where(FeedbackCase.member == member)
    ids = [row.id for row in mine]
    if not ids:
        return
    FeedbackMessage.scoped(ctx).update(text=GONE).where(
        FeedbackMessage.case.in_(ids), FeedbackMessage.author == "member"
    ).execute()
    FeedbackCase.scoped(ctx).update(text=GONE, pictures=[]).where(FeedbackCase.member == member).execute()


def merge(ctx: Context, member: UUID, merged: UUID) -> None:
    """Make the merged member's cases the member's."""
    FeedbackCase.scoped(ctx).update(member=member).where(FeedbackCase.member == merged).execute()


def export(ctx: Context, member: UUID) -> dict[str, Any]:
    """Return the member's cases and what was said in them, without staff's notes."""
    rows = list(FeedbackCase.scoped(ctx).select().where(FeedbackCase.member == member).order_by(FeedbackCase.id))
    said = service.messages(ctx, [row.id for row in rows], internal=False)
    return {
        "cases": [
            {
                "id": str(row.id),
                "at": row.created_at.isoformat(),
                "category": row.category,
                "text": row.text,
                "pictures": row.pictures,
                "state": row.state,
                "score": row.score,
                "messages": [
                    {"author": m.author, "text": m.text, "at": m.created_at.isoformat()} for m in said[row.id]
                ],
            }
            for row in rows
        ]
    }
