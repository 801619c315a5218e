"""Working requests of the SaaS desk."""

from typing import Any

from core import members, tenants
from core.ids import new_id
from integrations.qinniao.fake import APP_ID, SECRET, QinniaoFake, serve
from integrations.qinniao.models import (
    QinniaoCircuit,
    QinniaoCursor,
    QinniaoEvent,
    QinniaoLead,
    QinniaoObject,
    QinniaoRetry,
)
from integrations.qinniao.wire import PushedEvent, SaasMember
from roost import seal
from tests.hosts.rest.working import Call, Maker, Stage

ADMIN = "/admin/v1/qinniao"


def connect(stage: Stage) -> None:
    """Connect the brand with the fake."""
    running = stage.once("qinniao", lambda: serve(fake=QinniaoFake(clock=stage.clock.now)))
    values = {"base_url": running.url, "app_id": APP_ID, "secret": SECRET}
    tenants.save_settings(stage.near.ctx, "qinniao", values)
    stage.fresh()


def lead(stage: Stage, state: str = "pending") -> Any:
    """Put somebody on the way to the SaaS."""
    connect(stage)
    person, now = stage.new_member(state="lead"), stage.ctx.now()
    with stage.ctx.transaction():
        return QinniaoLead.scoped(stage.ctx).create(member=person.id, state=state, created_at=now, changed_at=now)


def add(stage: Stage) -> Call:
    """Name somebody who is not on the list."""
    connect(stage)
    return Call(body={"member": str(stage.new_member(state="lead").id)})


def member_of_saas(stage: Stage) -> dict[str, Any]:
    """Return a member as the SaaS tells them."""
    now = stage.ctx.now().isoformat()
    return {
        "id": stage.unique("m"),
        "store_id": "main",
        "phone": f"135{int(stage.unique('')):08d}",
        "name": "Lucy",
        "status": "active",
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }


def event(stage: Stage) -> Call:
    """Name an event that failed."""
    connect(stage)
    now = stage.ctx.now()
    data = member_of_saas(stage)
    pushed = {
        "event_id": stage.unique("e"),
        "event_type": "member.updated",
        "occurred_at": now.isoformat(),
        "store_id": "main",
        "data": data,
    }
    PushedEvent.model_validate(pushed)
    ctx = stage.ctx.for_plugin("qinniao")
    with ctx.transaction():
        row = QinniaoEvent.scoped(ctx).create(
            event_id=pushed["event_id"],
            event_type="member.updated",
            kind="members",
            saas_id=data["id"],
            body=seal(ctx, "event", PushedEvent.model_validate(pushed).model_dump_json()),
            state="failed",
            occurred_at=now,
            received_at=now,
        )
    return Call({"row_id": row.id})


def record(stage: Stage) -> Any:
    """Keep a record of the SaaS that waits for whose it is."""
    connect(stage)
    data, ctx = member_of_saas(stage), stage.ctx.for_plugin("qinniao")
    phone = members.phone_of(stage.ctx, stage.owner.id).removeprefix("+86")  # found when it is tried again
    item = SaasMember.model_validate({**data, "phone": phone})
    with ctx.transaction():
        return QinniaoObject.scoped(ctx).create(
            kind="members",
            saas_id=data["id"],
            owner=data["id"],
            state="waiting",
            version=1,
            told_at=ctx.now(),
            body=seal(ctx, "object", item.model_dump_json()),
            changed_at=ctx.now(),
        )


def assign(stage: Stage) -> Call:
    """Say that a record is the owner's."""
    row = record(stage)
    return Call({"row_id": row.id}, body={"member": str(stage.owner.id), "reason": "they showed the card"})


def start(stage: Stage) -> Call:
    """Start a reconciliation."""
    connect(stage)
    return Call()


def listed(stage: Stage) -> Call:
    """Name a list that was read before."""
    connect(stage)
    with stage.ctx.transaction():
        QinniaoCursor.scoped(stage.ctx).insert(kind="cards").on_conflict_ignore().execute()
    return Call({"row_id": QinniaoCursor.scoped(stage.ctx).get(QinniaoCursor.kind == "cards").id})


def run(stage: Stage) -> Call:
    """Fetch one list."""
    connect(stage)
    return Call(body={"kind": "cards"})


def server(stage: Stage) -> Call:
    """Name a server that is not asked for a while."""
    with stage.ctx.transaction():
        row = QinniaoCircuit.scoped(stage.ctx).create(
            target=f"http://{stage.unique('saas')}.example", state="open", failures=5, opened_at=stage.ctx.now(),
            changed_at=stage.ctx.now(),
        )  # fmt: skip
    return Call({"row_id": row.id})


def retried(stage: Stage) -> Call:
    """Name a time that everything was tried again."""
    with stage.ctx.transaction():
        row = QinniaoRetry.scoped(stage.ctx).create(what="records", state="done", created_at=stage.ctx.now())
    return Call({"row_id": row.id})


def retry_all(stage: Stage) -> Call:
    """Try everything again; what is at work already is done first."""
    stage.drain()
    return Call(body={"what": "records"})


WORKING: dict[str, Maker] = {
    f"GET {ADMIN}/lists/{{row_id}}": listed,
    f"POST {ADMIN}/lists": run,
    f"POST {ADMIN}/lists/{{row_id}}/run": listed,
    f"GET {ADMIN}/servers/{{row_id}}": server,
    f"POST {ADMIN}/servers/{{row_id}}/close": server,
    f"GET {ADMIN}/retries/{{row_id}}": retried,
    f"POST {ADMIN}/retries": retry_all,
    f"POST {ADMIN}/reconciliation": start,
    f"GET {ADMIN}/leads/{{row_id}}": lambda stage: Call({"row_id": lead(stage).id}),
    f"POST {ADMIN}/leads": add,
    f"POST {ADMIN}/leads/{{row_id}}/retry": lambda stage: Call({"row_id": lead(stage, "failed").id}),
    f"POST {ADMIN}/leads/{{row_id}}/convert": lambda stage: Call(
        {"row_id": lead(stage).id}, body={"proof": f"contract {new_id()}", "reason": "shown at the desk"}
    ),
    f"GET {ADMIN}/events/{{row_id}}": event,
    f"POST {ADMIN}/events/{{row_id}}/retry": event,
    f"GET {ADMIN}/records/{{row_id}}": lambda stage: Call({"row_id": record(stage).id}),
    f"POST {ADMIN}/records/{{row_id}}/retry": lambda stage: Call({"row_id": record(stage).id}),
    f"POST {ADMIN}/records/{{row_id}}/assign": assign,
}
