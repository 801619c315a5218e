"""The work table: enqueue, claim, run once, fail, retry, dead letters.

A claim commits alone: it raises `attempt` and sets `due_at` to the end of the lease, by the database's clock. Each job
then runs in a transaction of its own, whose first statement marks it done *if the attempt is still ours*. So the
effects and "done" commit together, once; a worker that was killed, or was too slow, changes nothing.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import structlog
from pydantic import BaseModel

from core import db, tenants
from core.clock import SystemClock
from core.context import Actor, Context
from core.errors import ConfigurationError, NotFound
from core.events.models import Job as JobRow
from core.events.outbox import delivery_kind, read_event
from core.runtime.declarations import Job, Next, Remote

if TYPE_CHECKING:
    from core.runtime.runtime import Runtime

log = structlog.get_logger("roost.jobs")
Outcome = Literal["done", "skipped", "retry", "dead", "lost"]
LAST_CLAIM = 50  # claims after which a job that kills its worker is a dead letter
LONGEST_RETRY = timedelta(hours=1)
ERROR_LENGTH = 2000

_COLUMNS = "id, tenant, plugin, kind, payload, attempt, failures, cause, origin, (SELECT version FROM tenant WHERE tenant.id = job.tenant)"
_DONE = db.Sql("UPDATE job SET state = %s, finished_at = %s WHERE id = %s AND attempt = %s AND state = 'running'")
_FAILED = db.Sql(
    "UPDATE job SET state = %s, failures = failures + 1, due_at = %s, error = %s, finished_at = %s"
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
    attempt: int
    failures: int
    cause: str
    origin: Any  # an Origin, as stored
    version: int


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


def known_kinds(runtime: "Runtime") -> list[str]:
    """Return the kinds that this process can run; others stay in the table for a worker that can."""
    registry = runtime.registry
    kinds = [f"{p.slug}.{job.name}" for p in registry.plugins.values() for job in p.jobs]
    kinds += [f"{p.slug}.schedule:{s.name}" for p in registry.plugins.values() for s in p.schedules]
    kinds += [delivery_kind(i.slug, name) for name in registry.facts for i in registry.implementations(name)]
    return sorted({*kinds, *runtime.core_jobs})


def database_now(runtime: "Runtime") -> datetime:
    """Return the instant by the database's clock, so that leases agree between machines; a test's clock wins."""
    if not isinstance(runtime.clock, SystemClock) or db.dialect() == "sqlite":
        return runtime.clock.now()
    row = db.fetch_one(db.EVERY_TENANT, db.Sql("SELECT now()"))
    assert row is not None
    return row[0].astimezone(UTC)  # type: ignore[no-any-return]


def claim(runtime: "Runtime", limit: int, *, only: Iterable[str] | None = None) -> list[Claimed]:
    """Take up to `limit` due jobs; commits before it returns. `only` narrows it to some kinds."""
    kinds = list(runtime.kinds if only is None else only)
    if not kinds:
        return []
    lease = timedelta(seconds=runtime.settings.lease_seconds)

    def work() -> list[Claimed]:
        now = database_now(runtime)
        skip = " FOR UPDATE SKIP LOCKED" if db.dialect() == "postgresql" else ""
        marks = ",".join(["%s"] * len(kinds))
        statement = db.Sql(
            "UPDATE job SET state = 'running', attempt = attempt + 1, due_at = %s WHERE id IN ("
            f"SELECT id FROM job WHERE state IN ('queued', 'running') AND due_at <= %s AND kind IN ({marks})"
            f" ORDER BY due_at LIMIT %s{skip}) RETURNING {_COLUMNS}"
        )
        rows = db.fetch_all(db.EVERY_TENANT, statement, [now + lease, now, *kinds, limit])
        return sorted((Claimed(*row) for row in rows), key=lambda c: c.id)

    return db.run_in_transaction(db.EVERY_TENANT, work)


def renew(runtime: "Runtime", held: Iterable[Claimed]) -> None:
    """Move the end of the leases of jobs still held; a worker does so while it works."""
    jobs = list(held)
    if not jobs:
        return
    until = database_now(runtime) + timedelta(seconds=runtime.settings.lease_seconds)
    marks = " OR ".join(["(id = %s AND attempt = %s)"] * len(jobs))
    statement = db.Sql(f"UPDATE job SET due_at = %s WHERE state = 'running' AND ({marks})")
    db.run_in_transaction(
        db.EVERY_TENANT,
        lambda: db.run(db.EVERY_TENANT, statement, [until, *(v for j in jobs for v in (j.id, j.attempt))]),
    )


def give_back(runtime: "Runtime", held: Iterable[Claimed]) -> None:
    """Return claimed jobs that were not started, so that another worker takes them at once."""
    jobs = list(held)
    if not jobs:
        return
    marks = " OR ".join(["(id = %s AND attempt = %s)"] * len(jobs))
    statement = db.Sql(f"UPDATE job SET state = 'queued', due_at = %s WHERE state = 'running' AND ({marks})")
    db.run_in_transaction(
        db.EVERY_TENANT,
        lambda: db.run(db.EVERY_TENANT, statement, [runtime.clock.now(), *(v for j in jobs for v in (j.id, j.attempt))]),
    )


def context_of(runtime: "Runtime", job: Claimed) -> Context:
    """Return the context a claimed job runs in: the system's, caused by the job or by the fact it delivers."""
    return Context(
        runtime=runtime,
        tenant=tenants.by_id(job.tenant, job.version),
        actor=Actor("system", reason=job.kind),
        plugin=job.plugin,
        cause=job.cause if job.kind.startswith("fact:") else f"job:{job.id}",
        origin=job.origin,
    )


