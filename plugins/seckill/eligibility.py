"""Who may take an item: states, levels, venues, staff, and who is barred for holds that were not paid.

A bar is core's (`members.bar`, function "seckill"), so staff see it, set one by hand and lift it there. The one for
unpaid holds ends `bar_days` times 24 hours after it began.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from plugins.seckill.models import SeckillClaim, SeckillItem, SeckillSession
from plugins.seckill.schemas import MemberRef, SeckillSettings
from roost import Context, Forbidden, members

FUNCTION = "seckill"
UNPAID = "秒杀多次未付款"


def refusal(ctx: Context, view: members.MemberView, session: SeckillSession, item: SeckillItem) -> Forbidden | None:
    """Return why an item is not for a member, or None."""
    settings = ctx.settings(SeckillSettings)
    if settings.exclude_staff and view.class_ in settings.staff_classes:
        return Forbidden("staff do not take part in flash sales", "员工不能参加秒杀", code="not_for_you")
    if item.states and view.state not in item.states:
        return Forbidden("this item is for members in another state", "您的会员身份不符合参加条件", code="not_for_you")
    if item.levels and view.level not in item.levels:
        return Forbidden("this item is for other levels", "您的会员等级不符合参加条件", code="not_for_you")
    if settings.venues_limit_buying and not in_venues(view.venue, session.venues, item.venues):
        return Forbidden("this item is for members of other venues", "仅限指定门店的会员参加", code="not_for_you")
    return None


def in_venues(venue: UUID | None, *limits: Sequence[str]) -> bool:
    """Tell whether a venue is in every one of the lists that are not empty."""
    return all(not limit or str(venue) in limit for limit in limits)


def require_not_barred(ctx: Context, member: UUID) -> None:
    """Raise Forbidden (`barred`) for a member who is kept out, and say until when."""
    members.require_not_barred(ctx, member, FUNCTION)
    settings = ctx.settings(SeckillSettings)
    if len(unpaid(ctx, member)) >= settings.unpaid_limit:  # the job that bars them has not come yet
        raise members.barred(ctx, ctx.now() + timedelta(days=settings.bar_days))


def unpaid(ctx: Context, member: UUID) -> list[UUID]:
    """Return the claims that count towards a bar: unpaid within the days of the settings, and not punished yet."""
    since = ctx.now() - timedelta(days=ctx.settings(SeckillSettings).unpaid_days)
    query = SeckillClaim.scoped(ctx).select(SeckillClaim.id)
    counted = query.where(
        SeckillClaim.member == member,
        SeckillClaim.unpaid == True,  # noqa: E712 -- a query expression
        SeckillClaim.state.in_(("lapsed", "cancelled")),
        SeckillClaim.created_at > since,
    )
    return [row.id for row in counted]


def count_unpaid(ctx: Context, claim: SeckillClaim) -> None:
    """Have a claim that was not paid in time counted once this has committed: by a job, which sees all of them."""
    ctx.enqueue("seckill.bar", MemberRef(member=claim.member), dedupe=f"bar:{claim.id}")


def bar_when_due(ctx: Context, payload: MemberRef) -> None:
    """Keep a member out of flash sales when too many holds were not paid. These count no more afterwards."""
    settings, member = ctx.settings(SeckillSettings), members.get(ctx, payload.member)
    counted = unpaid(ctx, member.id)
    if member.erased or len(counted) < settings.unpaid_limit:
        return
    cleared = (
        SeckillClaim.scoped(ctx)
        .update(unpaid=False)
        .where(SeckillClaim.id.in_(counted), SeckillClaim.unpaid == True)  # noqa: E712 -- a query expression
        .returning(SeckillClaim.id)
        .execute()
    )
    end = ctx.now() + timedelta(days=settings.bar_days)
    longer = any(bar.ends_at is None or bar.ends_at > end for bar in members.bars(ctx, member.id, FUNCTION))
    if list(cleared) and not longer:  # none cleared: another job was first, and has barred them
        members.bar(ctx, member.id, FUNCTION, UNPAID, ends_at=end)
