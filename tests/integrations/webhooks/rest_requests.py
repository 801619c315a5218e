"""Working requests of webhooks."""

from typing import Any

from core import tenants
from core.ids import new_id
from integrations.webhooks import deliveries, endpoints
from integrations.webhooks.models import WebhooksAttempt, WebhooksDelivery
from integrations.webhooks.schemas import NewEndpoint
from tests.hosts.rest.working import Call, Maker, Stage

ADMIN = "/admin/v1/webhooks"
URL = "https://hooks.example.com/in"


def address(stage: Stage) -> Any:
    """Add an address."""
    tenants.save_settings(stage.near.ctx, "webhooks", {"most_endpoints": 50})
    stage.fresh()
    ctx = stage.ctx.for_plugin("webhooks")
    with ctx.transaction():
        for row in endpoints.WebhooksEndpoint.scoped(ctx).select():
            endpoints.remove(ctx, row.id)
        return endpoints.create(ctx, NewEndpoint(url=URL, facts=["member_registered"]))


def rotating(stage: Stage) -> Call:
    """Name an address with two secrets."""
    row, ctx = address(stage), stage.ctx.for_plugin("webhooks")
    with ctx.transaction():
        endpoints.rotate(ctx, row.id)
    return Call({"row_id": row.id})


def delivery(stage: Stage) -> Any:
    """Keep a delivery that failed."""
    row, ctx, event = address(stage), stage.ctx.for_plugin("webhooks"), new_id()
    with ctx.transaction():
        deliveries.add(ctx, row.id, event, "member_registered", "{}", ctx.now())
        WebhooksDelivery.scoped(ctx).update(state="failed").where(WebhooksDelivery.event == event).execute()
        return WebhooksDelivery.scoped(ctx).get(WebhooksDelivery.event == event)


def attempt(stage: Stage) -> Call:
    """Name an attempt."""
    row, ctx = delivery(stage), stage.ctx.for_plugin("webhooks")
    with ctx.transaction():
        made = WebhooksAttempt.scoped(ctx).create(
            endpoint=row.endpoint, delivery=row.id, number=1, status=500, duration_ms=12, created_at=ctx.now()
        )
    return Call({"row_id": made.id})


def add(stage: Stage) -> Call:
    """Add one more address."""
    address(stage)
    return Call(body={"url": URL, "facts": ["member_registered", "level_up"], "description": stage.unique("CRM ")})


WORKING: dict[str, Maker] = {
    f"POST {ADMIN}/endpoints": add,
    f"GET {ADMIN}/endpoints/{{row_id}}": lambda stage: Call({"row_id": address(stage).id}),
    f"PATCH {ADMIN}/endpoints/{{row_id}}": lambda stage: Call(
        {"row_id": address(stage).id}, body={"description": "another", "active": False}
    ),
    f"POST {ADMIN}/endpoints/{{row_id}}/ping": lambda stage: Call({"row_id": address(stage).id}),
    f"POST {ADMIN}/endpoints/{{row_id}}/rotate": lambda stage: Call({"row_id": address(stage).id}),
    f"POST {ADMIN}/endpoints/{{row_id}}/retire": rotating,
    f"POST {ADMIN}/endpoints/{{row_id}}/replay": lambda stage: Call(
        {"row_id": address(stage).id}, body={"since": "2026-11-01T00:00:00+08:00"}
    ),
    f"POST {ADMIN}/endpoints/{{row_id}}/remove": lambda stage: Call({"row_id": address(stage).id}),
    f"GET {ADMIN}/deliveries/{{row_id}}": lambda stage: Call({"row_id": delivery(stage).id}),
    f"POST {ADMIN}/deliveries/{{row_id}}/replay": lambda stage: Call({"row_id": delivery(stage).id}),
    f"GET {ADMIN}/attempts/{{row_id}}": attempt,
}
