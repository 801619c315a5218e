"""What members do with referrals: `/v1/referrals`."""

from uuid import UUID

from plugins.referrals import seeing
from plugins.referrals.schemas import InvitationOut, InviteeOut
from roost import Context, Endpoints, Listing, PageQuery, Unauthorized

member = Endpoints("member")


def _me(ctx: Context) -> UUID:
    if ctx.actor.id is None:
        raise Unauthorized("sign in as a member", "请先登录")
    return ctx.actor.id


@member.get("/invitation")
def my_invitation(ctx: Context) -> InvitationOut:
    """Return an invitation to share, what it brings, and how many friends came this month and quarter."""
    return seeing.my_invitation(ctx, _me(ctx))


@member.get("/invitees")
def my_invitees(ctx: Context, page: PageQuery) -> Listing[InviteeOut]:
    """List the friends who came by my invitations, newest first; names are masked."""
    items, cursor = seeing.my_invitees(ctx, _me(ctx), page)
    return Listing(items=items, next_cursor=cursor)
