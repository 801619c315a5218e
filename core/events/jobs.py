"""The work table: enqueue, claim, run once, fail, retry, dead letters.

A claim commits alone: it raises `attempt` and sets `due_at` to the end of the lease, by the database's clock. Each job
then runs in a transaction of its own, whose first statement marks it done *if the attempt is still ours*. So the
effects and "done" commit together, once; a worker that was killed, or was too slow, changes nothing.
"""

import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import structlog
from pydantic import BaseModel

from core import db, tenants
from core.bulk import delete_some
from core.clock import SystemClock
from core.contract.context import Actor, Context
from core.contract.remote import Remote
from core.contract.work import Job, Next
from core.errors import ConfigurationError, NotFound
from core.events.models import Event, ScheduleSlot
from core.events.models import Job as JobRow
from core.events.outbox import JOB, StoredEvent, delivery_kind, read_event, read_events
from core.events.process import Process
from core.privacy import redact_phones

log = structlog.get_logger("roost.jobs")
Outcome = Literal["done", "skipped", "retry", "dead", "lost"]
LAST_CLAIM = 50  # claims without an end after which a job, which seems to kill its worker, is a dead letter
LONGEST_RETRY = timedelta(hours=1)
ERROR_LENGTH = 2000

SLOTS_DAYS = 50  # fired slots are kept for longer than `schedules` looks back

