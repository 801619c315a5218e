"""What happens to relations when two records turn out to be one person."""

from uuid import UUID

from pydantic import BaseModel

from plugins.referrals import relations
from plugins.referrals.models import ReferralsRelation
from roost import Context, members


class Void(BaseModel):
    """What the job carries: a relation that turned out to be none."""

    relation: UUID
    reason: str


def merge(ctx: Context, member: UUID, merged: UUID) -> None:
    """Move what `merged` brought and was brought by. Who turns out to have been known, or to have invited themselves,
    was no referral: a job takes the rewards back.
    """
    door = ReferralsRelation.scoped(ctx)
    door.update(inviter=member).where(ReferralsRelation.inviter == merged).execute()
    brought = door.first(ReferralsRelation.invitee == merged)
    if brought is not None:
        known = door.first(ReferralsRelation.invitee == member) is not None
        if not known:
            door.update(invitee=member).where(ReferralsRelation.id == brought.id).execute()
        if known or members.get(ctx, member).registered_at < brought.bound_at:
            _void(ctx, brought, "known_before")
    own = door.first(ReferralsRelation.invitee == member, ReferralsRelation.inviter == member)
    if own is not None:
        _void(ctx, own, "self")


def _void(ctx: Context, row: ReferralsRelation, reason: str) -> None:
    if row.state in ("bound", "converted"):
        ctx.enqueue("referrals.void", Void(relation=row.id, reason=reason), dedupe=f"void:{row.id}")


def void(ctx: Context, payload: Void) -> None:
    """Take back everything that a relation brought: it was none."""
    relations.void(ctx, payload.relation, payload.reason)