def run(runtime: "Runtime", job: Claimed) -> Outcome:
    """Run one claimed job to its end. Never raises for what the job does; only for a lost database."""
    ctx = context_of(runtime, job)
    try:
        outcome = _run(runtime, ctx, job)
    except Exception as ex:  # whatever a plugin's code raises: the job fails alone
        if db.is_lost_connection(ex):
            raise
        return _fail(runtime, ctx, job, ex)
    log.debug("job_finished", job=job.id, kind=job.kind, tenant=ctx.tenant.slug, outcome=outcome)
    return outcome


def _mark(runtime: "Runtime", ctx: Context, job: Claimed, state: str) -> bool:
    """Mark the job done if the attempt is ours: the first statement of the job's transaction."""
    return bool(db.run(ctx.scope, _DONE, (state, runtime.clock.now(), job.id, job.attempt)).rowcount)


def _run(runtime: "Runtime", ctx: Context, job: Claimed) -> Outcome:
    declared = runtime.registry.job(job.kind)
    off = job.plugin not in ctx.tenant.plugins and job.plugin != "core"
    if off and not (declared and declared[1].when_off == "run"):
        return "skipped" if ctx.run(lambda: _mark(runtime, ctx, job, "skipped")) else "lost"
    if job.attempt > LAST_CLAIM:
        raise ConfigurationError(f"claimed {job.attempt - 1} times and never finished: it seems to end its worker")
    if declared is not None and isinstance(declared[1].run, type):
        return _run_remote(runtime, ctx, job, declared[1].run(), declared[1])
    work = _work_of(runtime, ctx, job, declared[1] if declared else None)

    def once() -> Outcome:
        if not _mark(runtime, ctx, job, "done"):
            return "lost"
        _follow(ctx, job, work())
        return "done"

    return ctx.run(once)


def _work_of(runtime: "Runtime", ctx: Context, job: Claimed, declared: Job | None) -> Callable[[], Next | None]:
    if declared is not None:
        assert not isinstance(declared.run, type)
        function, payload = declared.run, declared.payload.model_validate_json(job.payload)
        return lambda: function(ctx, payload)
    if job.kind in runtime.core_jobs:
        core_job = runtime.core_jobs[job.kind]
        return lambda: core_job(ctx, json.loads(job.payload))
    if job.kind.startswith("fact:"):
        _, slug, name = job.kind.split(":", 2)
        handler, model = runtime.dispatcher.handler(slug, name), runtime.registry.facts.get(name)
        if handler is None or model is None:
            raise ConfigurationError(f"no handler of {slug} for {name}")
        event = UUID(json.loads(job.payload)["event"])

        def deliver() -> None:
            handler(ctx, read_event(ctx, event, model))

        return deliver
    slug, _, name = job.kind.partition(".schedule:")
    plugin = runtime.registry.plugins.get(slug)
    schedule = next((s for s in plugin.schedules if s.name == name), None) if plugin else None
    if schedule is None:
        raise ConfigurationError(f"nothing here runs jobs of the kind {job.kind}")
    slot = json.loads(job.payload)["slot"]
    return lambda: schedule.run(ctx, slot)


