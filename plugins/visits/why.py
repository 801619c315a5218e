"""Why a visit earned what it did, or nothing: the settings, and the values that were read."""

from typing import Literal
from uuid import UUID

from plugins.visits.schemas import VisitSettings
from roost import Text, rewards

Cause = Literal["", "not_first_of_day", "told_too_late", "state_earns_nothing"]


def of_visit(
    member: UUID, visit: UUID, day: str, state: str, rules: VisitSettings, cause: Cause, points: int, growth: int
) -> rewards.Note:
    """Return the note of a visit that was just recorded; `cause` is why it earned nothing, if it did not."""
    return rewards.Note(
        member,
        subject=Text("到店积分", "visit"),
        reason=cause or "visit",
        evidence={
            "rule": "visits",
            "visit": str(visit),
            "day": day,
            "state": state,
            "points": points,
            "growth": growth,
            "settings": rules.model_dump(
                mode="json", include={"points", "growth", "earning_states", "earn_within_days"}
            ),
        },
        refused=bool(cause),
    )
