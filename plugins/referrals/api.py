"""What members do with referrals: `/v1/referrals`."""

from plugins.referrals import seeing
from plugins.referrals.schemas import InvitationOut, InviteeOut
from roost import Context, Endpoints, Listing, PageQuery

member = Endpoints("member")


@member.get("/invitation")
def my_invitation(ctx: Context) -> InvitationOut:
    """Return an invitation to share, what it brings, and how many friends came this month and quarter."""
    return seeing.my_invitation(ctx, ctx.member)


@member.get("/invitees")
def my_invitees(ctx: Context, page: PageQuery) -> Listing[InviteeOut]:
    """List the friends who came by my invitations, newest first; names are masked."""
    items, cursor = seeing.my_invitees(ctx, ctx.member, page)
    return Listing(items=items, next_cursor=cursor)