_COLUMNS = (
    "id, tenant, plugin, kind, payload, attempt, claims, failures, cause, origin,"
    " (SELECT version FROM tenant WHERE tenant.id = job.tenant)"
)
_DUE = "FROM job WHERE state IN ('queued', 'running') AND due_at <= %s AND kind"
_PUT = JOB.statement(1)
_DONE = db.Sql("UPDATE job SET state = %s, finished_at = %s WHERE id = %s AND attempt = %s AND state = 'running'")
_FAILED = db.Sql(
    "UPDATE job SET state = %s, failures = failures + 1, claims = 0, due_at = %s, error = %s, finished_at = %s"
    " WHERE id = %s AND attempt = %s AND state = 'running'"
)
_HELD = db.Sql("SELECT 1 FROM job WHERE id = %s AND attempt = %s AND state = 'running'")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job this worker holds until its lease ends."""

    id: int
    tenant: int
    plugin: str
    kind: str
    payload: str
    attempt: int  # the fence
    claims: int
    failures: int
    cause: str
    origin: Any  # an Origin, as stored
    version: int  # of the tenant's configuration
    event: StoredEvent | None = None  # what a delivery tells of, read for the whole batch


def enqueue(
    ctx: Context,
    kind: str,
    payload: BaseModel,
    *,
    plugin: str | None = None,
    run_at: datetime | None = None,
    dedupe: str | None = None,
) -> bool:
    """Put a job in the table in the open transaction; return False when its `dedupe` is there already."""
    now = ctx.now()
    if dedupe is None and ctx.scope != db.EVERY_TENANT:  # raw: a burst of callbacks puts one for each
        values = (
            ctx.tenant.id, plugin or kind.partition(".")[0], kind, payload.model_dump_json(), run_at or now, ctx.cause,
            ctx.origin, now,
        )  # fmt: skip
        db.refuse_when_read_only()
        db.run(ctx.scope, _PUT, values)
        return True
    query = JobRow.scoped(ctx).insert(
        plugin=plugin or kind.partition(".")[0],
        kind=kind,
        payload=payload.model_dump_json(),
        due_at=run_at or now,
        cause=ctx.cause,
        origin=ctx.origin,
        dedupe=dedupe,
        created_at=now,
    )
    if dedupe is None:
        query.execute()
        return True
    return bool(list(query.on_conflict_ignore().returning(JobRow.id).execute()))


def known_kinds(process: Process) -> list[str]:
    """Return the kinds that this process can run; others stay in the table for a worker that can."""
    registry = process.registry
    kinds = [f"{p.slug}.{job.name}" for p in registry.plugins.values() for job in p.gives.jobs]
    kinds += [f"{slug}.schedule:{schedule.name}" for slug, schedule in process.schedules()]
    kinds += [delivery_kind(i.slug, name) for name in registry.facts for i in registry.implementations(name)]
    kinds += [
        delivery_kind(p.slug, name) for name in registry.facts for p in registry.plugins.values() if p.gives.listener
    ]
    return sorted({*kinds, *process.core_jobs})


def database_now(process: Process) -> datetime:
    """Return the instant by the database's clock, so that leases agree between machines; a test's clock wins."""
    if not isinstance(process.clock, SystemClock) or db.dialect() == "sqlite":
        return process.clock.now()
    row = db.fetch_one(db.EVERY_TENANT, db.Sql("SELECT now()"))
    assert row is not None
    return row[0].astimezone(UTC)  # type: ignore[no-any-return]


def claim(process: Process, limit: int, *, only: Iterable[str] | None = None) -> list[Claimed]:
    """Take up to `limit` due jobs; commits before it returns. `only` narrows it to some kinds.

    Jobs whose claims did not come to an end before are last and shuffled: when one of them kills its worker, the others
    get their turn.
    """
    kinds = list(process.kinds if only is None else only)
    if not kinds:
        return []
    lease = timedelta(seconds=process.settings.lease_seconds)

    def work() -> list[Claimed]:
        now = database_now(process)
        taken = "UPDATE job SET state = 'running', attempt = attempt + 1, claims = claims + 1, due_at = %s WHERE id"
        statement = db.Sql(  # ANY(ARRAY(…)): the inner query runs once, so that no more than `limit` are taken
            f"{taken} = ANY(ARRAY(SELECT id {_DUE} = ANY(%s) ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED))"
            f" RETURNING {_COLUMNS}",
            sqlite=f"{taken} IN (SELECT id {_DUE} IN ({_marks(kinds)}) ORDER BY due_at LIMIT %s) RETURNING {_COLUMNS}",
        )
        rows = db.fetch_all(db.EVERY_TENANT, statement, [now + lease, now, *_among(kinds), limit])
        jobs = [Claimed(*row) for row in rows]
        events = read_events({event for job in jobs if (event := _event_of(job)) is not None})
        return [replace(job, event=events.get(event)) if (event := _event_of(job)) else job for job in jobs]

    found = db.run_in_transaction(db.EVERY_TENANT, work)
    return sorted(found, key=lambda job: (job.claims > 1, random.random() if job.claims > 1 else job.id))


def _marks(values: Sequence[str]) -> str:
    return ",".join(["?"] * len(values))


def _among(values: Sequence[str]) -> list[Any]:
    """Return the parameters of `= ANY(%s)` on PostgreSQL, of `IN (?, …)` on SQLite."""
    return [values] if db.dialect() == "postgresql" else list(values)


def _event_of(job: Claimed) -> UUID | None:
    return UUID(json.loads(job.payload)["event"]) if job.kind.startswith("fact:") else None


def is_due(process: Process) -> bool:
    """Tell whether there is a job to claim: queued and due, or running with a lease that ran out."""
    kinds = process.kinds
    statement = db.Sql(f"SELECT 1 {_DUE} = ANY(%s) LIMIT 1", sqlite=f"SELECT 1 {_DUE} IN ({_marks(kinds)}) LIMIT 1")
    work = lambda: db.fetch_one(db.EVERY_TENANT, statement, [database_now(process), *_among(kinds)])  # noqa: E731
    return bool(kinds) and db.run_in_transaction(db.EVERY_TENANT, work) is not None


def renew(process: Process, held: Iterable[Claimed]) -> None:
    """Move the end of the leases of jobs still held; a worker does so while it works.

    A job at work in a transaction has its row locked, needs no lease, and is passed over.
    """

    def work() -> None:
        until = database_now(process) + timedelta(seconds=process.settings.lease_seconds)
        _update_held("due_at = %s", until, held)

    db.run_in_transaction(db.EVERY_TENANT, work)


def give_back(process: Process, held: Iterable[Claimed]) -> None:
    """Return claimed jobs that were not started, so that another worker takes them at once."""
    changes = "state = 'queued', claims = claims - 1, due_at = %s"
    db.run_in_transaction(db.EVERY_TENANT, lambda: _update_held(changes, database_now(process), held))


def _update_held(changes: str, value: datetime, held: Iterable[Claimed]) -> None:
    """Change jobs whose attempt is still ours."""
    jobs = list(held)
    if not jobs:
        return
    skip = " FOR UPDATE SKIP LOCKED" if db.dialect() == "postgresql" else ""
    mine = " OR ".join(["(id = %s AND attempt = %s)"] * len(jobs))
    statement = db.Sql(
        f"UPDATE job SET {changes} WHERE id IN (SELECT id FROM job WHERE state = 'running' AND ({mine}){skip})"
    )
    db.run(db.EVERY_TENANT, statement, [value, *(v for job in jobs for v in (job.id, job.attempt))])


def context_of(process: Process, job: Claimed) -> Context:
    """Return the context a claimed job runs in: the system's, caused by the job or by the fact it delivers."""
    return Context(
        services=process,
        tenant=tenants.by_id(job.tenant, job.version),
        actor=Actor("system", reason=job.kind),
        plugin=job.plugin,
        cause=job.cause if job.kind.startswith("fact:") else f"job:{job.id}",
        origin=job.origin,
    )


