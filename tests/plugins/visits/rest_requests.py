"""Working requests of visits."""

from typing import Any

from tests.hosts.rest.working import Call, Maker, Stage


def visit(stage: Stage) -> dict[str, Any]:
    """Return the body of a visit of the owner's."""
    return {"member": str(stage.owner.id), "venue": str(stage.venue), "occurred_at": stage.ctx.now().isoformat()}


WORKING: dict[str, Maker] = {
    "POST /admin/v1/visits": lambda stage: Call(body=visit(stage)),
    "GET /admin/v1/visits/records/{row_id}": lambda stage: Call(
        {"row_id": stage.staff("POST", "/admin/v1/visits", visit(stage))["id"]}
    ),
    "POST /admin/v1/visits/records": lambda stage: Call(body=visit(stage)),
}
