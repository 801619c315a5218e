"""What members do with gifts: `/v1/gifts`; and what staff need beside the console's resources."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from plugins.gifts import claims, giving
from plugins.gifts.models import GiftsClaim
from plugins.gifts.schemas import AcceptIn, ClaimDetail, ClaimOut, ClaimRow, Reason
from roost import Context, Endpoints, Forbidden, Listing, PageQuery

member = Endpoints("member")
staff = Endpoints("staff")


def _detail(ctx: Context, claim: GiftsClaim) -> ClaimDetail:
    known = ClaimOut.model_validate(claim, from_attributes=True)
    return ClaimDetail(**known.model_dump(), address=claims.address_of(ctx, claim))


@member.get("/claims")
def my_claims(ctx: Context, page: PageQuery) -> Listing[ClaimOut]:
    """List my gifts and vouchers, newest first."""
    rows, cursor = claims.mine(ctx, ctx.member, page)
    return Listing(items=[ClaimOut.model_validate(row, from_attributes=True) for row in rows], next_cursor=cursor)


@member.get("/claims/{claim_id}")
def my_claim(ctx: Context, claim_id: UUID) -> ClaimDetail:
    """Show one of my gifts, with its progress and where it goes."""
    return _detail(ctx, claims.one_of(ctx, ctx.member, claim_id))


@member.post("/claims/{claim_id}/accept", idempotent=True)
def accept(ctx: Context, claim_id: UUID, body: AcceptIn) -> ClaimDetail:
    """Accept a gift; a physical one needs an address, or a venue to pick it up."""
    return _detail(ctx, claims.accept(ctx, ctx.member, claim_id, body))


# --- staff ------------------------------------------------------------------------------------------------


class WhyReversed(BaseModel):
    """Why a welcome is taken back."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = Field(description="kept in the audit")


class CodeQuery(BaseModel):
    """The code on a member's screen."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(min_length=4, max_length=16)


class TakenBack(BaseModel):
    """What came of taking a welcome back."""

    grants: int = Field(description="how many grants were taken back")
    spent: list[str] = Field(description="in words, what had been used already")


@staff.get("/vouchers", permission="gifts.claims")
def find_voucher(ctx: Context, query: CodeQuery) -> ClaimRow:
    """Find a voucher by the code that a member shows at the counter."""
    return ClaimRow.model_validate(claims.find_voucher(ctx, query.code), from_attributes=True)


@staff.post("/members/{member_id}/welcome/reverse", permission="gifts.claims", idempotent=True)
def reverse_welcome(ctx: Context, member_id: UUID, body: WhyReversed) -> TakenBack:
    """Take back the new-member gift of a member whose card was refunded; what was used is listed."""
    if ctx.actor.venues:
        raise Forbidden("only head office takes a welcome back", "仅总部可收回新会员礼")
    done = giving.take_welcome_back(ctx, member_id, body.reason)
    return TakenBack(grants=len(done), spent=[words for one in done for words in one.spent])
