"""What the coach link answers, hears and declares."""

from typing import Any
from uuid import UUID

from integrations.ivep import api, console, inbox, jobs, privacy, reading, service
from integrations.ivep.schemas import IvepSettings
from integrations.qinniao import CoachRelationTold, SaasMemberLinked
from roost import Callback, Context, Contribution, hookimpl


@hookimpl
def contribute() -> Contribution:
    return Contribution(
        settings=IvepSettings,
        endpoints=(api.member, api.staff),
        callbacks=(Callback(inbox.receive),),
        resources=(console.coaches, console.relations, console.events, console.lists),
        panels=(console.panel,),
        jobs=jobs.JOBS,
        schedules=jobs.SCHEDULES,
    )


@hookimpl(origins=("live", "import"))
def coach_relation_told(ctx: Context, fact: CoachRelationTold) -> None:
    """Take over, or ask IVEP for, what the SaaS said of a relation."""
    reading.heard_of(ctx, fact)


@hookimpl(origins=("live", "import"))
def saas_member_linked(ctx: Context, fact: SaasMemberLinked) -> None:
    """Match the relations that waited for this person."""
    reading.linked(ctx, fact.number)


@hookimpl
def member_summary(ctx: Context, member: UUID) -> dict[str, Any] | None:
    """Show the coach in `/v1/me` and on the console."""
    found = service.coach_of(ctx, member)
    return {"coach": found.name or found.number} if found is not None else None


@hookimpl
def erase_member(ctx: Context, member: UUID) -> None:
    """Forget who coached the member, and what was pushed of it."""
    privacy.erase(ctx, member)


@hookimpl
def export_member(ctx: Context, member: UUID) -> dict[str, Any] | None:
    """Give the member's coaches."""
    return privacy.export(ctx, member)
