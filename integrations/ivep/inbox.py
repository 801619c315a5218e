"""Events that IVEP pushes: verified, stored and answered at once; processed by a job, with one effect."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from integrations import qinniao
from integrations.ivep import reading, service, wire
from integrations.ivep.models import IvepEvent
from integrations.ivep.schemas import EventJob, IvepSettings
from roost import Answer, Conflict, Context, Push, delete_some, seal, unseal

OPEN = ("received", "waiting", "failed")  # states of events that may still be processed
AS_EVENT = {"known": "done"}


def receive(ctx: Context, push: Push) -> Answer:
    """Verify and store a push, and put its processing in the table; the same event again changes nothing.

    Raises what `qinniao.admit` raises.
    """
    ctx = ctx.for_plugin(service.SLUG)
    event, body = qinniao.admit(ctx, push, ctx.settings(IvepSettings))
    number = event.data.get("id")
    made = IvepEvent.scoped(ctx).insert_once(
        event_id=event.event_id,
        event_type=event.event_type,
        number=number if isinstance(number, str) and number.isprintable() and len(number) <= 100 else "",
        body=seal(ctx, "event", body),
        venue=service.venue_of(ctx, event.store_id),
        occurred_at=event.occurred_at,
        received_at=ctx.now(),
    )
    if made is not None:
        ctx.enqueue("ivep.event", EventJob(event=made))
    else:
        qinniao.check_same(ctx, IvepEvent, event)
    return qinniao.received(ctx)


def process(ctx: Context, event_id: UUID) -> str:
    """Process one stored event; return its state. Nothing happens to one that is done."""
    ctx = ctx.for_plugin(service.SLUG)
    row = IvepEvent.scoped(ctx).lock(IvepEvent.id == event_id)
    if row.state not in OPEN or row.body is None:
        return str(row.state)
    outcome = _process(ctx, row)
    state = AS_EVENT.get(outcome.state, outcome.state)
    IvepEvent.scoped(ctx).update(
        state=state, note=outcome.note[: service.NOTE_LENGTH], member=outcome.member or row.member,
        processed_at=ctx.now(),
    ).where(IvepEvent.id == row.id).execute()  # fmt: skip
    return state


def _process(ctx: Context, row: Any) -> service.Outcome:
    event = qinniao.PushedEvent.model_validate_json(unseal(ctx, "event", row.body))
    kind = wire.KIND_OF_EVENT.get(event.event_type)
    if kind is None:
        return service.Outcome("stored")
    said: dict[str, Any] = {"store_id": event.store_id}
    if event.event_type in wire.STATUS_OF_EVENT:
        said["status"] = wire.STATUS_OF_EVENT[event.event_type]
    try:
        if kind == "coaches":
            return service.take_coach(ctx, wire.IvepCoach.model_validate({**said, **event.data}))
        relation = wire.IvepRelation.model_validate({**said, **event.data})
    except ValidationError as ex:
        return service.Outcome("failed", None, qinniao.wrong_fields(ex))
    outcome = service.take_relation(ctx, relation, "ivep")
    if outcome.unnamed:
        reading.name_coaches(ctx)
    return outcome


def retry(ctx: Context, event_id: UUID, body: None = None) -> None:
    """Process an event again, for staff. Raises Conflict for one that is done, or still waits or fails."""
    row = IvepEvent.scoped(ctx).get(IvepEvent.id == event_id)
    if row.state not in OPEN:
        raise Conflict(f"this event is {row.state}: there is nothing to do", "该推送已处理，无需重试")
    process(ctx, event_id)


def clean(ctx: Context) -> bool:
    """Delete some events past their keeping; tell whether more may be left. What they told stays."""
    before = ctx.now() - timedelta(days=ctx.settings(IvepSettings).keep_days)
    return delete_some(ctx, IvepEvent, IvepEvent.received_at < before)
