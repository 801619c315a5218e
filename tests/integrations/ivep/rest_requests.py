"""Working requests of the coach link."""

import json
from typing import Any

from core import tenants
from integrations.ivep.fake import APP_ID, SECRET, IvepFake, serve
from integrations.ivep.models import IvepCoach, IvepCursor, IvepEvent, IvepRelation
from roost import seal
from tests.hosts.rest.working import Call, Maker, Stage

ADMIN = "/admin/v1/ivep"


def connect(stage: Stage) -> None:
    """Connect the brand with the fake."""
    running = stage.once("ivep", lambda: serve(fake=IvepFake(clock=stage.clock.now)))
    tenants.save_settings(stage.near.ctx, "ivep", {"base_url": running.url, "app_id": APP_ID, "secret": SECRET})
    stage.fresh()


def coach(stage: Stage) -> Any:
    """Make a coach known."""
    with stage.ctx.transaction():
        return IvepCoach.scoped(stage.ctx).create(
            number=stage.unique("s"), name="Zhou Lan", version=1, told_at=stage.ctx.now(), changed_at=stage.ctx.now()
        )


def relation(stage: Stage) -> Call:
    """Keep a relation whose member nobody knows."""
    connect(stage)
    held = coach(stage)
    with stage.ctx.transaction():
        row = IvepRelation.scoped(stage.ctx).create(
            number=stage.unique("r"), member_number=stage.unique("m"), coach=held.id, assigned=True, version=1,
            told_at=stage.ctx.now(), changed_at=stage.ctx.now(),
        )  # fmt: skip
    return Call({"row_id": row.id})


def event(stage: Stage) -> Call:
    """Keep an event that failed."""
    connect(stage)
    now, ctx = stage.ctx.now(), stage.ctx.for_plugin("ivep")
    data = {
        "id": stage.unique("r"), "member_id": stage.unique("m"), "coach_id": "s-1", "version": 1,
        "updated_at": now.isoformat(),
    }  # fmt: skip
    pushed = {
        "event_id": stage.unique("e"), "event_type": "coach.assigned", "occurred_at": now.isoformat(), "data": data,
    }  # fmt: skip
    with ctx.transaction():
        row = IvepEvent.scoped(ctx).create(
            event_id=pushed["event_id"], event_type="coach.assigned", number=data["id"], state="failed",
            body=seal(ctx, "event", json.dumps(pushed)), occurred_at=now, received_at=now,
        )  # fmt: skip
    return Call({"row_id": row.id})


def listed(stage: Stage) -> Call:
    """Name a list that was read before."""
    connect(stage)
    with stage.ctx.transaction():
        IvepCursor.scoped(stage.ctx).insert(kind="coaches").on_conflict_ignore().execute()
    return Call({"row_id": IvepCursor.scoped(stage.ctx).get(IvepCursor.kind == "coaches").id})


def start(stage: Stage) -> Call:
    """Read both lists."""
    connect(stage)
    return Call()


def run(stage: Stage) -> Call:
    """Read one list."""
    connect(stage)
    return Call(body={"kind": "coaches"})


WORKING: dict[str, Maker] = {
    f"POST {ADMIN}/reconciliation": start,
    f"GET {ADMIN}/coaches/{{row_id}}": lambda stage: Call({"row_id": coach(stage).id}),
    f"GET {ADMIN}/relations/{{row_id}}": relation,
    f"POST {ADMIN}/relations/{{row_id}}/retry": relation,
    f"GET {ADMIN}/events/{{row_id}}": event,
    f"POST {ADMIN}/events/{{row_id}}/retry": event,
    f"GET {ADMIN}/lists/{{row_id}}": listed,
    f"POST {ADMIN}/lists": run,
    f"POST {ADMIN}/lists/{{row_id}}/run": listed,
}
