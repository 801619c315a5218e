"""From a fact to its deliveries, and when each is sent.

A delivery is `waiting` with a job of its own, or `parked` without one: when its address has as many under way as it
may have, or is paused. Whoever ends an attempt, or a pause, starts what is parked. Both look under the lock of the
address's row, so none is left behind; the sweep is for workers that were killed and for jobs that passed while the
plugin was off.

After `FAILURES` attempts in a row that failed an address is paused (a minute, then twice as long, an hour at most);
then one delivery goes to see. So a receiver that is down or slow costs others nothing, and its own deliveries no
attempts.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from integrations.webhooks import catalogue
from integrations.webhooks.labels import PING
from integrations.webhooks.models import WebhooksAttempt, WebhooksDelivery, WebhooksEndpoint
from integrations.webhooks.schemas import DeliverJob, ReplayJob, ResumeJob, WebhooksSettings
from roost import Conflict, Context, Fact, Next, Slot, delete_some, new_id

FAILURES = 5
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
LEASE = timedelta(minutes=2)  # far more than an attempt may take
OVERDUE = timedelta(minutes=10)  # a job that is so late is not there any more
CHUNK = 500
OPEN = ("waiting", "parked", "sending")


def wanted(ctx: Context) -> set[str]:
    """Return the facts that any address of the tenant subscribes to."""
    rows = WebhooksEndpoint.scoped(ctx).select(WebhooksEndpoint.facts).where(WebhooksEndpoint.state == "on")
    return {name for row in rows for name in row.facts}


def hear(ctx: Context, fact: Fact) -> None:
    """Put one delivery of a fact in line for each address that subscribes to it."""
    assert fact.event is not None
    name = fact.fact_name()
    on = WebhooksEndpoint.scoped(ctx).select().where(WebhooksEndpoint.state == "on")
    subscribed = [row for row in on if name in row.facts]
    if not subscribed:
        return
    body = catalogue.body_of(ctx, fact, fact.event)
    for endpoint in subscribed:
        add(ctx, endpoint.id, fact.event, name, body, fact.occurred_at or ctx.now())


def ping(ctx: Context, endpoint: UUID) -> None:
    """Put a test in line; it goes out whatever the state of the address, once."""
    event = new_id()
    add(ctx, endpoint, event, PING, catalogue.ping_body(ctx, event), ctx.now())


def add(ctx: Context, endpoint: UUID, event: UUID, fact: str, body: str, occurred_at: datetime) -> None:
    """Write a delivery and put it in line; nothing happens when it is there already."""
    made = WebhooksDelivery.scoped(ctx).insert_once(
        endpoint=endpoint,
        event=event,
        fact=fact,
        body=body,
        due_at=ctx.now(),
        occurred_at=occurred_at,
        created_at=ctx.now(),
    )
    if made is not None:
        ctx.enqueue("webhooks.deliver", DeliverJob(delivery=made, round=0))


def start(ctx: Context, row: Any) -> None:  # Any: a delivery's row
    """Put a delivery in line now, in a round of its own."""
    fresh = row.round + 1
    WebhooksDelivery.scoped(ctx).update(state="waiting", round=fresh, due_at=ctx.now(), finished_at=None).where(
        WebhooksDelivery.id == row.id
    ).execute()
    ctx.enqueue("webhooks.deliver", DeliverJob(delivery=row.id, round=fresh))


def under_way(ctx: Context, endpoint: UUID, *, but: UUID | None = None) -> int:
    """Return how many deliveries to an address are on their way at this moment."""
    query = (
        WebhooksDelivery.scoped(ctx)
        .select()
        .where(
            WebhooksDelivery.endpoint == endpoint,
            WebhooksDelivery.state == "sending",
            WebhooksDelivery.due_at > ctx.now(),
        )
    )
    return int((query.where(WebhooksDelivery.id != but) if but is not None else query).count())


def room(ctx: Context, endpoint: Any) -> int:
    """Return how many deliveries an address may have under way; one while it is to be seen whether it is back."""
    if endpoint.paused_until is not None and endpoint.paused_until > ctx.now():
        return 0
    return 1 if endpoint.failures >= FAILURES else ctx.settings(WebhooksSettings).concurrency


def dispatch(ctx: Context, endpoint: Any) -> None:
    """Start what is parked, oldest first, as far as there is room; the address's row is locked."""
    free = room(ctx, endpoint) - under_way(ctx, endpoint.id) if endpoint.state == "on" else 0
    if free <= 0:
        return
    parked = (
        WebhooksDelivery.scoped(ctx)
        .select()
        .where(WebhooksDelivery.endpoint == endpoint.id, WebhooksDelivery.state == "parked")
        .order_by(WebhooksDelivery.id)
        .limit(free)
    )
    for row in list(parked):
        start(ctx, row)


def pause(ctx: Context, failures: int) -> datetime | None:
    """Return until when an address is left alone after so many failures; None: it is not."""
    if failures < FAILURES:
        return None
    return ctx.now() + min(FIRST_PAUSE * 2 ** min(failures - FAILURES, 10), LONGEST_PAUSE)  # type: ignore[no-any-return]


