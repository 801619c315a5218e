"""Work that failed for good, until staff send it again."""

from datetime import datetime

from pydantic import BaseModel, Field

from core.contract.context import Context
from core.contract.rest import Endpoints, Listing, PageQuery
from core.events import jobs
from core.events.models import Job
from core.paging import keyset

group = Endpoints("staff", prefix="/admin/v1/jobs", tag="jobs")


class DeadLetter(BaseModel):
    """A job that failed too often."""

    id: int
    plugin: str
    kind: str
    failures: int
    cause: str
    error: str = Field(description="how it failed last")
    created_at: datetime
    finished_at: datetime | None


@group.get("/dead", permission="jobs.view")
def list_dead_letters(ctx: Context, page: PageQuery) -> Listing[DeadLetter]:
    """List the jobs that failed for good, newest first."""
    rows, after = keyset(Job.scoped(ctx).select().where(Job.state == "dead"), Job.id, page)
    return Listing[DeadLetter](
        items=[DeadLetter.model_validate(row, from_attributes=True) for row in rows], next_cursor=after
    )


@group.post("/dead/{job_id}/replay", permission="jobs.replay")
def replay_dead_letter(ctx: Context, job_id: int) -> None:
    """Put a dead letter back in the queue."""
    jobs.replay_dead(ctx, job_id)
