"""What runs by the clock: birthdays just after midnight, what expires, what counts as received."""

from datetime import date, timedelta

from plugins.gifts import claims, giving, privacy, rules
from plugins.gifts.giving import BirthdayTurn
from roost import Context, Job, Schedule

DAYS_CAUGHT_UP = 7  # after a halt, nobody's birthday of the last week is forgotten


def birthdays(ctx: Context, slot: str) -> None:
    """Start the chain that gives to everyone whose birthday it is, in the tenant's time zone."""
    ctx.enqueue("gifts.birthdays", BirthdayTurn(day=date.fromisoformat(slot)), dedupe=f"birthdays:{slot}")


def tidy(ctx: Context, slot: str) -> None:
    """Write the standard rules of a new tenant, and end what is over."""
    rules.ensure_standard(ctx)
    claims.expire_due(ctx)
    claims.settle_shipped(ctx)


def remind(ctx: Context, slot: str) -> None:
    """Remind members of gifts that wait in a venue."""
    claims.remind_of_pickups(ctx)


def addresses(ctx: Context, slot: str) -> None:
    """Forget what is no longer needed: addresses, and who was welcomed before they left."""
    privacy.forget_addresses(ctx)
    giving.forget_welcomes(ctx)


JOBS = (Job("birthdays", BirthdayTurn, giving.birthdays),)
SCHEDULES = (
    Schedule("birthdays", birthdays, daily="00:05", catch_up=DAYS_CAUGHT_UP),
    Schedule("tidy", tidy, every=timedelta(minutes=10)),
    Schedule("remind", remind, daily="10:00"),
    Schedule("addresses", addresses, daily="04:20"),
)
