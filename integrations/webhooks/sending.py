"""One attempt: what is sent is read in a transaction, sent in none, and what came of it is written in another."""

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from integrations.webhooks import catalogue, client, deliveries, endpoints
from integrations.webhooks.hookspecs import WebhookDisabled
from integrations.webhooks.labels import PING
from integrations.webhooks.models import WebhooksAttempt, WebhooksDelivery, WebhooksEndpoint
from integrations.webhooks.schemas import DeliverJob, ResumeJob, WebhooksSettings
from roost import Context, Next, Remote, egress, tenants

WAITS = tuple(  # after each attempt that failed: ten attempts in a little more than a day
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3600, 10_800, 21_600, 21_600, 28_800)
)
SPREAD = 0.1  # of a wait is added at random: what failed together does not come back together


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message on its way, and the door it goes through."""

    job: DeliverJob
    endpoint: UUID
    message: client.Message
    session: egress.Session


class Deliver(Remote):
    """Send one delivery."""

    def prepare(self, ctx: Context, *, payload: DeliverJob) -> Prepared | None:  # type: ignore[override]
        """Return what to send; None when it is not its time, and it was put where its time will come."""
        row = WebhooksDelivery.scoped(ctx).first(WebhooksDelivery.id == payload.delivery)
        if row is None or row.round != payload.round or row.state not in ("waiting", "sending"):
            return None
        found = WebhooksEndpoint.scoped(ctx).first(WebhooksEndpoint.id == row.endpoint)
        test = row.fact == PING
        if found is None or (found.state != "on" and not test):
            _write(ctx, row, state="stopped", finished_at=ctx.now())
            return None
        endpoint = WebhooksEndpoint.scoped(ctx).lock(WebhooksEndpoint.id == row.endpoint)
        # It may have been stopped or sent by another job while we waited for the lock.
        row = WebhooksDelivery.scoped(ctx).lock(WebhooksDelivery.id == row.id)
        if row.round != payload.round or row.state not in ("waiting", "sending"):
            return None
        busy = deliveries.under_way(ctx, endpoint.id, but=row.id)
        if not test and busy >= deliveries.room(ctx, endpoint):
            _write(ctx, row, state="parked")
            return None
        _write(ctx, row, state="sending", due_at=ctx.now() + deliveries.LEASE)
        message = client.Message(
            url=endpoint.url,
            id=catalogue.message_id(row.event),
            timestamp=int(ctx.now().timestamp()),
            body=row.body.encode(),
            keys=endpoints.keys_of(ctx, endpoint),
        )
        return Prepared(payload, endpoint.id, message, egress.session(ctx))

    def call(self, prepared: Prepared | None) -> client.Outcome | None:
        return None if prepared is None else client.deliver(prepared.session, prepared.message)

    def complete(self, ctx: Context, prepared: Prepared | None, answer: client.Outcome | None) -> Next | None:
        """Write the attempt; then go on, give up, or leave the address alone for a while."""
        if prepared is None or answer is None:
            return None
        if WebhooksEndpoint.scoped(ctx).first(WebhooksEndpoint.id == prepared.endpoint) is None:
            return None
        endpoint = WebhooksEndpoint.scoped(ctx).lock(WebhooksEndpoint.id == prepared.endpoint)
        row = WebhooksDelivery.scoped(ctx).first(WebhooksDelivery.id == prepared.job.delivery)
        if row is None:
            return None
        row = WebhooksDelivery.scoped(ctx).lock(WebhooksDelivery.id == row.id)
        WebhooksAttempt.scoped(ctx).insert(
            endpoint=endpoint.id,
            delivery=row.id,
            number=row.attempts + 1,
            status=answer.status,
            error=answer.error,
            duration_ms=answer.milliseconds,
            reply=answer.reply,
            created_at=ctx.now(),
        ).execute()
        if row.round != prepared.job.round:
            return None  # we were taken for dead, and it was started anew
        follow = _settle(ctx, row, answer, prepared.job, may_wait=endpoint.state == "on")
        if row.fact != PING or answer.verdict == "delivered":
            endpoint = _judge(ctx, endpoint, answer)
        deliveries.dispatch(ctx, endpoint)
        return follow if endpoint.state == "on" else None


def _settle(ctx: Context, row: Any, answer: client.Outcome, job: DeliverJob, *, may_wait: bool) -> Next | None:
    """Write what became of a delivery; return its next attempt, if there is one."""
    said = {"attempts": row.attempts + 1, "status": answer.status, "error": answer.error}
    if answer.verdict == "delivered":
        _write(ctx, row, state="delivered", finished_at=ctx.now(), **said)
        return None
    last = answer.verdict == "gone" or row.fact == PING or row.attempts >= len(WAITS) or not may_wait
    if last:
        _write(ctx, row, state="failed", finished_at=ctx.now(), **said)
        return None
    wait = max(WAITS[row.attempts], timedelta(seconds=answer.retry_after)) * (1 + random.random() * SPREAD)
    _write(ctx, row, state="waiting", due_at=ctx.now() + wait, **said)
    return Next(job, wait)


def _judge(ctx: Context, endpoint: Any, answer: client.Outcome) -> Any:
    """Write how an address does; return its row as it is now."""
    if answer.verdict == "delivered":
        if endpoint.failures:
            endpoints.write(ctx, endpoint, failures=0, failing_since=None, paused_until=None)
        return endpoint
    since = endpoint.failing_since or ctx.now()
    failures = endpoint.failures + 1
    until = deliveries.pause(ctx, failures)
    endpoints.write(ctx, endpoint, failures=failures, failing_since=since, paused_until=until)
    if answer.verdict == "gone":
        _disable(ctx, endpoint, "gone")
    elif since + timedelta(hours=ctx.settings(WebhooksSettings).disable_after_hours) <= ctx.now():
        _disable(ctx, endpoint, "failing")
    elif until is not None:
        ctx.enqueue("webhooks.resume", ResumeJob(endpoint=endpoint.id), run_at=until)
    return endpoint


def _disable(ctx: Context, endpoint: Any, reason: Literal["gone", "failing"]) -> None:
    if endpoint.state != "on":
        return
    endpoints.write(ctx, endpoint, state="disabled", reason=reason)
    deliveries.stop(ctx, endpoint.id)
    tenants.touch(ctx)
    ctx.publish(WebhookDisabled(endpoint=endpoint.id, reason=reason))


def _write(ctx: Context, row: Any, **values: Any) -> None:
    WebhooksDelivery.scoped(ctx).update(**values).where(WebhooksDelivery.id == row.id).execute()