def run(process: Process, job: Claimed) -> Outcome:
    """Run one claimed job to its end. Never raises for what the job does; only for a lost database."""
    ctx = context_of(process, job)
    try:
        outcome = _run(process, ctx, job)
    except (Exception, SystemExit) as ex:  # whatever a plugin's code raises: the job fails alone
        if db.is_lost_connection(ex):
            raise
        return _fail(process, ctx, job, ex)
    log.debug("job_finished", job=job.id, kind=job.kind, tenant=ctx.tenant.slug, outcome=outcome)
    return outcome


def _mark(process: Process, ctx: Context, job: Claimed, state: str) -> bool:
    """Mark the job done if the attempt is ours: the first statement of the job's transaction."""
    return bool(db.run(ctx.scope, _DONE, (state, process.clock.now(), job.id, job.attempt)).rowcount)


def _run(process: Process, ctx: Context, job: Claimed) -> Outcome:
    declared = process.registry.job(job.kind)
    off = job.plugin not in ctx.tenant.plugins and job.plugin != "core"
    if off and not (declared and declared[1].when_off == "run"):
        return "skipped" if ctx.run(lambda: _mark(process, ctx, job, "skipped")) else "lost"
    if job.claims > LAST_CLAIM:
        raise ConfigurationError(f"claimed {job.claims - 1} times and never finished: it seems to end its worker")
    if declared is not None and isinstance(declared[1].run, type):
        return _run_remote(process, ctx, job, declared[1].run(), declared[1])
    work = _work_of(process, ctx, job, declared[1] if declared else None)

    def once() -> Outcome:
        if not _mark(process, ctx, job, "done"):
            return "lost"
        _follow(ctx, job, work())
        return "done"

    return ctx.run(once)


def _work_of(process: Process, ctx: Context, job: Claimed, declared: Job | None) -> Callable[[], Next | None]:
    if declared is not None:
        assert not isinstance(declared.run, type)
        function, payload = declared.run, declared.payload.model_validate_json(job.payload)
        return lambda: function(ctx, payload)
    if job.kind in process.core_jobs:
        core_job = process.core_jobs[job.kind]
        return lambda: core_job(ctx, json.loads(job.payload))
    if job.kind.startswith("fact:"):
        _, slug, name = job.kind.split(":", 2)
        handler, model = process.dispatcher.handler(slug, name), process.registry.facts.get(name)
        if handler is None or model is None:
            raise ConfigurationError(f"no handler of {slug} for {name}")
        if job.event is None:  # past its keeping: say so
            return lambda: handler(ctx, read_event(ctx, UUID(json.loads(job.payload)["event"]), model))
        event = job.event
        return lambda: handler(ctx, event.as_fact(model))
    slug, _, name = job.kind.partition(".schedule:")
    schedule = next((s for owner, s in process.schedules() if (owner, s.name) == (slug, name)), None)
    if schedule is None:
        raise ConfigurationError(f"nothing here runs jobs of the kind {job.kind}")
    slot = json.loads(job.payload)["slot"]
    return lambda: schedule.run(ctx, slot)


