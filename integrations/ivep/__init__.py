"""Coaches and their members, from IVEP. Presence and relation are theirs; chat is not.

Facts: `coach_assigned`, `coach_released`. The face: `coach_of` a member, `coach` by id, `members_of` a coach.
"""

from integrations.ivep.hookspecs import CoachAssigned, CoachReleased
from integrations.ivep.schemas import CoachView
from integrations.ivep.service import coach, coach_of, members_of

__all__ = ["CoachAssigned", "CoachReleased", "CoachView", "coach", "coach_of", "members_of"]
