"""What the SaaS link answers, hears and declares."""

from uuid import UUID

from integrations.qinniao import api, console, inbox, jobs, leads, privacy
from integrations.qinniao.schemas import QinniaoSettings
from roost import Callback, Context, Contribution, MemberRegistered, hookimpl

FROM_THE_SAAS = "saas"  # the channel of people whom the SaaS brought: it knows them


@hookimpl
def contribute() -> Contribution:
    return Contribution(
        settings=QinniaoSettings,
        endpoints=(api.staff,),
        callbacks=(Callback(inbox.receive),),
        resources=(console.people, console.events, console.objects, console.lists, console.circuits, console.retries),
        panels=(console.lag,),
        jobs=jobs.JOBS,
        schedules=jobs.SCHEDULES,
    )


@hookimpl
def member_registered(ctx: Context, fact: MemberRegistered) -> None:
    """Match the new person with the SaaS, or push them to it."""
    if fact.channel != FROM_THE_SAAS:
        leads.start(ctx, fact.member)


@hookimpl
def erase_member(ctx: Context, member: UUID) -> None:
    """Forget what the SaaS told of the member, and whatever carries their numbers there."""
    privacy.erase(ctx, member)