def _run_remote(process: Process, ctx: Context, job: Claimed, remote: Remote, declared: Job) -> Outcome:
    payload = declared.payload.model_validate_json(job.payload)

    def prepare() -> Any:
        if db.fetch_one(ctx.scope, _HELD, (job.id, job.attempt)) is None:
            return None
        return (remote.prepare(ctx, payload=payload),)

    prepared = ctx.run(prepare)
    if prepared is None:
        return "lost"
    answer = remote.call(prepared[0])

    def complete() -> Outcome:
        if not _mark(process, ctx, job, "done"):
            return "lost"
        _follow(ctx, job, remote.complete(ctx, prepared[0], answer))
        return "done"

    return ctx.run(complete)


def _follow(ctx: Context, job: Claimed, result: Any) -> None:
    if isinstance(result, Next):
        enqueue(ctx, job.kind, result.payload, plugin=job.plugin, run_at=ctx.now() + result.after)


def _fail(process: Process, ctx: Context, job: Claimed, ex: BaseException) -> Outcome:
    declared = process.registry.job(job.kind)
    most = declared[1].max_failures if declared else 10
    first = declared[1].first_retry if declared else timedelta(seconds=5)
    dead = job.failures + 1 >= most or job.claims > LAST_CLAIM
    now = process.clock.now()
    retry_at = database_now(process) + min(first * 2 ** min(job.failures, 20), LONGEST_RETRY)
    said = _told(ex)
    log.warning(
        "job_failed", job=job.id, kind=job.kind, tenant=ctx.tenant.slug, plugin=job.plugin,
        error=type(ex).__name__, dead=dead, failures=job.failures + 1, exc_info=not dead,
    )  # fmt: skip
    values = ("dead" if dead else "queued", retry_at, said, now if dead else None, job.id, job.attempt)
    changed = ctx.run(lambda: db.run(ctx.scope, _FAILED, values).rowcount)
    return "lost" if not changed else "dead" if dead else "retry"


def _told(ex: BaseException) -> str:
    """Return what staff read of a failure: a driver's message may quote a row, and characters that no column takes."""
    text = f"{type(ex).__name__}: {ex}"[:ERROR_LENGTH].replace("\x00", "\ufffd")
    return redact_phones(text.encode("utf-8", "replace").decode("utf-8"))


# --- looking after ---------------------------------------------------------------------------------------------------


def replay_dead(ctx: Context, job_id: int) -> None:
    """Put a dead letter back in the queue, with its failures forgotten. Raises NotFound when it is not one. Audited.

    `attempt` goes on from where it was: a worker that held the job long ago must not be taken for its holder.
    """
    with ctx.transaction():
        changed = (
            JobRow.scoped(ctx)
            .update(state="queued", failures=0, claims=0, due_at=ctx.now(), error="", finished_at=None)
            .where(JobRow.id == job_id, JobRow.state == "dead")
            .execute()
        )
        if not changed:
            raise NotFound(f"no dead letter {job_id}", f"没有死信 {job_id}")
        ctx.audit("job.replayed", str(job_id))
        ctx.services.ring_after_commit()


def clean(ctx: Context, *, jobs_days: int = 7, events_days: int = 100) -> bool:
    """Delete some of a tenant's finished jobs, events and fired slots past their keeping; tell if more may be left."""
    now = ctx.now()
    finished = JobRow.state.in_(("done", "skipped")), JobRow.finished_at < now - timedelta(days=jobs_days)
    more = (
        delete_some(ctx, JobRow, *finished),
        delete_some(ctx, Event, Event.recorded_at < now - timedelta(days=events_days)),
        delete_some(ctx, ScheduleSlot, ScheduleSlot.fired_at < now - timedelta(days=SLOTS_DAYS)),
    )
    return any(more)


def waiting(process: Process) -> int:
    """Return how many jobs are not finished."""
    row = db.fetch_one(db.EVERY_TENANT, db.Sql("SELECT count(*) FROM job WHERE state IN ('queued', 'running')"))
    assert row is not None
    return int(row[0])


def drain(process: Process, *, only: Iterable[str] | None = None, most: int = 1_000_000, batch: int = 100) -> int:
    """Run due jobs in this thread until none is due; return how many ran. For tests, commands and the demo."""
    count = 0
    while count < most:
        claimed = claim(process, batch, only=only)
        if not claimed:
            break
        for job in claimed:
            run(process, job)
            count += 1
    return count