def resume(ctx: Context, payload: ResumeJob) -> None:
    """Start what was parked over a pause."""
    if WebhooksEndpoint.scoped(ctx).first(WebhooksEndpoint.id == payload.endpoint) is not None:
        dispatch(ctx, WebhooksEndpoint.scoped(ctx).lock(WebhooksEndpoint.id == payload.endpoint))


def stop(ctx: Context, endpoint: UUID) -> None:
    """End what is in line for an address; it may be sent again later. What is on its way stays on it."""
    WebhooksDelivery.scoped(ctx).update(state="stopped", round=WebhooksDelivery.round + 1, finished_at=ctx.now()).where(
        WebhooksDelivery.endpoint == endpoint, WebhooksDelivery.state.in_(("waiting", "parked"))
    ).execute()


# --- again -----------------------------------------------------------------------------------------------------------


def replay(ctx: Context, row_id: UUID, body: None = None) -> None:
    """Send one delivery again, with the same id and body. Raises Conflict for one in line or an address that is off."""
    found = WebhooksDelivery.scoped(ctx).get(WebhooksDelivery.id == row_id)
    endpoint = _taken_up(ctx, found.endpoint)
    row = WebhooksDelivery.scoped(ctx).lock(WebhooksDelivery.id == row_id)
    if row.state in OPEN:
        raise Conflict("this delivery is in line already", "该推送正在进行中，无需重发")
    WebhooksDelivery.scoped(ctx).update(attempts=0).where(WebhooksDelivery.id == row.id).execute()
    if room(ctx, endpoint):
        start(ctx, row)
    else:
        _park(ctx, [row.id])


def _taken_up(ctx: Context, endpoint_id: UUID) -> Any:
    endpoint = WebhooksEndpoint.scoped(ctx).first(WebhooksEndpoint.id == endpoint_id)
    if endpoint is None or endpoint.state != "on":
        raise Conflict("its address is off: switch it on first", "推送地址已停用，请先启用", code="endpoint_off")
    return WebhooksEndpoint.scoped(ctx).lock(WebhooksEndpoint.id == endpoint_id)


def _park(ctx: Context, ids: list[UUID]) -> None:
    WebhooksDelivery.scoped(ctx).update(
        state="parked", round=WebhooksDelivery.round + 1, attempts=0, finished_at=None
    ).where(WebhooksDelivery.id.in_(ids)).execute()


def replay_period(ctx: Context, payload: ReplayJob) -> Next | None:
    """Send a period of an address again, a chunk at a time; nothing happens once the address is off."""
    try:
        endpoint = _taken_up(ctx, payload.endpoint)
    except Conflict:
        return None
    states = ("failed", "stopped", "delivered") if payload.delivered else ("failed", "stopped")
    query = (
        WebhooksDelivery.scoped(ctx)
        .select(WebhooksDelivery.id)
        .where(
            WebhooksDelivery.endpoint == payload.endpoint,
            WebhooksDelivery.state.in_(states),
            WebhooksDelivery.fact != PING,
            WebhooksDelivery.occurred_at >= payload.since,
            WebhooksDelivery.occurred_at < payload.until,
        )
    )
    if payload.after is not None:
        query = query.where(WebhooksDelivery.id > payload.after)
    ids = [row.id for row in query.order_by(WebhooksDelivery.id).limit(CHUNK)]
    if ids:
        _park(ctx, ids)
        dispatch(ctx, endpoint)
    return Next(payload.model_copy(update={"after": ids[-1]})) if len(ids) == CHUNK else None


# --- upkeep ----------------------------------------------------------------------------------------------------------


def sweep(ctx: Context, slot: str) -> None:
    """Start what has lost its job: a worker was killed, or the plugin was off when it was due."""
    late = ctx.now() - OVERDUE
    for found in list(WebhooksEndpoint.scoped(ctx).select().order_by(WebhooksEndpoint.id)):
        endpoint = WebhooksEndpoint.scoped(ctx).lock(WebhooksEndpoint.id == found.id)
        if endpoint.old_until is not None and endpoint.old_until <= ctx.now():
            WebhooksEndpoint.scoped(ctx).update(old_secret=None, old_until=None).where(
                WebhooksEndpoint.id == endpoint.id
            ).execute()
        lost = (
            WebhooksDelivery.scoped(ctx)
            .select()
            .where(
                WebhooksDelivery.endpoint == endpoint.id,
                WebhooksDelivery.state.in_(("waiting", "sending")),
                WebhooksDelivery.due_at < late,
            )
            .order_by(WebhooksDelivery.id)
            .limit(CHUNK)
        )
        for row in list(lost):
            start(ctx, row)
        dispatch(ctx, endpoint)


def clean(ctx: Context, slot: str) -> Next | None:
    """Delete some of what is past its keeping."""
    before = ctx.now() - timedelta(days=ctx.settings(WebhooksSettings).keep_days)
    more = [delete_some(ctx, model, model.created_at < before) for model in (WebhooksAttempt, WebhooksDelivery)]
    return Next(Slot(slot=slot)) if any(more) else None
