"""Working requests of levels."""

from typing import Any

from plugins.levels.models import LevelsHistory
from tests.hosts.rest.working import Call, Maker, Stage

BY_HAND = {"level": "gold", "until": "2027-06-30", "reason": "owner's friend"}


def standing(stage: Stage) -> str:
    """Give the owner a level by hand; return the standing's id."""
    made = stage.staff("POST", "/admin/v1/levels/standings", {**BY_HAND, "member": str(stage.owner.id)})
    return str(made["id"])


def of_standing(body: Any = None) -> Maker:
    """Return a maker of a call about a standing."""
    return lambda stage: Call({"row_id": standing(stage)}, body=body)


def history(stage: Stage) -> Call:
    """Name a change of the owner's level."""
    standing(stage)
    row = LevelsHistory.scoped(stage.ctx).get(LevelsHistory.member == stage.owner.id)
    return Call({"row_id": row.id})


CLASS_RULE = {
    "name": "1,000 points",
    "from_class": "ordinary",
    "to_class": "discount",
    "conditions": [{"kind": "points_earned", "spec": {"least": 1000}}],
}


def class_rule(stage: Stage) -> str:
    """Write a class rule; return its id."""
    return str(stage.staff("POST", "/admin/v1/levels/class_rules", CLASS_RULE)["id"])


WORKING: dict[str, Maker] = {
    "GET /admin/v1/levels/standings/{row_id}": of_standing(),
    "POST /admin/v1/levels/standings": lambda stage: Call(body={**BY_HAND, "member": str(stage.owner.id)}),
    "POST /admin/v1/levels/standings/{row_id}/set": of_standing({**BY_HAND, "level": "silver"}),
    "POST /admin/v1/levels/standings/{row_id}/end": of_standing({"reason": "was wrong"}),
    "GET /admin/v1/levels/history/{row_id}": history,
    "POST /admin/v1/levels/class_rules": lambda stage: Call(body=CLASS_RULE),
    "GET /admin/v1/levels/class_rules/{row_id}": lambda stage: Call({"row_id": class_rule(stage)}),
    "PATCH /admin/v1/levels/class_rules/{row_id}": lambda stage: Call({"row_id": class_rule(stage)}, body=CLASS_RULE),
}
