"""What becomes of a claim that was won: used in a venue, sent, refunded, or over when its last day has passed."""

from uuid import UUID

from plugins.seckill import buying
from plugins.seckill.eligibility import in_venues
from plugins.seckill.hookspecs import SeckillExpired
from plugins.seckill.models import SeckillClaim, SeckillItem, SeckillSession
from plugins.seckill.schemas import ClaimRef, SeckillSettings
from plugins.seckill.service import put
from roost import Conflict, Context, Forbidden, points, tenants

BATCH = 500
HOUR = len("2026-11-22T05")  # of a slot: what failed is tried anew an hour later
STATES_ZH = {
    "held": "待确认",
    "closing": "取消中",
    "used": "已核销",
    "shipped": "已发货",
    "expired": "已过期",
    "refunding": "退款中",
    "refunded": "已退",
    "cancelled": "已取消",
    "lapsed": "已超时释放",
}


def redeem(ctx: Context, claim_id: UUID, venue: UUID) -> None:
    """Mark a won voucher as used in a venue.

    Raises Forbidden for a venue that is not the account's; Conflict when it is not won, is sent, has ended, is for
    other venues, or its money is on the way back.
    """
    if ctx.actor.venues and venue not in ctx.actor.venues:
        raise Forbidden("this venue is not yours", "不能为其他门店核销")
    claim = SeckillClaim.scoped(ctx).lock(SeckillClaim.id == claim_id)
    tenants.venue(ctx, venue)
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
    return f"凭证{STATES_ZH.get(claim.state, claim.state)}，{what}"


def refund_own(ctx: Context, member: UUID, claim_id: UUID) -> SeckillClaim:
    """Take back a member's own voucher that is valid and unused, or goods that were not sent yet.

    What is going back or has gone already stays so. Raises NotFound, Conflict (`not_refundable`, `already_sent`).
    """
    claim: SeckillClaim = SeckillClaim.scoped(ctx).lock(SeckillClaim.id == claim_id, SeckillClaim.member == member)
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


def refund(ctx: Context, claim_id: UUID) -> None:
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


def expire(ctx: Context, claim_id: UUID) -> None:
    """End one voucher whose last day has passed; what it cost goes back where the tenant wants that."""
    claim = SeckillClaim.scoped(ctx).lock(SeckillClaim.id == claim_id)
    if claim.state != "won" or claim.expires_at is None or claim.expires_at > ctx.now():
        return
    refunded = ctx.settings(SeckillSettings).refund_expired and claim.price_fen + claim.price_points > 0
    if refunded:
        give_back(ctx, claim)
    else:
        put(ctx, claim, state="expired", ended_at=ctx.now())
    ctx.publish(SeckillExpired(member=claim.member, claim=claim.id, item=claim.item, refunded=refunded))
