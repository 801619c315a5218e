"""Write facts, and one delivery per subscribed plugin, in the transaction of what happened."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import uuid_utils
from pydantic_core import to_json

from core import db
from core.bulk import FEW, Columns, Insert, Same, insert_columns, insert_later
from core.contract.context import Context
from core.contract.facts import Fact
from core.events.models import Event, Job
from core.fields import as_time, uuid_of
from core.ids import new_id
from core.registry.dispatcher import Dispatcher

ENVELOPE = {"occurred_at", "cause", "origin", "event"}

_EVENT = Insert(
    Event,
    "INSERT INTO event (tenant, id, name, schema_version, origin, cause, body, occurred_at, recorded_at) VALUES ",
    "(%s,%s,%s,%s,%s,%s,%s,%s,%s)",
    ("tenant", "id", "name", "schema_version", "origin", "cause", "body", "occurred_at", "recorded_at"),
)
JOB = Insert(
    Job,
    "INSERT INTO job (tenant, plugin, kind, payload, state, attempt, claims, failures, due_at, cause, origin, error,"
    " created_at) VALUES ",
    "(%s,%s,%s,%s,'queued',0,0,0,%s,%s,%s,'',%s)",
    ("tenant", "plugin", "kind", "payload", "due_at", "cause", "origin", "created_at"),
)
_READ = "SELECT id, origin, cause, body, occurred_at FROM event WHERE id"


def delivery_kind(slug: str, fact_name: str) -> str:
    """Return the kind of the job that delivers a fact to a plugin."""
    return f"fact:{slug}:{fact_name}"


def publish(dispatcher: Dispatcher, ctx: Context, facts: Sequence[Fact]) -> list[UUID]:
    """Write facts and their deliveries in the open transaction; return the events' ids. Raises UndeclaredFact."""
    if not db.in_transaction():
        raise RuntimeError("publish needs an open transaction: a fact is written with what it tells, or not at all")
    now = ctx.now()
    ids: list[UUID] = []
    events: list[tuple[Any, ...]] = []
    jobs: list[tuple[Any, ...]] = []
    for fact in facts:
        event, name = new_id(), dispatcher.registry.require_specified(type(fact), ctx.plugin)
        origin = ctx.origin if ctx.origin != "live" else fact.origin
        ids.append(event)
        body = fact.model_dump_json(exclude=ENVELOPE)
        events.append(
            (ctx.tenant.id, event, name, fact.schema_version, origin, ctx.cause, body, fact.occurred_at or now, now)
        )
        payload = f'{{"event":"{event}"}}'
        for slug in dispatcher.subscribers(ctx, name, origin):
            kind = delivery_kind(slug, name)
            jobs.append((ctx.tenant.id, slug, kind, payload, now, f"fact:{event}", origin, now))
    insert_later(ctx, _EVENT, events)
    insert_later(ctx, JOB, jobs)
    return ids


def publish_alike(
    dispatcher: Dispatcher,
    ctx: Context,
    fact: type[Fact],
    values: Sequence[Mapping[str, Any]],
    occurred_at: Sequence[datetime | None],
) -> None:
    """Write facts of one kind, given by the values of their own fields, as `publish` writes them: for thousands.

    Nothing checks the values; a test of who publishes so compares them with the fact.
    """
    if not db.in_transaction():
        raise RuntimeError("publish needs an open transaction: a fact is written with what it tells, or not at all")
    now, name, origin = ctx.now(), dispatcher.registry.require_specified(fact, ctx.plugin), ctx.origin
    bodies = [to_json(value).decode() for value in values]
    told = [at or now for at in occurred_at]
    ids: list[Any]  # Any: ids of either library
    if len(values) <= FEW:
        ids = [new_id() for _ in values]
        head = (name, fact.schema_version, origin, ctx.cause)
        rows = zip(ids, bodies, told, strict=True)
        insert_later(ctx, _EVENT, [(ctx.tenant.id, event, *head, body, at, now) for event, body, at in rows])
    else:
        ids = [uuid_utils.uuid7() for _ in values]
        same = {"name": name, "schema_version": fact.schema_version, "origin": origin, "cause": ctx.cause}
        columns: Columns = {name: Same(value) for name, value in (same | {"recorded_at": now}).items()}
        insert_columns(
            ctx, Event, len(ids), {"id": [event.hex for event in ids], "body": bodies, "occurred_at": told} | columns
        )
    jobs = [
        (ctx.tenant.id, slug, delivery_kind(slug, name), f'{{"event":"{event}"}}', now, f"fact:{event}", origin, now)
        for slug in dispatcher.subscribers(ctx, name, origin)
        for event in ids
    ]
    insert_later(ctx, JOB, jobs)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event's row as a delivery needs it; one for all the deliveries of a batch that tell of it."""

    id: UUID
    origin: Any  # an Origin, as stored
    cause: str
    body: str
    occurred_at: datetime | None

    def as_fact(self, model: type[Fact]) -> Fact:
        """Return the fact it was, with its envelope."""
        return model(
            **json.loads(self.body),
            occurred_at=self.occurred_at,
            cause=self.cause,
            origin=self.origin,
            event=self.id,
        )


def read_events(ids: Collection[UUID]) -> dict[UUID, StoredEvent]:
    """Return the stored events of any tenant, by id, in one statement; the ones past their keeping are absent.

    For the worker, in its transaction across tenants.
    """
    if not ids:
        return {}
    rows = db.fetch_all(
        db.EVERY_TENANT, _read_statement(len(ids)), [list(ids)] if db.dialect() == "postgresql" else list(ids)
    )
    events = (StoredEvent(uuid_of(r[0]), r[1], r[2], r[3], as_time(r[4])) for r in rows)
    return {event.id: event for event in events}


def _read_statement(count: int) -> db.Sql:
    marks = ",".join(["?"] * count)
    return db.Sql(f"{_READ} = ANY(%s)", sqlite=f"{_READ} IN ({marks})")


def read_event(ctx: Context, event: UUID, model: type[Fact]) -> Fact:
    """Return a stored event as the fact it was, with its envelope. Raises NotFound once it is past its keeping."""
    row = Event.scoped(ctx).get(Event.id == event)
    return StoredEvent(row.id, row.origin, row.cause, row.body, row.occurred_at).as_fact(model)
