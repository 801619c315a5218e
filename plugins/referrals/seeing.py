"""What a member sees of the friends they brought."""

from uuid import UUID

from plugins.referrals import relations
from plugins.referrals.counting import counted, month_of, quarter_of
from plugins.referrals.models import ReferralsRelation, ReferralsReward
from plugins.referrals.schemas import InvitationOut, InviteeOut, ReferralSettings
from roost import Context, PageQuery, keyset, members, rewards

SHOWN = ("bound", "converted", "refunded", "void")


def my_invitation(ctx: Context, member: UUID) -> InvitationOut:
    """Return a fresh invitation and what it brings, in the member's language."""
    settings = ctx.settings(ReferralSettings)
    token, until = relations.invitation(ctx, member)
    today = ctx.today()
    quarter = counted(ctx, member, quarter_of(today))

    def words(specs: list[rewards.RewardSpec]) -> list[str]:
        return [rewards.describe(ctx, spec) for spec in specs]

    return InvitationOut(
        token=token,
        path=f"{settings.page}?invitation={token}",
        expires_at=until,
        for_registration=words(settings.registration_rewards),
        for_conversion=words(settings.conversion_rewards),
        for_friend=words(settings.invitee_rewards),
        conversions_this_month=counted(ctx, member, month_of(today)),
        rewarded_a_month=settings.conversions_a_month,
        conversions_this_quarter=quarter,
        next_step=next((s.conversions for s in settings.steps if s.conversions > quarter), None),
    )


def my_invitees(ctx: Context, member: UUID, page: PageQuery) -> tuple[list[InviteeOut], str | None]:
    """Return a page of the friends a member brought, newest first, names masked; and the next cursor."""
    mine = ReferralsRelation.scoped(ctx).select().where(ReferralsRelation.inviter == member)
    rows, cursor = keyset(mine.where(ReferralsRelation.state.in_(SHOWN)), ReferralsRelation.id, page)
    friends = members.get_many(ctx, [row.invitee for row in rows])
    brought = _brought(ctx, member, [row.id for row in rows])
    items = [
        InviteeOut(
            id=row.id,
            name=friends[row.invitee].name if row.invitee in friends else "",
            state=row.state,
            registered_at=row.bound_at,
            converted_at=row.converted_at,
            rewards=brought.get(row.id, []),
        )
        for row in rows
    ]
    return items, cursor


def _brought(ctx: Context, member: UUID, relations_: list[UUID]) -> dict[UUID, list[str]]:
    """Return in words what each relation brought the member and was not clawed back."""
    if not relations_:
        return {}
    settings = ctx.settings(ReferralSettings)
    given = {"registration": settings.registration_rewards, "conversion": settings.conversion_rewards}
    query = (
        ReferralsReward.scoped(ctx)
        .select()
        .where(ReferralsReward.relation.in_(relations_), ReferralsReward.member == member)
    )
    found: dict[UUID, list[str]] = {}
    paid = query.where(ReferralsReward.state == "given", ReferralsReward.role.in_(list(given)))
    for row in paid.order_by(ReferralsReward.id):
        found.setdefault(row.relation, []).extend(rewards.describe(ctx, spec) for spec in given[row.role])
    return found
