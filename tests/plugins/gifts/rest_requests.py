"""Working requests of gifts."""

from typing import Any

from core import rewards
from plugins.gifts.models import GiftsClaim
from tests.hosts.rest.working import Call, Maker, Stage

ADMIN = "/admin/v1/gifts"
ADDRESS = {"name": "Li Lei", "phone": "13900000000", "region": "Shanghai", "detail": "1 Main street"}
WHY = {"reason": "asked for"}


def gift_body(stage: Stage, kind: str = "physical") -> dict[str, Any]:
    """Return the body of a new gift."""
    return {"code": stage.unique("gift"), "name": "Towel", "kind": kind, **({"stock": 9} if kind == "physical" else {})}


def gift(stage: Stage, kind: str = "physical") -> dict[str, Any]:
    """Define a gift."""
    made: dict[str, Any] = stage.staff("POST", f"{ADMIN}/gifts", gift_body(stage, kind))
    return made


def rule_body(stage: Stage) -> dict[str, Any]:
    """Return the body of a rule."""
    return {"name": "Birthday", "moment": "birthday", "rewards": [{"kind": "points", "spec": {"amount": 5}}]}


def offered(stage: Stage, kind: str = "physical") -> str:
    """Offer the owner a gift; return the claim's id."""
    reward = rewards.RewardSpec(kind="gift", spec={"gift": gift(stage, kind)["code"]})
    with stage.ctx.transaction():
        rewards.give(stage.ctx, stage.owner.id, [reward], key=stage.unique("give"), reason="test")
        row = GiftsClaim.scoped(stage.ctx).get(GiftsClaim.member == stage.owner.id)
    return str(row.id)


def accepted(stage: Stage, *, pickup: bool = False) -> str:
    """Have the owner accept a gift; return the claim's id."""
    claim = offered(stage)
    body = {"venue": str(stage.venue)} if pickup else {"address": ADDRESS}
    stage.member("POST", f"/v1/gifts/claims/{claim}/accept", body)
    return claim


def shipped(stage: Stage) -> Call:
    """Name a claim that is on its way."""
    claim = accepted(stage)
    stage.staff("POST", f"{ADMIN}/claims/{claim}/ship", SHIPMENT)
    return Call({"row_id": claim})


def virtual(stage: Stage) -> str:
    """Have the owner accept a virtual gift; return the claim's id."""
    claim = offered(stage, "virtual")
    stage.member("POST", f"/v1/gifts/claims/{claim}/accept", {})
    return claim


def voucher(stage: Stage) -> Call:
    """Name the code of a virtual gift."""
    claim = virtual(stage)
    return Call(query={"code": stage.member("GET", f"/v1/gifts/claims/{claim}")["code"]})


def welcomed(stage: Stage) -> Call:
    """Name a member who was given a welcome."""
    stage.drain()
    return Call({"member_id": stage.owner.id}, body=WHY)


def of_rule(body: Maker | None = None) -> Maker:
    """Return a maker of a call about a rule."""

    def make(stage: Stage) -> Call:
        made = stage.staff("POST", f"{ADMIN}/rules", rule_body(stage))
        return Call({"row_id": made["id"]}, body=body(stage).body if body else None)

    return make


def kept(stage: Stage) -> Call:
    """Name a claim that was to be taken back after it was shipped."""
    call = shipped(stage)
    with stage.ctx.transaction():
        GiftsClaim.scoped(stage.ctx).update(unreturned_at=stage.ctx.now()).execute()
    return Call(call.path, body=WHY)


SHIPMENT = {"carrier": "SF", "tracking": "SF1234567890"}
WORKING: dict[str, Maker] = {
    "GET /v1/gifts/claims/{claim_id}": lambda stage: Call({"claim_id": offered(stage)}),
    "POST /v1/gifts/claims/{claim_id}/accept": lambda stage: Call(
        {"claim_id": offered(stage)}, body={"address": ADDRESS}
    ),
    f"POST {ADMIN}/claims/{{row_id}}/address": lambda stage: Call({"row_id": accepted(stage)}, body=WHY),
    f"GET {ADMIN}/vouchers": voucher,
    f"POST {ADMIN}/members/{{member_id}}/welcome/reverse": welcomed,
    f"GET {ADMIN}/gifts/{{row_id}}": lambda stage: Call({"row_id": gift(stage)["id"]}),
    f"POST {ADMIN}/gifts": lambda stage: Call(body=gift_body(stage)),
    f"PATCH {ADMIN}/gifts/{{row_id}}": lambda stage: Call({"row_id": gift(stage)["id"]}, body={"name": "Big towel"}),
    f"POST {ADMIN}/gifts/{{row_id}}/restock": lambda stage: Call({"row_id": gift(stage)["id"]}, body={"quantity": 3}),
    f"GET {ADMIN}/rules/{{row_id}}": of_rule(),
    f"POST {ADMIN}/rules": lambda stage: Call(body=rule_body(stage)),
    f"PATCH {ADMIN}/rules/{{row_id}}": of_rule(lambda stage: Call(body={**rule_body(stage), "name": "Other"})),
    f"GET {ADMIN}/claims/{{row_id}}": lambda stage: Call({"row_id": offered(stage)}),
    f"POST {ADMIN}/claims/{{row_id}}/ship": lambda stage: Call({"row_id": accepted(stage)}, body=SHIPMENT),
    f"POST {ADMIN}/claims/{{row_id}}/received": shipped,
    f"POST {ADMIN}/claims/{{row_id}}/picked_up": lambda stage: Call({"row_id": accepted(stage, pickup=True)}),
    f"POST {ADMIN}/claims/{{row_id}}/use": lambda stage: Call({"row_id": virtual(stage)}),
    f"POST {ADMIN}/claims/{{row_id}}/settle": kept,
    f"POST {ADMIN}/claims/{{row_id}}/revoke": lambda stage: Call({"row_id": offered(stage)}, body=WHY),
}
