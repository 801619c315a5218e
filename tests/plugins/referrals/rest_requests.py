"""Working requests of referrals."""

from typing import Any

from core import members
from plugins.referrals.models import ReferralsReward
from tests.hosts.rest.working import Call, Maker, Stage


def bound(stage: Stage) -> str:
    """Bind somebody new to the owner; return the relation's id."""
    made = stage.staff("POST", "/admin/v1/referrals/relations", binding(stage))
    return str(made["id"])


def binding(stage: Stage) -> dict[str, Any]:
    """Return the body that binds somebody new to the owner."""
    friend = stage.new_member(state="lead")
    return {"invitee": str(friend.id), "inviter": str(stage.owner.id), "reason": "they say so"}


def of_relation(body: Any = None) -> Maker:
    """Return a maker of a call about a relation that is bound."""
    return lambda stage: Call({"row_id": bound(stage)}, body=body)


def rebind(stage: Stage) -> Call:
    """Name another inviter."""
    return Call({"row_id": bound(stage)}, body={"inviter": str(stage.new_member().id), "reason": "was wrong"})


def claw_back(stage: Stage) -> Call:
    """Name a relation whose friend has converted."""
    invitation = stage.member("GET", "/v1/referrals/invitation")["token"]
    with stage.ctx.transaction():
        friend, _ = members.register(
            stage.ctx, channel="test", phone=f"137{int(stage.unique('')):08d}", invitation=invitation
        )
    stage.drain()
    with stage.ctx.transaction():
        members.set_membership(stage.ctx, friend.id, state="member")
    stage.drain()
    rows = stage.staff("GET", "/admin/v1/referrals/relations", params={"inviter": str(stage.owner.id)})["items"]
    return Call({"row_id": rows[0]["id"]}, body={"reason": "fraud"})


def reward(stage: Stage) -> Call:
    """Name a reward of the owner's."""
    claw_back(stage)
    row = ReferralsReward.scoped(stage.ctx).first(ReferralsReward.member == stage.owner.id)
    return Call({"row_id": row.id})


WORKING: dict[str, Maker] = {
    "GET /admin/v1/referrals/relations/{row_id}": of_relation(),
    "POST /admin/v1/referrals/relations": lambda stage: Call(body=binding(stage)),
    "POST /admin/v1/referrals/relations/{row_id}/rebind": rebind,
    "POST /admin/v1/referrals/relations/{row_id}/claw_back": claw_back,
    "GET /admin/v1/referrals/rewards/{row_id}": reward,
}
