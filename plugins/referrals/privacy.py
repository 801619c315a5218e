"""What happens to relations when a member leaves, joins another record, or asks for what is kept of them."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel

from plugins.referrals import relations
from plugins.referrals.counting import count
from plugins.referrals.models import ReferralsCount, ReferralsKnown, ReferralsRelation, ReferralsReward
from roost import Context, members


class Void(BaseModel):
    """What the job carries: a relation that turned out to be none."""

    relation: UUID
    reason: str


def erase(ctx: Context, member: UUID) -> None:
    """Keep the bare relation, which holds no personal data: rewards that were paid must stay explicable."""
    ReferralsRelation.scoped(ctx).update(venue=None).where(ReferralsRelation.invitee == member).execute()
    ReferralsKnown.scoped(ctx).delete().where(ReferralsKnown.member == member).execute()


def merge(ctx: Context, member: UUID, merged: UUID) -> None:
    """Move what `merged` brought and was brought by. Who turns out to have been known, or to have invited
    themselves,
    was no referral: a job takes the rewards back."""
    door = ReferralsRelation.scoped(ctx)
    door.update(inviter=member).where(ReferralsRelation.inviter == merged).execute()
    ReferralsReward.scoped(ctx).update(member=member).where(ReferralsReward.member == merged).execute()
    for row in list(ReferralsCount.scoped(ctx).select().where(ReferralsCount.member == merged)):
        count(ctx, member, row.period, row.conversions)
    ReferralsCount.scoped(ctx).delete().where(ReferralsCount.member == merged).execute()
    if ReferralsKnown.scoped(ctx).delete().where(ReferralsKnown.member == merged).execute():
        ReferralsKnown.scoped(ctx).insert(member=member).on_conflict_ignore().execute()
    brought = door.first(ReferralsRelation.invitee == merged)
    if brought is not None:
        if door.first(ReferralsRelation.invitee == member) is None:
            door.update(invitee=member).where(ReferralsRelation.id == brought.id).execute()
            if members.get(ctx, member).registered_at < brought.bound_at:
                _void(ctx, brought, "known_before")
        else:
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


def export(ctx: Context, member: UUID) -> dict[str, Any]:
    """Return a member's side of relations as JSON values: nothing of other people but when they came."""
    mine = ReferralsRelation.scoped(ctx).first(ReferralsRelation.invitee == member)
    brought = ReferralsRelation.scoped(ctx).select().where(ReferralsRelation.inviter == member)
    return {
        "was_invited": {"state": mine.state, "at": mine.bound_at.isoformat()} if mine else None,
        "invited": [
            {"state": row.state, "at": row.bound_at.isoformat()} for row in brought.order_by(ReferralsRelation.id)
        ],
    }


def purge(ctx: Context) -> None:
    """Delete all of this tenant's rows."""
    for model in (ReferralsRelation, ReferralsReward, ReferralsCount, ReferralsKnown):
        model.scoped(ctx).delete().execute()
