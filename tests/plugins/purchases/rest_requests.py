"""Working requests of purchases."""

from typing import Any

from tests.hosts.rest.working import Call, Maker, Stage


def bought(stage: Stage) -> dict[str, Any]:
    """Return the body of a purchase of the owner's."""
    return {
        "member": str(stage.owner.id),
        "venue": str(stage.venue),
        "amount_fen": 12_300,
        "receipt": stage.unique("receipt"),
    }


def of_purchase(body: Any = None) -> Maker:
    """Return a maker of a call about a purchase."""
    return lambda stage: Call({"row_id": stage.staff("POST", "/admin/v1/purchases", bought(stage))["id"]}, body=body)


WORKING: dict[str, Maker] = {
    "POST /admin/v1/purchases": lambda stage: Call(body=bought(stage)),
    "GET /admin/v1/purchases/records/{row_id}": of_purchase(),
    "POST /admin/v1/purchases/records": lambda stage: Call(body=bought(stage)),
    "POST /admin/v1/purchases/records/{row_id}/refund": of_purchase({"amount_fen": 100, "reason": "too small"}),
}
