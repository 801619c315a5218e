"""What runs by the clock: every day each tenant's levels are judged and notice is given."""

from datetime import timedelta

from plugins.levels import requalifying, rising
from plugins.levels.requalifying import Turn
from roost import Context, Job, Schedule


def judge_periods(ctx: Context, slot: str) -> None:
    """Start the chain that judges every level whose period is over."""
    ctx.enqueue("levels.requalify", Turn(), dedupe=f"requalify:{slot}")


def give_notice(ctx: Context, slot: str) -> None:
    """Start the chain that tells members whose level is at risk."""
    ctx.enqueue("levels.notice", Turn(), dedupe=f"notice:{slot}")


def settle(ctx: Context, slot: str) -> None:
    """Give the first level to members who came without one: by an import, or before the plugin was on."""
    rising.settle(ctx)


JOBS = (Job("requalify", Turn, requalifying.requalify), Job("notice", Turn, requalifying.give_notice))
SCHEDULES = (
    Schedule("requalify", judge_periods, daily="03:10"),
    Schedule("notice", give_notice, daily="09:30"),
    Schedule("settle", settle, every=timedelta(minutes=10)),
)
