"""A case's pictures: items of media, judged there before others see them. Old cases have plain addresses instead."""

from collections.abc import Sequence
from uuid import UUID

from plugins import media
from plugins.feedback.models import FeedbackCase
from roost import Context

BATCH = 500


def attach(ctx: Context, case: UUID, member: UUID, items: Sequence[UUID]) -> None:
    """Show a member's own items at a case. Raises Invalid for somebody else's, and for rejected or missing ones."""
    if items:
        media.attach(ctx, items, ref=str(case), member=member)


def of_cases(ctx: Context, cases: Sequence[UUID]) -> dict[UUID, list[media.MediaView]]:
    """Return the items of some cases, as the actor may see them."""
    found = media.attached(ctx, [str(case) for case in cases])
    shown = {item.id: item for item in media.views(ctx, [one for items in found.values() for one in items])}
    return {case: [shown[one] for one in found[str(case)] if one in shown] for case in cases}


def addresses(case: FeedbackCase, items: Sequence[media.MediaView]) -> list[str]:
    """Return where the pictures of a case are: an old case's addresses, and those of items that may be seen."""
    return [*case.pictures, *(item.view for item in items if item.view)]


def detach_all(ctx: Context) -> None:
    """Show no item at any case any more."""
    ids = [row.id for row in FeedbackCase.scoped(ctx).select(FeedbackCase.id).order_by(FeedbackCase.id)]
    for start in range(0, len(ids), BATCH):
        found = media.attached(ctx, [str(case) for case in ids[start : start + BATCH]])
        for ref in (ref for ref, items in found.items() if items):
            media.detach(ctx, ref=ref)
