"""Events that the SaaS pushes: verified, stored and answered at once; processed by a job, with one effect."""

from typing import Any
from uuid import UUID

from pydantic import ValidationError

from integrations.qinniao import effects, service
from integrations.qinniao.answers import plain_id
from integrations.qinniao.door import admit, check_same, received
from integrations.qinniao.models import QinniaoEvent
from integrations.qinniao.people import PROVIDER
from integrations.qinniao.schemas import EventJob, QinniaoSettings
from integrations.qinniao.wire import ITEM_MODELS, KIND_OF_EVENT, STATUS_OF_EVENT, PushedEvent, wrong_fields
from roost import Answer, Context, Handled, Inbox, Push, members, seal, unseal

AS_EVENT = {"applied": "done", "known": "done"}  # an outcome as the state of its event, where the words differ


def receive(ctx: Context, push: Push) -> Answer:
    """Verify and store a push, and put its processing in the table.

    The same event again is answered the same way and changes nothing. Raises KeyReused for
    its id with other content, Unauthorized for a signature,
    timestamp or nonce that is not good, Invalid for a body that is no event, NotFound while the plugin is
    off.
    """
    ctx = ctx.for_plugin(service.SLUG)
    event, body = admit(ctx, push, ctx.settings(QinniaoSettings))
    kind = KIND_OF_EVENT.get(event.event_type, "")
    made = QinniaoEvent.scoped(ctx).insert_once(
        event_id=event.event_id,
        event_type=event.event_type,
        kind=kind,
        saas_id=(plain_id(event.data.get("id")) or "") if kind else "",
        body=seal(ctx, "event", body),
        venue=effects.venue_of(ctx, event.store_id),
        occurred_at=event.occurred_at,
        received_at=ctx.now(),
    )
    if made is not None:
        ctx.enqueue("qinniao.event", EventJob(event=made))
    else:
        check_same(ctx, QinniaoEvent, event)
    return received(ctx)


def _handle(ctx: Context, row: Any) -> Handled:
    event = PushedEvent.model_validate_json(unseal(ctx, "event", row.body))
    kind = KIND_OF_EVENT.get(event.event_type)
    if kind is None:
        return Handled("stored", member=_whose(ctx, event))
    try:
        item = ITEM_MODELS[kind].model_validate(item_of(event))
    except ValidationError as ex:
        return Handled("failed", wrong_fields(ex))
    outcome = service.apply(ctx, kind, item, via="push", occurred_at=event.occurred_at)
    return Handled(AS_EVENT.get(outcome.state, outcome.state), outcome.note, outcome.member)


def item_of(event: PushedEvent) -> dict[str, Any]:
    """Return what an event is about, as an item of its list: the event says the store and status if the data do not."""
    said: dict[str, Any] = {"store_id": event.store_id}
    if event.event_type in STATUS_OF_EVENT:
        said["status"] = STATUS_OF_EVENT[event.event_type]
    return {**said, **event.data}


def _whose(ctx: Context, event: PushedEvent) -> UUID | None:
    """Return the member an event of a type nobody knows is about, where the SaaS's number of them is known."""
    number = event.data.get("member_id")
    found = members.find_by_identity(ctx, PROVIDER, number) if isinstance(number, str) else None
    return found.id if found is not None else None


INBOX = Inbox(service.SLUG, QinniaoEvent, _handle, lambda ctx: ctx.settings(QinniaoSettings).keep_days)
