"""What systems of the brand draft: any rewards, for members by their ids or for everybody of an audience."""

from plugins.bulk_grants import service
from plugins.bulk_grants.audience import Audience, members_of
from plugins.bulk_grants.schemas import DraftIn, DraftOut
from roost import Context, Endpoints, Forbidden, Invalid

staff = Endpoints("staff")


def require_head_office(ctx: Context) -> None:
    """Raise Forbidden for an account of single venues."""
    if ctx.actor.venues:
        raise Forbidden("an account of single venues gives to no batch", "门店账号不能批量发放")


@staff.post("/drafts", permission="bulk_grants.edit", status=201)
def draft(ctx: Context, body: DraftIn) -> DraftOut:
    """Draft a batch and see its heads and cost; nothing is given before somebody else approves it."""
    require_head_office(ctx)
    if (body.audience is None) == (not body.members):
        raise Invalid(
            "give a list of members, or an audience: one of the two",
            "请填写会员列表或选择会员条件（二选一）",
            fields=[{"path": "body.members", "message": "members or audience"}],
        )
    members = body.members
    if body.audience is not None:
        members = members_of(ctx, Audience(**body.audience.model_dump()))
    batch = service.draft(ctx, name=body.name, members=members, rewards_=body.rewards, reason=body.reason)
    ctx.audit("bulk_grants.batches.created", str(batch.id), {"heads": batch.heads, "points": batch.points})
    return DraftOut.model_validate(batch)
