"""What becomes of a claim that was won: used in a venue, sent, refunded, or over when its last day has passed."""

from uuid import UUID

from plugins.seckill import buying
from plugins.seckill.eligibility import in_venues
from plugins.seckill.hookspecs import SeckillExpired
from plugins.seckill.models import SeckillClaim, SeckillItem, SeckillSession
from plugins.seckill.schemas import ClaimRef, Redeem, SeckillSettings
from plugins.seckill.service import CLAIM_STATES, HOUR, lock, put
from roost import Conflict, Context, points, tenants

BATCH = 500


def redeem(ctx: Context, claim_id: UUID, body: Redeem) -> None:
    """Mark a won voucher as used in a venue.

    Raises Forbidden for a venue that is not the account's; Conflict when it is not won, is sent, has ended, is for
    other venues, or its money is on the way back.
    """
    venue = tenants.counter(ctx, body.venue)
    claim = SeckillClaim.scoped(ctx).lock(SeckillClaim.id == claim_id)
    if claim.state != "won":
        raise Conflict(f"this voucher is {claim.state}", _is_zh(claim, "不能核销"), code="not_usable")
    if claim.delivery != "voucher":
        raise Conflict("this is sent, not used in a venue", "该商品为邮寄，不能核销", code="not_usable")
    if claim.expires_at <= ctx.now():
        raise Conflict("this voucher has ended", "凭证已过期", code="expired")
    if claim.order is not None:
        buying.require_kept(ctx, claim)
    item = SeckillItem.scoped(ctx).get(SeckillItem.id == claim.item)
    session = SeckillSession.scoped(ctx).get(SeckillSession.id == claim.session)
    if ctx.settings(SeckillSettings).venues_limit_use and not in_venues(venue, session.venues, item.venues):
        raise Conflict("this voucher is for other venues", "凭证不适用于本店", code="other_venue")
    put(ctx, claim, state="used", venue=venue, ended_at=ctx.now())


def _is_zh(claim: SeckillClaim, what: str) -> str:
    return f"凭证{CLAIM_STATES[claim.state].zh}，{what}"


def refund_own(ctx: Context, member: UUID, claim_id: UUID) -> SeckillClaim:
    """Take back a member's own voucher that is valid and unused, or goods that were not sent yet.

    What is going back or has gone already stays so. Raises NotFound, Conflict (`not_refundable`, `already_sent`).
    """
    claim = lock(ctx, member, claim_id)
    if claim.state in ("refunding", "refunded"):
        return claim
    if claim.state == "won" and (claim.expires_at is None or claim.expires_at > ctx.now()):
        give_back(ctx, claim)
        return claim
    raise Conflict(
        f"only an unused voucher that is valid can be refunded; this one is {claim.state}",
        "只能退有效期内未使用的凭证",
        code="not_refundable",
        state=claim.state,
    )


def refund(ctx: Context, claim_id: UUID, body: None = None) -> None:
    """Take back an unused voucher for staff, also one that has expired. Raises Conflict (`not_refundable`)."""
    claim = SeckillClaim.scoped(ctx).lock(SeckillClaim.id == claim_id)
    if claim.state not in ("won", "expired"):
        raise Conflict(
            f"only an unused voucher can be refunded; this one is {claim.state}",
            _is_zh(claim, "只能退未使用的凭证"),
            code="not_refundable",
            state=claim.state,
        )
    give_back(ctx, claim)


def give_back(ctx: Context, claim: SeckillClaim) -> None:
    """Return what a locked, unused claim cost: points to their lots, money the way it came.

    The stock is not sold again. What has an order is `refunding` until all of it has gone back.
    """
    if claim.order is not None:
        put(ctx, claim, state="refunding")
        buying.refund(ctx, claim)
        return
    if claim.operation is not None:
        points.reverse(ctx, claim.operation, key=f"refund:{claim.id}", reason="seckill_refund")
    put(ctx, claim, state="refunded", ended_at=ctx.now())


def expire_due(ctx: Context, slot: str) -> None:
    """Have every unused voucher whose last day has passed ended, some hundreds at once: by a job each."""
    due = (
        SeckillClaim.scoped(ctx)
        .select(SeckillClaim.id)
        .where(SeckillClaim.state == "won", SeckillClaim.expires_at <= ctx.now())
        .order_by(SeckillClaim.expires_at)
        .limit(BATCH)
    )
    for row in list(due):
        ctx.enqueue("seckill.expire", ClaimRef(claim=row.id), dedupe=f"expire:{row.id}:{slot[:HOUR]}")


def expire(ctx: Context, payload: ClaimRef) -> None:
    """End one voucher whose last day has passed; what it cost goes back where the tenant wants that."""
    claim = SeckillClaim.scoped(ctx).lock(SeckillClaim.id == payload.claim)
    if claim.state != "won" or claim.expires_at is None or claim.expires_at > ctx.now():
        return
    refunded = ctx.settings(SeckillSettings).refund_expired and claim.price_fen + claim.price_points > 0
    if refunded:
        give_back(ctx, claim)
    else:
        put(ctx, claim, state="expired", ended_at=ctx.now())
    ctx.publish(SeckillExpired(member=claim.member, claim=claim.id, item=claim.item, refunded=refunded))
