"""What members ask about levels: `/v1/levels`."""

from plugins.levels import service
from plugins.levels.schemas import LadderOut, MyLevelOut
from roost import Context, Endpoints

member = Endpoints("member")


@member.get("")
def all_levels(ctx: Context) -> LadderOut:
    """List the levels, lowest first, with what each needs and brings."""
    return service.all_levels(ctx)


@member.get("/me")
def mine(ctx: Context) -> MyLevelOut:
    """Show my level, the growth missing for the next one, and the day it is judged again."""
    return service.mine(ctx, ctx.member)
