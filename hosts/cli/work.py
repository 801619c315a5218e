"""Verbs about jobs: what waits, what failed for good, and putting a dead letter back."""

from typing import Annotated

import typer

from hosts.cli.session import open_runtime, open_tenant, show

app = typer.Typer(help="Jobs, deliveries and dead letters.", no_args_is_help=True, rich_markup_mode=None)
COLUMNS = ("id", "tenant", "kind", "state", "failures", "due_at", "error")


@app.command("list")
def list_jobs(
    tenant: Annotated[str | None, typer.Option(help="The tenant's slug; default all.")] = None,
    state: Annotated[str, typer.Option(help="queued, running, dead, done, skipped, or all.")] = "dead",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List jobs; dead letters unless told otherwise."""
    from core import tenants
    from core.errors import Invalid
    from core.events.models import Job

    states = ("queued", "running", "dead", "done", "skipped")
    if state not in (*states, "all"):
        raise Invalid(f"--state is one of {', '.join(states)}, all; not {state!r}", f"状态 {state} 不存在")
    with open_runtime() as runtime:
        named = {t.id: t.slug for t in tenants.all_tenants()}
        ctx = runtime.across_tenants("roost jobs list")
        scope = runtime.system(tenants.by_slug(tenant), "roost jobs list") if tenant else ctx
        query = Job.scoped(scope).select().order_by(Job.id.desc()).limit(limit)
        if state != "all":
            query = query.where(Job.state == state)
        rows = [
            {
                "id": job.id, "tenant": named.get(job.tenant), "kind": job.kind, "plugin": job.plugin,
                "state": job.state, "failures": job.failures, "attempt": job.attempt, "due_at": job.due_at,
                "error": job.error, "cause": job.cause, "payload": job.payload,
            }
            for job in query
        ]  # fmt: skip
    show(rows, COLUMNS, as_json=json)


@app.command("replay")
def replay(
    tenant: Annotated[str, typer.Option(help="The tenant's slug.")],
    job: Annotated[list[int] | None, typer.Argument(help="Numbers of dead letters.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every dead letter of the tenant.")] = False,
) -> None:
    """Put dead letters back in the queue, with their failures forgotten. Audited."""
    from core.errors import Invalid
    from core.events.jobs import replay_dead
    from core.events.models import Job

    if bool(job) == every:
        raise Invalid("name the dead letters to replay, or say --all", "请指定死信编号，或使用 --all")
    with open_tenant(tenant, "jobs replay") as ctx:
        found = (
            [j.id for j in Job.scoped(ctx).select(Job.id).where(Job.state == "dead").order_by(Job.id)] if every else job
        )
        for number in found or ():
            replay_dead(ctx, number)
        print(f"{len(found or ())} put back")
