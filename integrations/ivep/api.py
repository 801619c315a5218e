"""What members call, and what staff call beside the console's resources."""

from integrations.ivep import reading, service
from integrations.ivep.schemas import CoachOut, MyCoach
from roost import Context, Endpoints, tenants

member = Endpoints("member")
staff = Endpoints("staff")


@member.get("/coach")
def read_my_coach(ctx: Context) -> MyCoach:
    """Return my coach, with name, picture and venue; null when I have none."""
    found = service.coach_of(ctx, ctx.member)
    if found is None:
        return MyCoach(coach=None)
    venue = tenants.venue(ctx, found.venue) if found.venue else None
    return MyCoach(
        coach=CoachOut(
            id=found.id, name=found.name, title=found.title, picture=found.picture or None, venue=found.venue,
            venue_name=venue.name if venue else None,
        )
    )  # fmt: skip


@staff.post("/reconciliation", permission="ivep.retry", status=204, rate="6/hour")
def start_reconciliation(ctx: Context) -> None:
    """Start reading IVEP's coaches and relations, now; a run that is at work is taken over."""
    reading.start(ctx)
