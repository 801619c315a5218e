"""The facts that this plugin tells the others."""

from typing import Literal
from uuid import UUID

from roost import Context, Fact, Text, fact


class ReferralRewarded(Fact):
    """A member was rewarded: for a friend's registration or conversion, for a step of the quarter, or as the friend."""

    label = Text("推荐奖励发放", "Referral rewarded")

    member: UUID
    reward: UUID
    role: Literal["registration", "conversion", "invitee", "step"]


@fact(since="1.0")
def referral_rewarded(ctx: Context, fact: ReferralRewarded) -> None:
    """Fires when a promised reward was given."""
