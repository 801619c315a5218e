"""What members do with gifts: `/v1/gifts`; and what staff need beside the console's resources."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from plugins.gifts import claims, giving
from plugins.gifts.models import GiftsClaim
from plugins.gifts.schemas import AcceptIn, ClaimDetail, ClaimOut, ClaimRow, WhyRevoked
from roost import Body, Context, Endpoints, Listing, PageQuery, Remote, keyset, risk

member = Endpoints("member")
staff = Endpoints("staff")


def _detail(ctx: Context, claim: GiftsClaim) -> ClaimDetail:
    known = ClaimOut.model_validate(claim)
    return ClaimDetail(**known.model_dump(), address=claims.address_of(ctx, claim))


@member.get("/claims")
def my_claims(ctx: Context, page: PageQuery) -> Listing[ClaimOut]:
    """List my gifts and vouchers, newest first."""
    mine = GiftsClaim.scoped(ctx).select().where(GiftsClaim.member == ctx.member)
    rows, cursor = keyset(mine, GiftsClaim.id, page)
    return Listing[ClaimOut](items=rows, next_cursor=cursor)


@member.get("/claims/{claim_id}")
def my_claim(ctx: Context, claim_id: UUID) -> ClaimDetail:
    """Show one of my gifts, with its progress and where it goes."""
    return _detail(ctx, GiftsClaim.scoped(ctx).get(GiftsClaim.id == claim_id, GiftsClaim.member == ctx.member))


@dataclass(frozen=True, slots=True)
class _Accepting:
    """A gift that is being accepted, while it is asked who does."""

    claim: UUID
    body: AcceptIn = field(repr=False)
    asking: risk.Asking


@member.post("/claims/{claim_id}/accept", idempotent=True)
class Accept(Remote):
    """Accept a gift; a physical one needs an address, or a venue to pick it up."""

    def prepare(self, ctx: Context, claim_id: UUID, body: AcceptIn) -> _Accepting:  # type: ignore[override]  # the call's
        """Prepare the question whether this member may claim."""
        GiftsClaim.scoped(ctx).get(GiftsClaim.id == claim_id, GiftsClaim.member == ctx.member)
        return _Accepting(claim_id, body, risk.ask(ctx, ctx.member))

    def waits(self, prepared: _Accepting) -> bool:
        """Tell whether there is anybody to ask."""
        return risk.waits(prepared.asking)

    def call(self, prepared: _Accepting) -> list[Any]:
        """Ask it."""
        return risk.call(prepared.asking)

    def complete(self, ctx: Context, prepared: _Accepting, answer: list[Any]) -> ClaimDetail:
        """Accept the gift."""
        risk.require_fair(ctx, prepared.asking, answer)
        return _detail(ctx, claims.accept(ctx, ctx.member, prepared.claim, prepared.body))


# --- staff ------------------------------------------------------------------------------------------------


class CodeQuery(Body):
    """The code on a member's screen."""

    code: str = Field(min_length=4, max_length=16)


class TakenBack(BaseModel):
    """What came of taking a welcome back."""

    grants: int = Field(description="how many grants were taken back")
    spent: list[str] = Field(description="in words, what had been used already")


@staff.get("/vouchers", permission="gifts.claims")
def find_voucher(ctx: Context, query: CodeQuery) -> ClaimRow:
    """Find a voucher by the code that a member shows at the counter."""
    return ClaimRow.model_validate(claims.find_voucher(ctx, query.code))


@staff.post("/members/{member_id}/welcome/reverse", permission="gifts.claims", idempotent=True)
def reverse_welcome(ctx: Context, member_id: UUID, body: WhyRevoked) -> TakenBack:
    """Take back the new-member gift of a member whose card was refunded; what was used is listed."""
    ctx.require_all_venues()
    done = giving.take_welcome_back(ctx, member_id, body.reason)
    return TakenBack(grants=len(done), spent=[words for one in done for words in one.spent])
