"""Events that IVEP pushes: verified, stored and answered at once; processed by a job, with one effect."""

from typing import Any

from pydantic import ValidationError

from integrations import qinniao
from integrations.ivep import reading, service, wire
from integrations.ivep.models import IvepEvent
from integrations.ivep.schemas import EventJob, IvepSettings
from roost import Answer, Context, Handled, Inbox, Push, seal, unseal

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


def _handle(ctx: Context, row: Any) -> Handled:
    outcome = _take(ctx, qinniao.PushedEvent.model_validate_json(unseal(ctx, "event", row.body)))
    return Handled(AS_EVENT.get(outcome.state, outcome.state), outcome.note, outcome.member)


def _take(ctx: Context, event: qinniao.PushedEvent) -> service.Outcome:
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


INBOX = Inbox(service.SLUG, IvepEvent, _handle, lambda ctx: ctx.settings(IvepSettings).keep_days)
