"""Hook calls turned into service calls."""

from plugins.visits import api, console, jobs, silence
from plugins.visits.schemas import VisitSettings
from roost import Context, Contribution, MemberConverted, MemberUpdated, hookimpl


@hookimpl
def contribute() -> Contribution:
    return Contribution(
        settings=VisitSettings,
        endpoints=(api.member, api.staff),
        resources=(console.visits,),
        panels=(console.today,),
        jobs=jobs.JOBS,
        schedules=jobs.SCHEDULES,
    )


@hookimpl(origins=("live", "import"))
def member_converted(ctx: Context, fact: MemberConverted) -> None:
    """Count the silence from the membership's beginning."""
    silence.converted(ctx, fact)


@hookimpl(origins=("live", "import"))
def member_updated(ctx: Context, fact: MemberUpdated) -> None:
    """Count the silence anew after a freeze or a lapse."""
    silence.updated(ctx, fact)