def _run_remote(runtime: "Runtime", ctx: Context, job: Claimed, remote: Remote, declared: Job) -> Outcome:
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
        if not _mark(runtime, ctx, job, "done"):
            return "lost"
        _follow(ctx, job, remote.complete(ctx, prepared[0], answer))
        return "done"

    return ctx.run(complete)


def _follow(ctx: Context, job: Claimed, result: Any) -> None:
    if isinstance(result, Next):
        enqueue(ctx, job.kind, result.payload, plugin=job.plugin, run_at=ctx.now() + result.after)


def _fail(runtime: "Runtime", ctx: Context, job: Claimed, ex: Exception) -> Outcome:
    declared = runtime.registry.job(job.kind)
    most = declared[1].max_failures if declared else 10
    first = declared[1].first_retry if declared else timedelta(seconds=5)
    dead = job.failures + 1 >= most or job.attempt > LAST_CLAIM
    now = runtime.clock.now()
    retry_at = database_now(runtime) + min(first * 2 ** min(job.failures, 20), LONGEST_RETRY)
    said = f"{type(ex).__name__}: {ex}"[:ERROR_LENGTH]
    log.warning(
        "job_failed", job=job.id, kind=job.kind, tenant=ctx.tenant.slug, plugin=job.plugin,
        error=type(ex).__name__, dead=dead, failures=job.failures + 1, exc_info=not dead,
    )  # fmt: skip
    values = ("dead" if dead else "queued", retry_at, said, now if dead else None, job.id, job.attempt)
    changed = ctx.run(lambda: db.run(ctx.scope, _FAILED, values).rowcount)
    return "lost" if not changed else "dead" if dead else "retry"


# --- looking after ---------------------------------------------------------------------------------------------------


def replay_dead(ctx: Context, job_id: int) -> None:
    """Put a dead letter back in the queue, with its failures forgotten. Raises NotFound when it is not one. Audited."""
    with ctx.transaction():
        changed = (
            JobRow.scoped(ctx)
            .update(state="queued", failures=0, attempt=0, due_at=ctx.now(), error="", finished_at=None)
            .where(JobRow.id == job_id, JobRow.state == "dead")
            .execute()
        )
        if not changed:
            raise NotFound(f"no dead letter {job_id}", f"没有死信 {job_id}")
        ctx.runtime.audit(ctx, "job.replayed", str(job_id))
        ctx.runtime.ring_after_commit()


def clean(runtime: "Runtime", *, jobs_days: int = 7, events_days: int = 100, batch: int = 5000) -> int:
    """Delete finished jobs and events past their keeping, a batch at a time; return how many rows went."""
    now, gone = runtime.clock.now(), 0
    for sql, before in (
        (
            "DELETE FROM job WHERE id IN (SELECT id FROM job WHERE state IN ('done', 'skipped') AND finished_at < %s LIMIT %s)",
            now - timedelta(days=jobs_days),
        ),
        ("DELETE FROM event WHERE id IN (SELECT id FROM event WHERE recorded_at < %s LIMIT %s)", now - timedelta(days=events_days)),
    ):
        while True:
            count = db.run_in_transaction(
                db.EVERY_TENANT, lambda s=sql, b=before: db.run(db.EVERY_TENANT, db.Sql(s), (b, batch)).rowcount
            )
            gone += count
            if count < batch:
                break
    return gone


def waiting(runtime: "Runtime") -> int:
    """Return how many jobs are not finished."""
    row = db.fetch_one(db.EVERY_TENANT, db.Sql("SELECT count(*) FROM job WHERE state IN ('queued', 'running')"))
    assert row is not None
    return int(row[0])


def drain(runtime: "Runtime", *, only: Iterable[str] | None = None, most: int = 1_000_000, batch: int = 100) -> int:
    """Run due jobs in this thread until none is due; return how many ran. For tests, commands and the demo."""
    count = 0
    while count < most:
        claimed = claim(runtime, batch, only=only)
        if not claimed:
            break
        for job in claimed:
            run(runtime, job)
            count += 1
    return count

